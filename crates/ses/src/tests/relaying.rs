use super::fixture::*;
use cloudlet_api_ses::*;
use cloudlet_engine::{Boxed, MailRelay, RelayError};
use std::sync::{Arc, Mutex};

/// A server that does not take the first mail it is given.
#[derive(Default)]
struct Elsewhere(Mutex<Vec<(String, Vec<String>, String)>>, Mutex<bool>);

impl MailRelay for Elsewhere {
    fn send<'a>(&'a self, from: &'a str, to: &'a [String], message: bytes::Bytes) -> Boxed<'a, Result<(), RelayError>> {
        Box::pin(async move {
            if !std::mem::replace(&mut *self.1.lock().unwrap(), true) {
                return Err(RelayError::Failed("busy".into()));
            }
            self.0.lock().unwrap().push((from.to_owned(), to.to_vec(), String::from_utf8_lossy(&message).into_owned()));
            Ok(())
        })
    }
}

#[tokio::test]
async fn a_mail_leaves_when_there_is_a_relay_and_is_tried_again() {
    let elsewhere = Arc::<Elsewhere>::default();
    let cloud = builder_with(FREE, Some(elsewhere.clone())).0.journaled().build();
    cloud.ok::<VerifyEmailIdentity>(VerifyEmailIdentityRequest { email_address: "ann@example.com".into() }).await;
    send(&cloud, "ann@example.com", &["bob@other.com", "success@simulator.amazonses.com"]).await.unwrap();
    cloud.settle().await;
    assert!(elsewhere.0.lock().unwrap().is_empty());
    assert!(newest_mail(&cloud).to.contains(&"bob@other.com".to_owned()), "it lies in the mailbox all the same");
    let again = cloud.restart();
    again.pass(60).await;
    let sent = elsewhere.0.lock().unwrap().clone();
    assert_eq!(sent.len(), 1);
    assert!(sent[0].0.ends_with("@amazonses.com"), "{}", sent[0].0);
    assert_eq!(sent[0].1, ["bob@other.com"], "the simulator is here");
    assert!(sent[0].2.contains("DKIM-Signature"), "{}", sent[0].2);
}
