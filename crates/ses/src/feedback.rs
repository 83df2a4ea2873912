//! Mails that SES, or a recipient of its simulator, writes to a sender: bounces, complaints, automatic answers.
//! <https://docs.aws.amazon.com/ses/latest/dg/monitor-sending-activity-using-notifications-email.html>

use crate::{
    events::{About, Bounce},
    mime,
};
use cloudlet_aws::Scope;
use cloudlet_engine::Cx;
use cloudlet_mailbox::{Channel, Mail};

fn domain(scope: &Scope) -> String {
    match scope.region.as_str() {
        "us-east-1" => "amazonses.com".to_owned(),
        region => format!("{region}.amazonses.com"),
    }
}

/// AWS: `MAILER-DAEMON@amazonses.com`, and outside of us-east-1 with the region.
pub fn daemon(scope: &Scope) -> String {
    format!("MAILER-DAEMON@{}", domain(scope))
}

fn mail(cx: &Cx, from: String, to: &str, subject: String, body: String) -> Mail {
    Mail {
        from,
        to: vec![to.to_owned()],
        subject: Some(subject),
        body,
        fields: vec![("Region".into(), cx.scope.region.as_str().into())],
        ..Mail::new(cx.now, Channel::Email, "ses")
    }
}

fn subject_of(about: &About<'_>) -> String {
    mime::subject_of(about.raw).unwrap_or_default()
}

pub fn bounce(cx: &Cx, about: &About<'_>, address: &str, bounce: &Bounce) -> Mail {
    let diagnostic = bounce.diagnostic.as_deref().unwrap_or("unknown");
    let reason = diagnostic.strip_prefix("smtp; ").unwrap_or(diagnostic);
    let body = format!(
        "An error occurred while trying to deliver the mail to the following recipients:\r\n{address}\r\n\r\nReporting-MTA: dns; {mta}\r\nAction: \
         failed\r\nFinal-Recipient: rfc822; {address}\r\nDiagnostic-Code: {diagnostic}\r\nStatus: {status}\r\n\r\n{reason}\r\n\r\nMessage-ID: \
         <{id}>\r\nSubject: {subject}\r\n",
        mta = domain(&cx.scope),
        status = bounce.status,
        id = about.id,
        subject = subject_of(about),
    );
    mail(cx, daemon(&cx.scope), about.envelope.feedback_address(), "Delivery Status Notification (Failure)".into(), body)
}

pub fn complaint(cx: &Cx, about: &About<'_>, address: &str) -> Mail {
    let body = format!(
        "This is an email abuse report for an email message from amazonses.com.\r\nFor more information about this format please see \
         http://www.mipassoc.org/arf/\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: Amazon SES Mailbox Simulator\r\nVersion: 1\r\nOriginal-Rcpt-To: \
         {address}\r\n\r\nMessage-ID: <{id}>\r\nSubject: {subject}\r\n",
        id = about.id,
        subject = subject_of(about),
    );
    let from = format!("complaints@{}", domain(&cx.scope));
    mail(cx, from, about.envelope.feedback_address(), format!("complaint about message from {}", about.envelope.from.address), body)
}

pub fn automatic_answer(cx: &Cx, about: &About<'_>, address: &str) -> Mail {
    let body = "I am out of the office.\r\n".to_owned();
    mail(cx, address.to_owned(), about.envelope.feedback_address(), format!("Out of office: {}", subject_of(about)), body)
}
