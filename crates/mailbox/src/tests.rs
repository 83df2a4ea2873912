use crate::{Channel, Mail, MailFilter, Mailbox, MailboxLimits, Signer, piece::TEXT_IN_ROW};
use bytes::Bytes;
use cloudlet_aws::Timestamp;
use cloudlet_store::{BlobId, Blobs, Journal};
use std::sync::Arc;

fn mail(to: &str, body: &str) -> Mail {
    Mail { from: "no-reply@sns.amazonaws.com".into(), to: vec![to.into()], body: body.into(), ..Mail::new(Timestamp(0), Channel::Email, "sns") }
}

#[test]
fn mail_is_found_by_who_it_is_for_the_newest_first() {
    let mailbox = Mailbox::new(&Journal::off(), Blobs::memory(), MailboxLimits::default());
    mailbox.put(mail("ann@example.com", "1"));
    mailbox.put(mail("bob@example.com", "2"));
    mailbox.put(mail("ann@example.com", "3"));
    let filter = MailFilter { to: Some("ann@example.com".into()), ..MailFilter::default() };
    let bodies: Vec<_> = mailbox.list(&filter, 10).into_iter().map(|(_, mail)| mail.body.clone()).collect();
    assert_eq!(bodies, ["3", "1"]);
    assert!(mailbox.list(&MailFilter { channel: Some(Channel::Sms), ..MailFilter::default() }, 10).is_empty());
    assert_eq!(mailbox.list(&MailFilter { before: Some(3), ..MailFilter::default() }, 1)[0].1.body, "2");
    let numbers = |filter: MailFilter| mailbox.list(&filter, 10).into_iter().map(|(number, _)| number).collect::<Vec<_>>();
    assert_eq!(numbers(MailFilter { before: Some(3), ..filter.clone() }), [1]);
    assert!(numbers(MailFilter { before: Some(0), ..filter.clone() }).is_empty());
    let search = MailFilter { search: Some("2".into()), ..MailFilter::default() };
    assert_eq!(numbers(search.clone()), [2]);
    assert!(numbers(MailFilter { to: filter.to.clone(), ..search }).is_empty());
    assert!(mailbox.remove(3));
    assert_eq!(numbers(filter), [1]);
}

#[test]
fn a_full_mailbox_loses_its_oldest_mail() {
    let mailbox = Mailbox::new(&Journal::off(), Blobs::memory(), MailboxLimits { pieces: 2, bytes: 1_000 });
    for body in ["1", "2", "3"] {
        mailbox.put(mail("a", body));
    }
    assert_eq!(mailbox.list(&MailFilter::default(), 10).len(), 2);
    let long = mailbox.put(mail("a", &"x".repeat(999)));
    assert_eq!(mailbox.list(&MailFilter::default(), 10).iter().map(|(number, _)| *number).collect::<Vec<_>>(), [long]);
    mailbox.clear();
    assert!(mailbox.list(&MailFilter::default(), 10).is_empty());
}

#[tokio::test]
async fn a_long_source_is_a_body_of_its_own_and_goes_with_its_mail() {
    let blobs = Blobs::memory();
    let mailbox = Mailbox::new(&Journal::off(), blobs, MailboxLimits::default());
    let raw = Bytes::from("x".repeat(100_000));
    let pending = mailbox.store(BlobId::new(1), raw.clone()).await.unwrap();
    let number = mailbox.put_with(mail("a", &"é".repeat(20_000)), pending, &[]);
    let found = mailbox.get(number).unwrap();
    assert!(found.shortened && found.body.len() <= TEXT_IN_ROW, "{}", found.body.len());
    assert_eq!(mailbox.raw(&found).await.unwrap(), raw);
    assert!(mailbox.remove(number));
    assert!(mailbox.raw(&found).await.is_none());
}

#[tokio::test]
async fn a_source_is_signed_when_it_is_read_and_the_key_goes_with_the_last_mail() {
    let mailbox = Mailbox::new(&Journal::off(), Blobs::memory(), MailboxLimits::default());
    let (key, der) = cloudlet_mail::dkim::SigningKey::generate(cloudlet_mail::dkim::KeyLength::Bits2048).unwrap();
    let signer = Arc::new(Signer::new("example.com", "s", &base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der)));
    let message = b"From: a@example.com\r\n\r\nhello\r\n";
    let mut numbers = vec![];
    for id in 1..=2 {
        let pending = mailbox.store(BlobId::new(id), Bytes::from_static(message)).await.unwrap();
        numbers.push(mailbox.put_with(mail("a", "hello"), pending, std::slice::from_ref(&signer)));
    }
    let by_hand = cloudlet_mail::dkim::Signer { domain: "example.com", selector: "s", key: &key }.sign(message, 0).unwrap();
    let signed = [by_hand.as_bytes(), message].concat();
    assert!(mailbox.remove(numbers[0]));
    let left = mailbox.get(numbers[1]).unwrap();
    assert_eq!(mailbox.source(&left).await.unwrap(), Bytes::from_static(message));
    assert!(left.signatures.fields.get().is_none(), "nobody needs a signature yet");
    for _ in 0..2 {
        assert_eq!(mailbox.raw(&left).await.unwrap(), signed);
    }
    assert_eq!(mailbox.signed(message, std::slice::from_ref(&signer), Timestamp(0)), signed);
    assert!(mailbox.rows.read(|rows| rows.total_size()) > signer.size());
    assert!(mailbox.remove(numbers[1]));
    assert!(mailbox.rows.read(|rows| rows.signers.is_empty() && rows.signed.is_empty() && rows.total_size() == 0));
}
