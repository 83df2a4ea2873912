//! Mail that leaves for a real server, where one is named. It lies in the mailbox all the same.

use crate::{Ses, limits, receiving::Incoming};
use bytes::Bytes;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Permission, RelayError, handler};
use cloudlet_shape::{Empty, Shape, operations};

pub use own::RelayMail;

#[derive(Shape, Clone, Default)]
pub struct RelayMailRequest {
    /// Where the mail lies in the mailbox.
    pub number: i64,
    pub from: String,
    pub recipients: Vec<String>,
    pub tries: i32,
}

mod own {
    use super::{Empty, RelayMailRequest, operations};

    operations! { cloudlet_api_ses::SERVICE;
        RelayMail(RelayMailRequest) -> Empty {}
    }
}

impl Ses {
    /// Has a mail given to the relay as soon as what is being written is: at least once, also after a restart.
    pub fn relay(&self, cx: &Cx, number: u64, from: String, recipients: Vec<String>) {
        if self.relay.is_none() || recipients.is_empty() {
            return;
        }
        let input = RelayMailRequest { number: i64::try_from(number).unwrap_or(i64::MAX), from, recipients, tries: 0 };
        self.relay_later(cx, 0, input);
    }

    fn relay_later(&self, cx: &Cx, seconds: i64, input: RelayMailRequest) {
        let source = Arn::new("ses", &cx.scope, "relay");
        let due = cx.clock().now().plus_secs(seconds);
        if let Err(fault) = cx.schedule::<RelayMail>(due, crate::PRINCIPAL, source, cx.scope.clone(), input) {
            tracing::warn!(%fault, "a mail is not relayed");
        }
    }

    /// Brings a mail to recipients for whom mail comes in here, as another server would.
    pub async fn bring(&self, cx: &Cx, id: &str, domain: &str, recipients: Vec<String>, data: Bytes) {
        let incoming = Incoming {
            ip: std::net::Ipv4Addr::LOCALHOST.into(),
            helo: "a8-50.smtp-out.amazonses.com".into(),
            from: format!("{id}@{domain}"),
            recipients,
            encrypted: true,
            data,
        };
        if let Err(fault) = self.take_in(cx, incoming).await {
            tracing::warn!(%fault, id, "a mail could not be brought to its recipients");
        }
    }
}

handler!(Ses, RelayMail, |ses, cx, input| Ok(Permission::none()), |ses, cx, input| {
    let Some(relay) = &ses.relay else { return Ok(Empty {}) };
    let mail = ses.mailbox.get(u64::try_from(input.number).unwrap_or_default());
    // Whoever removes a mail from the mailbox does not want it any more.
    let Some(mail) = mail else { return Ok(Empty {}) };
    let Some(raw) = ses.mailbox.raw(&mail).await else { return Ok(Empty {}) };
    match relay.send(&input.from, &input.recipients, raw).await {
        Ok(()) => {}
        Err(RelayError::Failed(why)) if input.tries < limits::RELAY_TRIES => {
            let (number, seconds) = (input.number, limits::RELAY_SECONDS << input.tries);
            ses.relay_later(cx, seconds, RelayMailRequest { tries: input.tries + 1, ..input });
            tracing::warn!(number, seconds, "the relay did not take a mail, which is tried again: {why}");
        }
        // One of them is refused: the others are to have it.
        Err(RelayError::Refused(_)) if input.recipients.len() > 1 => {
            for recipient in &input.recipients {
                ses.relay_later(cx, 0, RelayMailRequest { recipients: vec![recipient.clone()], ..input.clone() });
            }
        }
        Err(error) => tracing::warn!(number = input.number, recipients = %input.recipients.join(", "), "the relay did not take a mail: {error}"),
    }
    Ok::<_, Fault>(Empty {})
});
