//! Bounces of mail that came in: those of rules, and those of `SendBounce`.
//! <https://docs.aws.amazon.com/ses/latest/APIReference/API_SendBounce.html>

use crate::{Ses, feedback, mime, state::Received};
use cloudlet_aws::Scope;
use cloudlet_engine::Cx;
use cloudlet_mailbox::{Channel, Mail};

/// What a bounce says of a recipient.
pub struct Bounced {
    pub recipient: String,
    pub action: String,
    pub status: String,
    pub diagnostic: String,
}

impl Ses {
    /// Puts a bounce into the mailbox of who had sent the mail. Bounces of bounces are not sent. The answer is the bounce's id.
    pub fn bounce_back(&self, cx: &Cx, scope: &Scope, received: &Received, sender: &str, explanation: &str, recipients: &[Bounced]) -> String {
        let id = mime::message_id(cx);
        if received.from.is_empty() {
            return id;
        }
        let mut body = format!("{explanation}\r\n\r\nReporting-MTA: dns; {}\r\n", feedback::daemon(scope).trim_start_matches("MAILER-DAEMON@"));
        for one in recipients {
            body.push_str(&format!(
                "\r\nFinal-Recipient: rfc822; {}\r\nAction: {}\r\nStatus: {}\r\nDiagnostic-Code: smtp; {}\r\n",
                one.recipient, one.action, one.status, one.diagnostic
            ));
        }
        self.mailbox.put(Mail {
            from: sender.to_owned(),
            to: vec![received.from.clone()],
            subject: Some("Delivery Status Notification (Failure)".into()),
            body,
            fields: vec![("MessageId".into(), id.clone()), ("Region".into(), scope.region.as_str().into())],
            ..Mail::new(cx.now, Channel::Email, "ses")
        });
        id
    }
}
