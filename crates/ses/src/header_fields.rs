//! The fields of a message's header that AWS lets stand there once.
//! <https://docs.aws.amazon.com/ses/latest/dg/header-fields.html>

const ONCE: [&str; 60] = [
    "Accept-Language",
    "acceptLanguage",
    "Archived-At",
    "Auto-Submitted",
    "Bounces-to",
    "Comments",
    "Content-Alternative",
    "Content-Base",
    "Content-Class",
    "Content-Description",
    "Content-Disposition",
    "Content-Duration",
    "Content-ID",
    "Content-Language",
    "Content-Length",
    "Content-Location",
    "Content-MD5",
    "Content-Transfer-Encoding",
    "Content-Type",
    "Date",
    "Delivered-To",
    "Disposition-Notification-Options",
    "Disposition-Notification-To",
    "DKIM-Signature",
    "DomainKey-Signature",
    "Errors-To",
    "From",
    "Importance",
    "In-Reply-To",
    "Keywords",
    "List-Archive",
    "List-Help",
    "List-Id",
    "List-Owner",
    "List-Post",
    "List-Subscribe",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Message-Context",
    "Message-ID",
    "MIME-Version",
    "Organization",
    "Original-From",
    "Original-Message-ID",
    "Original-Recipient",
    "Original-Subject",
    "Precedence",
    "Priority",
    "References",
    "Reply-To",
    "Return-Path",
    "Return-Receipt-To",
    "Sender",
    "Solicitation",
    "Sensitivity",
    "Subject",
    "Thread-Index",
    "Thread-Topic",
    "User-Agent",
    "VBR-Info",
];

/// The fields that a header has, to find one that is there twice.
#[derive(Default)]
pub struct SeenFields(Vec<&'static str>);

impl SeenFields {
    /// The field as AWS writes it, if it may be there once only and is there again.
    pub fn add(&mut self, name: &str) -> Option<&'static str> {
        let known = ONCE.into_iter().find(|known| known.eq_ignore_ascii_case(name))?;
        if self.0.contains(&known) {
            return Some(known);
        }
        self.0.push(known);
        None
    }
}
