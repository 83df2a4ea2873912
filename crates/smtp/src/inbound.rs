//! Mail that comes in: each recipient is asked for, and the message is a call of SES's own.

use crate::{
    session::Message,
    shared::{Mail, Peer},
};
use cloudlet_aws::{Caller, Scope};
use cloudlet_cloud::EntryPoint;
use cloudlet_engine::{Call, Origin};
use cloudlet_ses::{AcceptRecipient, AcceptRecipientRequest, ReceiveMail, ReceiveMailRequest};

pub struct Inbound<'a> {
    pub mail: &'a Mail,
    pub peer: &'a Peer,
}

impl Inbound<'_> {
    fn origin(&self) -> Origin {
        Origin { source_ip: Some(self.peer.address.ip()), secure: self.peer.tls.is_some(), tls: self.peer.tls, ..Origin::default() }
    }

    fn scope(&self) -> Scope {
        Scope::new(self.mail.cloud.identity.account(), self.mail.region.clone())
    }

    /// The services say in their fault what the reply is.
    pub async fn recipient(&self, _from: String, to: String) -> Result<(), String> {
        let cloud = &self.mail.cloud;
        let input = AcceptRecipientRequest { recipient: to, ip: self.peer.address.ip().to_string(), encrypted: Some(self.peer.tls.is_some()) };
        let call = Call::of::<AcceptRecipient>(Caller::anonymous(), self.scope(), self.origin(), input);
        let performed = cloud.perform(call, cloud.runtime.ids.uuid().into(), EntryPoint::Gateway).await;
        performed.answer.map(drop).map_err(|fault| reply(&fault))
    }

    pub async fn receive(&self, message: Message) -> String {
        let cloud = &self.mail.cloud;
        let input = ReceiveMailRequest {
            helo: message.helo,
            from: message.from,
            recipients: message.recipients,
            ip: self.peer.address.ip().to_string(),
            encrypted: Some(self.peer.tls.is_some()),
            data: message.bytes.into(),
        };
        let call = Call::of::<ReceiveMail>(Caller::anonymous(), self.scope(), self.origin(), input);
        let performed = cloud.perform_to_end(call, cloud.runtime.ids.uuid().into(), EntryPoint::Gateway).await;
        match performed.answer.map(|output| output.into_any().downcast::<cloudlet_ses::ReceiveMailResponse>()) {
            Ok(Ok(received)) => format!("250 OK {}", received.message_id),
            Ok(Err(_)) => "451 Temporary service failure".to_owned(),
            Err(fault) => reply(&fault),
        }
    }
}

fn reply(fault: &cloudlet_aws::Fault) -> String {
    let message = fault.message();
    if fault.status() < 500 && message.starts_with(['4', '5']) {
        message.replace(['\r', '\n'], " ")
    } else {
        "451 Temporary service failure".to_owned()
    }
}
