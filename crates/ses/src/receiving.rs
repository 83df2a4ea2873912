//! Mail that comes in: who may bring it, for whom it is taken, and what is found about it.
//! <https://docs.aws.amazon.com/ses/latest/dg/receiving-email-concepts.html>

pub mod actions;
pub mod bounces;
mod encryption;
pub mod rules;
mod verdicts;

use crate::{
    Ses, addresses, limits, mime,
    state::{Received, State},
};
use cloudlet_aws::{Arn, FaultKind, Scope};
use cloudlet_engine::{Cx, Permission, handler};
use cloudlet_mail::{Data, Resolver, spf::is_in};
use cloudlet_shape::{Blob, Empty, Shape, operations};
use cloudlet_store::BlobId;
use std::{collections::BTreeMap, net::IpAddr, sync::Arc};
use verdicts::Envelope;

#[derive(Shape, Clone, Default)]
pub struct AcceptRecipientRequest {
    pub recipient: String,
    /// Who connects.
    pub ip: String,
    pub encrypted: Option<bool>,
}

#[derive(Shape, Clone, Default)]
pub struct ReceiveMailRequest {
    pub ip: String,
    pub helo: String,
    pub from: String,
    pub recipients: Vec<String>,
    pub encrypted: Option<bool>,
    pub data: Blob,
}

#[derive(Shape, Clone, Default)]
pub struct ReceiveMailResponse {
    pub message_id: String,
}

#[derive(Shape, Clone, Default)]
pub struct ApplyRulesRequest {
    pub message_id: String,
}

mod own {
    use super::{AcceptRecipientRequest, ApplyRulesRequest, Empty, ReceiveMailRequest, ReceiveMailResponse, operations};

    operations! { cloudlet_api_ses::SERVICE;
        AcceptRecipient(AcceptRecipientRequest) -> Empty {}
        ReceiveMail(ReceiveMailRequest) -> ReceiveMailResponse {}
        ApplyRules(ApplyRulesRequest) -> Empty {}
    }
}

pub use own::{AcceptRecipient, ApplyRules, ReceiveMail};

/// A reply of SMTP.
const REFUSED: FaultKind = FaultKind::sender("MailRefused", 400);
const NO_MAILBOX: &str = "550 5.1.1 Requested action not taken: mailbox unavailable";

/// Who takes mail for a recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receiver {
    Takes(Scope),
    /// Only over TLS.
    WantsTls,
    /// The domain is received for, and nobody has this address.
    Nobody,
    /// The domain is not received for.
    Elsewhere,
}

impl State {
    /// The account and region whose active rule set takes mail of a recipient: its domain is verified there, and a rule matches.
    fn receiver(&self, recipient: &str, encrypted: bool) -> Receiver {
        let domain = addresses::domain_of(recipient).to_ascii_lowercase();
        let mut outcome = Receiver::Elsewhere;
        for (scope, name) in &self.active_rule_sets {
            let is_own = crate::identities::candidates(&format!("x@{domain}"))
                .iter()
                .any(|name| !name.contains('@') && self.identity(scope, name).is_some_and(|identity| identity.is_verified()));
            let Some(set) = self.rule_sets.get(&(scope.clone(), name.clone())).filter(|_| is_own) else { continue };
            let mut matching = set.rules.iter().filter(|rule| rule.enabled == Some(true) && rules::matches(rule, recipient)).peekable();
            if matching.peek().is_none() {
                if outcome == Receiver::Elsewhere {
                    outcome = Receiver::Nobody;
                }
                continue;
            }
            if encrypted || matching.any(|rule| rule.tls_policy.as_deref() != Some("Require")) {
                return Receiver::Takes(scope.clone());
            }
            outcome = Receiver::WantsTls;
        }
        outcome
    }

    /// Whether an account's filters let an address bring mail: who is allowed is not blocked.
    fn lets_in(&self, scope: &Scope, ip: IpAddr) -> bool {
        let mut fitting = State::rows(&self.filters, scope, None)
            .filter(|(_, filter)| rules::network(&filter.cidr).is_some_and(|(net, length)| is_in(ip, net, length)));
        let mut blocked = false;
        let allowed = fitting.any(|(_, filter)| {
            blocked |= !filter.allows;
            filter.allows
        });
        allowed || !blocked
    }
}

/// A mail on its way in.
pub struct Incoming {
    pub ip: IpAddr,
    pub helo: String,
    pub from: String,
    pub recipients: Vec<String>,
    pub encrypted: bool,
    pub data: bytes::Bytes,
}

impl Ses {
    pub fn receiver_of(&self, recipient: &str, encrypted: bool) -> Receiver {
        self.store.read(|state| state.receiver(recipient, encrypted))
    }

    /// Whether the domain's mail is brought here: its MX says so.
    pub fn is_brought_here(&self, address: &str) -> bool {
        let servers = self.dns.resolved(addresses::domain_of(address));
        servers.iter().any(|data| matches!(data, Data::Mx { host, .. } if host.starts_with("inbound-smtp.") && host.ends_with(".amazonaws.com")))
    }

    /// Takes a mail: it is stored for each account that a recipient belongs to, and the rules are applied as soon as that is durable.
    pub async fn take_in(&self, cx: &Cx, incoming: Incoming) -> Result<String, cloudlet_aws::Fault> {
        let mut by_scope: BTreeMap<Scope, Vec<String>> = BTreeMap::new();
        for recipient in &incoming.recipients {
            if let Receiver::Takes(scope) = self.receiver_of(recipient, incoming.encrypted) {
                by_scope.entry(scope).or_default().push(recipient.clone());
            }
        }
        if by_scope.is_empty() {
            return Err(REFUSED.says(NO_MAILBOX));
        }
        let mut first = None;
        for (scope, recipients) in by_scope {
            // AWS: forty small letters and digits.
            let id = cx.ids().alphanumeric(40).to_ascii_lowercase();
            let envelope = Envelope { ip: incoming.ip, helo: &incoming.helo, from: &incoming.from };
            let verdicts = verdicts::of(&envelope, &incoming.data, &*self.dns, cx.now.secs());
            let head = verdicts::head(&envelope, &verdicts, &scope, &recipients, &id, cx.now);
            let mut raw = head.into_bytes();
            raw.extend_from_slice(&mime::with_line_ends(&incoming.data));
            let blob = self.blobs.put(BlobId::new(u128::from_be_bytes(cx.ids().uuid_bytes())), raw.into()).await;
            let blob = blob.map_err(cloudlet_aws::Fault::internal)?;
            let source = Arn::new("ses", &scope, "receipt-rule-set");
            let row = Received {
                scope: scope.clone(),
                at: cx.now,
                from: incoming.from.clone(),
                recipients,
                encrypted: incoming.encrypted,
                verdicts: verdicts.shown,
                raw: Some(blob.blob().clone()),
                expires: cx.now.plus_secs(limits::BOUNCEABLE_SECONDS),
            };
            // Those that are done and old are forgotten first.
            self.store.update(|state| {
                state.received.purge(cx.now.millis(), usize::MAX);
                state.received.insert(id.as_str().into(), Arc::new(row));
            });
            blob.commit();
            cx.schedule::<ApplyRules>(cx.now, crate::PRINCIPAL, source, scope, ApplyRulesRequest { message_id: id.clone() })?;
            first.get_or_insert(id);
        }
        Ok(first.unwrap_or_default())
    }
}

// These are for the server's mail listener, which no client reaches with a request.
handler!(Ses, AcceptRecipient, |ses, cx, input| Ok(Permission::none()), |ses, cx, input| {
    let ip: IpAddr = input.ip.parse().unwrap_or(IpAddr::from([0, 0, 0, 0]));
    ses.look_up_everywhere(&input.recipient, cx.now);
    match ses.receiver_of(&input.recipient, input.encrypted == Some(true)) {
        Receiver::Takes(scope) if ses.store.read(|state| state.lets_in(&scope, ip)) => Ok(Empty {}),
        // AWS: unverified reply.
        Receiver::Takes(_) => Err(REFUSED.says("550 5.7.1 Requested action not taken: your address is blocked")),
        // AWS: unverified reply.
        Receiver::WantsTls => Err(REFUSED.says("530 5.7.0 Must issue a STARTTLS command first")),
        Receiver::Nobody | Receiver::Elsewhere => Err(REFUSED.says(NO_MAILBOX)),
    }
});

handler!(Ses, ReceiveMail, |ses, cx, input| Ok(Permission::none()), |ses, cx, input| {
    let incoming = Incoming {
        ip: input.ip.parse().unwrap_or(IpAddr::from([0, 0, 0, 0])),
        helo: input.helo,
        from: input.from,
        recipients: input.recipients,
        encrypted: input.encrypted == Some(true),
        data: input.data,
    };
    if ses.store.read(|state| state.received.len()) >= limits::RECEIVED {
        return Err(REFUSED.says("452 4.3.1 Insufficient system storage"));
    }
    Ok(ReceiveMailResponse { message_id: ses.take_in(cx, incoming).await? })
});

handler!(Ses, ApplyRules, |ses, cx, input| Ok(Permission::none()), |ses, cx, input| {
    ses.apply_rules(cx, &input.message_id).await?;
    Ok(Empty {})
});
