//! What the DNS of a domain says: whether it is verified, signs, and has a MAIL FROM domain of its own.
//! <https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html>

use crate::{
    AutoVerify, Ses,
    identities::{IdentityKind, candidates, name_of},
    limits, signing,
    state::{Identity, Verification},
    status::Status,
};
use cloudlet_aws::{Scope, Timestamp};
use cloudlet_mail::{Data, Resolver};
use std::sync::Arc;

impl Ses {
    fn is_automatic(&self) -> bool {
        self.options.auto_verify != AutoVerify::Off
    }

    /// Whether the domain has the record that AWS asks for.
    fn has_token(&self, domain: &str, identity: &Identity) -> bool {
        self.dns.texts(&format!("_amazonses.{domain}")).iter().any(|text| text.trim() == identity.token)
    }

    /// Whether the domain publishes the key that its mail is signed with.
    fn publishes_key(&self, domain: &str, identity: &Identity) -> bool {
        match &identity.dkim.selector {
            Some(selector) => {
                let Some(published) = signing::published(&identity.dkim) else { return false };
                let is_it = |text: &String| text.split_ascii_whitespace().collect::<String>().contains(&published);
                self.dns.texts(&format!("{selector}._domainkey.{domain}")).iter().any(is_it)
            }
            None => {
                let leads = |token: &String| {
                    let name = format!("{token}._domainkey.{domain}");
                    let is_alias = |data: &Data| matches!(data, Data::Cname(to) if is_dkim_host(to, token));
                    self.dns.records(&name).iter().any(is_alias)
                };
                !identity.dkim.tokens.is_empty() && identity.dkim.tokens.iter().all(leads)
            }
        }
    }

    /// Brings an identity up to date with its DNS.
    pub fn looked_up(&self, scope: &Scope, name: &str, now: Timestamp) -> Option<Arc<Identity>> {
        let name = name_of(name);
        let identity = self.store.read(|state| state.identity(scope, &name).cloned())?;
        if identity.is_verified() || IdentityKind::of(&name) != IdentityKind::Domain {
            return Some(identity);
        }
        if !(self.has_token(&name, &identity) || self.publishes_key(&name, &identity)) {
            return Some(identity);
        }
        self.store.update(|state| {
            let _ = state.change_identity(scope, &name, |identity| identity.verification = Verification::Verified { at: now });
            state.identity(scope, &name).cloned()
        })
    }

    /// Looks up the domains that an address may belong to.
    pub fn look_up(&self, scope: &Scope, address: &str, now: Timestamp) {
        for name in candidates(address) {
            self.looked_up(scope, &name, now);
        }
    }

    /// Looks up the domains that a recipient of mail that comes in may belong to, in every account.
    pub fn look_up_everywhere(&self, address: &str, now: Timestamp) {
        let scopes: Vec<Scope> = self.store.read(|state| state.active_rule_sets.keys().cloned().collect());
        for scope in scopes {
            self.look_up(&scope, address, now);
        }
    }

    pub fn verification(&self, identity: &Identity, now: Timestamp) -> Status {
        match identity.verification {
            Verification::Verified { .. } => Status::Success,
            // AWS looks for 72 hours.
            Verification::Pending if identity.created.plus_secs(limits::LOOKED_FOR_SECONDS) <= now => Status::Failed,
            Verification::Pending => Status::Pending,
        }
    }

    pub fn dkim_status(&self, name: &str, identity: &Identity, now: Timestamp) -> Status {
        if identity.dkim.tokens.is_empty() && identity.dkim.selector.is_none() {
            return Status::NotStarted;
        }
        if self.is_automatic() || self.publishes_key(&name_of(name), identity) {
            return Status::Success;
        }
        if identity.created.plus_secs(limits::LOOKED_FOR_SECONDS) <= now { Status::Failed } else { Status::Pending }
    }

    /// <https://docs.aws.amazon.com/ses/latest/dg/mail-from.html>
    pub fn mail_from_status(&self, scope: &Scope, identity: &Identity, now: Timestamp) -> Option<Status> {
        let domain = &identity.mail_from.as_ref()?.domain;
        if self.is_automatic() {
            return Some(Status::Success);
        }
        let server = format!("feedback-smtp.{}.amazonses.com", scope.region.as_str());
        let records = self.dns.records(domain);
        let mut servers = records.iter().filter_map(|data| if let Data::Mx { host, .. } = data { Some(host) } else { None });
        // Exactly one.
        let has_server = servers.next() == Some(&server) && servers.next().is_none();
        let says_so = self.dns.texts(domain).iter().any(|text| text.starts_with("v=spf1") && text.contains("include:amazonses.com"));
        Some(match (has_server && says_so, identity.created.plus_secs(limits::LOOKED_FOR_SECONDS) <= now) {
            (true, _) => Status::Success,
            (false, true) => Status::Failed,
            (false, false) => Status::Pending,
        })
    }

    /// The domain of the envelope's sender: its own where that is set up, else one of AWS. `None`: it is to be refused.
    pub fn envelope_domain(&self, scope: &Scope, identity: Option<&Identity>, now: Timestamp) -> Option<String> {
        let own = || match scope.region.as_str() {
            "us-east-1" => "amazonses.com".to_owned(),
            region => format!("{region}.amazonses.com"),
        };
        let Some(identity) = identity else { return Some(own()) };
        match (&identity.mail_from, self.mail_from_status(scope, identity, now)) {
            (Some(mail_from), Some(Status::Success)) => Some(mail_from.domain.clone()),
            (Some(mail_from), _) if mail_from.on_mx_failure == "RejectMessage" => None,
            _ => Some(own()),
        }
    }
}

fn is_dkim_host(host: &str, token: &str) -> bool {
    let Some(rest) = host.strip_prefix(token) else { return false };
    rest == ".dkim.amazonses.com" || (rest.starts_with(".dkim.") && rest.ends_with(".amazonses.com"))
}
