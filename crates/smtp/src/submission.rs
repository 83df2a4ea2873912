//! Submission: the password of an IAM user, and a mail as a call of the second API in that user's name.
//! <https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-smtp.html>

use crate::{
    session::Message,
    shared::{Mail, Peer},
};
use cloudlet_api_sesv2::{Destination, EmailContent, RawMessage, SendEmail, SendEmailRequest, SendEmailResponse};
use cloudlet_aws::{Caller, Fault, Region, Scope};
use cloudlet_cloud::{EntryPoint, Mode};
use cloudlet_engine::{Call, Origin};
use cloudlet_sigv4::smtp::is_password;

pub struct Submission<'a> {
    mail: &'a Mail,
    peer: &'a Peer,
    region: Region,
    caller: Option<Caller>,
}

impl<'a> Submission<'a> {
    pub fn new(mail: &'a Mail, peer: &'a Peer) -> Submission<'a> {
        // `email-smtp.eu-west-1.amazonaws.com`: the endpoint of a region.
        let named = peer.server_name.as_deref().and_then(|name| name.strip_prefix("email-smtp.")?.split('.').next());
        let region = named.and_then(Region::parse).unwrap_or_else(|| mail.region.clone());
        Submission { mail, peer, region, caller: None }
    }

    /// A password is good in one region. Temporary keys have none.
    pub fn authenticate(&mut self, user: &str, password: &str) -> Result<(), String> {
        let cloud = &self.mail.cloud;
        if cloud.mode() == Mode::Off {
            self.caller = Some(cloud.identity.unchecked(user));
            return Ok(());
        }
        let refused = || "535 Authentication Credentials Invalid".to_owned();
        if user.starts_with("ASIA") {
            return Err(refused());
        }
        let credential = cloud.identity.credential(user, None, cloud.runtime.clock.now()).map_err(|_| refused())?;
        if !is_password(password, credential.secret.reveal(), self.region.as_str()) {
            return Err(refused());
        }
        self.caller = Some(credential.caller);
        Ok(())
    }

    pub async fn send(&self, message: Message) -> String {
        let Some(caller) = self.caller.clone() else { return "530 Authentication required".to_owned() };
        let cloud = &self.mail.cloud;
        let scope = Scope::new(caller.account.unwrap_or_else(|| cloud.identity.account()), self.region.clone());
        let origin = Origin { source_ip: Some(self.peer.address.ip()), secure: self.peer.tls.is_some(), tls: self.peer.tls, ..Origin::default() };
        let input = SendEmailRequest {
            from_email_address: Some(message.from),
            destination: Some(Destination { to_addresses: Some(message.recipients), ..Destination::default() }),
            content: EmailContent { raw: Some(RawMessage { data: message.bytes.into() }), ..EmailContent::default() },
            ..SendEmailRequest::default()
        };
        let call = Call::of::<SendEmail>(caller, scope, origin, input);
        let performed = cloud.perform_to_end(call, cloud.runtime.ids.uuid().into(), EntryPoint::Gateway).await;
        match performed.answer {
            Ok(output) => match output.into_any().downcast::<SendEmailResponse>() {
                Ok(sent) => format!("250 Ok {}", sent.message_id.unwrap_or_default()),
                Err(_) => "451 Temporary service failure".to_owned(),
            },
            Err(fault) => reply(&fault),
        }
    }
}

/// AWS's replies.
fn reply(fault: &Fault) -> String {
    let message = fault.message().replace(['\r', '\n'], " ");
    let name = fault.name();
    if fault.status() >= 500 {
        return "451 Temporary service failure".to_owned();
    }
    if name.starts_with("AccessDenied") {
        return format!("554 Access denied: {}", in_the_old_way(&message));
    }
    if name.starts_with("TooManyRequests") || name.starts_with("Throttling") {
        return format!("454 Throttling failure: {}", message.trim_end_matches('.'));
    }
    if name.starts_with("MailFromDomainNotVerified") {
        return format!("554 MAIL FROM domain not verified: {message}");
    }
    if name.starts_with("MessageRejected") {
        return format!("554 Message rejected: {message}");
    }
    if message.starts_with("Message length is more than") {
        return "552 Message is too long.".to_owned();
    }
    format!("554 Transaction failed: {message}")
}

/// AWS: a denial over SMTP quotes as it did before: User `arn' is not authorized to perform `action' on resource `arn'.
fn in_the_old_way(message: &str) -> String {
    let parts = || {
        let (user, rest) = message.strip_prefix("User: ")?.split_once(" is not authorized to perform: ")?;
        let (action, rest) = rest.split_once(" on resource: ")?;
        let resource = rest.split_once(' ').map_or(rest, |(resource, _)| resource);
        Some((user, action, resource))
    };
    match parts() {
        Some((user, action, resource)) => format!("User `{user}' is not authorized to perform `{action}' on resource `{resource}'"),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloudlet_aws::FaultKind;

    #[test]
    fn faults_become_the_replies_of_aws() {
        let fault = |name: &'static str, message: &str| FaultKind::sender(name, 400).says(message);
        for (name, message, expected) in [
            ("TooManyRequestsException", "Maximum sending rate exceeded.", "454 Throttling failure: Maximum sending rate exceeded"),
            ("MessageRejected", "Email address is not verified.", "554 Message rejected: Email address is not verified."),
            (
                "AccessDeniedException",
                "User: arn:aws:iam::1:user/a is not authorized to perform: ses:SendRawEmail on resource: arn:aws:ses:x because no policy allows",
                "554 Access denied: User `arn:aws:iam::1:user/a' is not authorized to perform `ses:SendRawEmail' on resource `arn:aws:ses:x'",
            ),
            ("BadRequestException", "Message length is more than 41943040 bytes long: '5'.", "552 Message is too long."),
            ("BadRequestException", "Recipient count exceeds 50.", "554 Transaction failed: Recipient count exceeds 50."),
        ] {
            assert_eq!(reply(&fault(name, message)), expected);
        }
        assert_eq!(reply(&Fault::internal("x")), "451 Temporary service failure");
    }
}
