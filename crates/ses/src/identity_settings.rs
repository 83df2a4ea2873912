//! What identities have beside their verification: whether they sign, their MAIL FROM domain, their feedback and their policies.

use crate::{
    Ses, addresses,
    identities::{self, checked_domain},
    policies,
    refusal::Refusal,
    state::{Identity, MailFrom},
};
use cloudlet_engine::Cx;

/// What a call does with a policy: the first API puts, the second tells its operations apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PolicyChange {
    Put,
    Create,
    Update,
}

impl Ses {
    /// Changes an identity; `missing` says that it does not exist, which each setting says in its own way.
    pub fn change_identity<R>(
        &self,
        cx: &Cx,
        name: &str,
        missing: impl FnOnce() -> Refusal,
        change: impl FnOnce(&mut Identity) -> Result<R, Refusal>,
    ) -> Result<R, Refusal> {
        self.store.write(|state| state.change_identity(&cx.scope, name, change).map_err(|_| missing())?)
    }

    /// An address signs as its domain does, so that there is nothing to set.
    /// AWS: measured (<https://github.com/floci-io/floci>, `SesService.java`).
    pub fn set_dkim_enabled(&self, cx: &Cx, name: &str, enabled: bool) -> Result<(), Refusal> {
        let domain = if name.contains('@') { addresses::domain_of(name) } else { name };
        let missing = || Refusal::invalid(format!("Domain {domain} is not verified for DKIM signing."));
        self.change_identity(cx, domain, missing, |identity| {
            if domain == name {
                identity.dkim.enabled = enabled;
            }
            Ok(())
        })
    }

    pub fn set_forwarding(&self, cx: &Cx, name: &str, check: impl FnOnce(&Identity) -> Result<(), Refusal>, enabled: bool) -> Result<(), Refusal> {
        self.change_identity(
            cx,
            name,
            || not_of_use(name),
            |identity| {
                check(identity)?;
                identity.forwarding = enabled;
                Ok(())
            },
        )
    }

    /// No domain: mail comes from one of AWS. `rejects`: mail is refused while the domain is not set up.
    pub fn set_mail_from(&self, cx: &Cx, name: &str, domain: Option<String>, rejects: bool) -> Result<(), Refusal> {
        let domain = domain.filter(|domain| !domain.is_empty()).as_deref().map(checked_domain).transpose()?;
        // AWS: measured.
        let missing = || Refusal::invalid(format!("Identity <{name}> does not exist."));
        self.change_identity(cx, name, missing, |identity| {
            if let Some(domain) = &domain {
                check_mail_from(name, domain)?;
            }
            let on_mx_failure: String = if rejects { "RejectMessage".into() } else { "UseDefaultValue".into() };
            identity.mail_from = domain.map(|domain| MailFrom { domain, on_mx_failure });
            Ok(())
        })
    }

    pub fn put_policy(&self, cx: &Cx, identity: &str, name: &str, text: &str, change: PolicyChange) -> Result<(), Refusal> {
        policies::check_name(name)?;
        let policy = policies::parse(cx, identity, text)?;
        self.change_identity(
            cx,
            identity,
            || no_owner(identity),
            |found| {
                match (change, found.policies.contains_key(name)) {
                    (PolicyChange::Create, true) => return Err(Refusal::Exists(format!("Policy <{name}> already exists"))),
                    (PolicyChange::Update, false) => return Err(Refusal::NotFound(format!("Policy <{name}> does not exist"))),
                    _ => {}
                }
                policies::put(found, identity, name.to_owned(), policy)
            },
        )
    }

    /// To delete a policy that does not exist is no error.
    pub fn delete_policy(&self, cx: &Cx, identity: &str, name: &str) -> Result<(), Refusal> {
        self.change_identity(
            cx,
            identity,
            || no_owner(identity),
            |identity| {
                identity.policies.remove(name);
                Ok(())
            },
        )
    }
}

/// The identity of a policy is missing. AWS: measured.
pub fn no_owner(identity: &str) -> Refusal {
    Refusal::NotFound(format!("Email identity <{identity}> does not exist."))
}

/// AWS: measured.
pub fn not_of_use(name: &str) -> Refusal {
    Refusal::invalid(format!("Identity {name} is invalid. Must be a verified email address or domain."))
}

/// The domain lies below that of the identity.
/// <https://docs.aws.amazon.com/ses/latest/dg/mail-from.html>
fn check_mail_from(identity: &str, domain: &str) -> Result<(), Refusal> {
    let parent = if identity.contains('@') { addresses::domain_of(identity) } else { identity };
    let is_below = domain.strip_suffix(&identities::name_of(parent)).is_some_and(|rest| rest.ends_with('.'));
    if is_below {
        return Ok(());
    }
    // AWS: unverified message.
    Err(Refusal::invalid(format!("Provided MAIL-FROM domain <{domain}> is not subdomain of the domain of the identity <{parent}>.")))
}
