//! Identities: addresses and domains, whether they are verified, and which one a mail's address belongs to.

use crate::{
    Ses, addresses, limits,
    refusal::Refusal,
    state::{Identity, State, Verification},
};
use cloudlet_aws::{Arn, Scope};
use cloudlet_engine::Cx;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityKind {
    Address,
    Domain,
}

impl IdentityKind {
    pub fn of(name: &str) -> IdentityKind {
        if name.contains('@') { IdentityKind::Address } else { IdentityKind::Domain }
    }
}

/// How an identity is named in the tables: domains without case.
pub fn name_of(text: &str) -> String {
    addresses::normalized(text)
}

pub fn checked_address(text: &str) -> Result<String, Refusal> {
    // AWS: unverified message.
    addresses::check(text).map_err(|_| Refusal::invalid(format!("Invalid email address<{text}>.")))?;
    Ok(name_of(text))
}

pub fn checked_domain(text: &str) -> Result<String, Refusal> {
    if addresses::is_domain_identity(text) {
        return Ok(name_of(text));
    }
    // AWS: unverified message.
    Err(Refusal::invalid(format!("Invalid domain name {text}.")))
}

pub fn arn_of(scope: &Scope, name: &str) -> Arn {
    Arn::new("ses", scope, &format!("identity/{name}"))
}

/// What an ARN of an identity names.
pub fn of_arn(arn: &str) -> Option<(Scope, String)> {
    let arn = Arn::parse(arn).filter(|arn| arn.service() == "ses")?;
    Some((arn.scope()?, name_of(arn.resource().strip_prefix("identity/")?)))
}

/// The names under which an address may be verified, the most special first: itself, without its label, its domain and the domains above.
pub fn candidates(address: &str) -> Vec<String> {
    let mut names = vec![name_of(address)];
    names.extend(addresses::without_label(address).map(|address| name_of(&address)));
    let domain = addresses::domain_of(address).to_ascii_lowercase();
    let above = domain.match_indices('.').filter_map(|(at, _)| domain.get(at + 1..)).map(str::to_owned);
    let above: Vec<String> = above.collect();
    names.push(domain);
    names.extend(above);
    names
}

impl State {
    /// The identity that an address belongs to, verified or not.
    pub fn identity_of(&self, scope: &Scope, address: &str) -> Option<(String, &Arc<Identity>)> {
        candidates(address).into_iter().find_map(|name| self.identity(scope, &name).map(|identity| (name, identity)))
    }

    pub fn is_verified(&self, scope: &Scope, address: &str) -> bool {
        candidates(address).iter().any(|name| self.identity(scope, name).is_some_and(|identity| identity.is_verified()))
    }

    pub fn change_identity<R>(&mut self, scope: &Scope, name: &str, change: impl FnOnce(&mut Identity) -> R) -> Result<R, Refusal> {
        let key = (scope.clone(), name_of(name));
        let identity = self.identities.get_mut(&key).ok_or_else(|| Refusal::NoIdentity(name.to_owned()))?;
        Ok(change(Arc::make_mut(identity)))
    }
}

impl Ses {
    fn new_identity(&self, cx: &Cx, kind: IdentityKind) -> Identity {
        let at_once = match kind {
            IdentityKind::Address => self.options.auto_verify == crate::AutoVerify::All,
            IdentityKind::Domain => self.options.auto_verify != crate::AutoVerify::Off,
        };
        Identity {
            verification: if at_once { Verification::Verified { at: cx.now } } else { Verification::Pending },
            token: base64_token(cx),
            ..Identity::unverified(cx.now)
        }
    }

    /// Creates an identity, or finds it. An address that is not verified is sent a mail with a link.
    pub fn verify(&self, cx: &Cx, name: &str, change: impl FnOnce(&mut Identity)) -> Result<Arc<Identity>, Refusal> {
        let identity = self.add_identity(cx, name, change)?;
        if IdentityKind::of(name) == IdentityKind::Address && !identity.is_verified() {
            self.send_verification(cx, name);
        }
        Ok(identity)
    }

    /// Creates an identity, or finds it. Nobody is told.
    pub fn add_identity(&self, cx: &Cx, name: &str, change: impl FnOnce(&mut Identity)) -> Result<Arc<Identity>, Refusal> {
        let new = self.new_identity(cx, IdentityKind::of(name));
        self.store.write(|state| {
            let key = (cx.scope.clone(), name.to_owned());
            if !state.identities.contains(&key) {
                if State::count(&state.identities, &cx.scope) >= limits::IDENTITIES {
                    // AWS: unverified message.
                    return Err(Refusal::Limit("You have reached the limit on the number of identities.".to_owned()));
                }
                state.identities.insert(key.clone(), Arc::new(new));
            }
            let identity = state.identities.get_mut(&key).ok_or_else(|| Refusal::NoIdentity(name.to_owned()))?;
            let known = Arc::make_mut(identity);
            // AWS looks anew.
            if !known.is_verified() {
                known.created = cx.now;
            }
            change(known);
            Ok(identity.clone())
        })
    }

    pub fn identity(&self, scope: &Scope, name: &str) -> Option<Arc<Identity>> {
        self.store.read(|state| state.identity(scope, &name_of(name)).cloned())
    }

    pub fn delete_identity(&self, scope: &Scope, name: &str) -> Option<Arc<Identity>> {
        self.store.update(|state| state.identities.remove(&(scope.clone(), name_of(name))))
    }
}

/// What a domain's TXT record has to be.
fn base64_token(cx: &Cx) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(cx.ids().bytes::<32>())
}

/// The three tokens of Easy DKIM.
pub fn dkim_tokens(cx: &Cx) -> Vec<String> {
    std::iter::repeat_with(|| cx.ids().base32(32).to_ascii_lowercase()).take(3).collect()
}
