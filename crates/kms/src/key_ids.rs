//! The four ways to name a key: its id, its ARN, an alias, the ARN of an alias.
//! <https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id>

use crate::{Kms, faults, managed, state::Key};
use cloudlet_aws::{Account, Arn, Fault};
use cloudlet_engine::Cx;
use std::sync::Arc;

/// Whether an operation takes an alias for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aliases {
    Taken,
    Refused,
}

/// A key, and the alias by which the request named it.
#[derive(Clone)]
pub struct Named {
    pub key: Arc<Key>,
    pub alias: Option<Arc<str>>,
}

impl Kms {
    /// The key that a `KeyId` names. It exists, and its state is not looked at.
    pub fn named(&self, cx: &Cx, id: &str, aliases: Aliases) -> Result<Named, Fault> {
        let scope = &cx.scope;
        if !id.starts_with("arn:") {
            if id.starts_with("alias/") {
                return if aliases == Aliases::Taken { self.by_alias(cx, Arn::new("kms", scope, id)) } else { Err(faults::invalid_key_id(id)) };
            }
            if !is_key_id(id) {
                return Err(faults::invalid_key_id(id));
            }
            return self.by_arn(cx, Arn::new("kms", scope, &format!("key/{id}")));
        }
        let arn = Arn::parse(id).filter(|arn| arn.service() == "kms" && Account::parse(arn.account()).is_some());
        let Some(arn) = arn else { return Err(faults::INVALID_ARN.says(format!("Invalid arn {id}"))) };
        // AWS: recorded: the message names the region alone.
        if arn.region() != scope.region.as_str() || arn.partition() != scope.partition() {
            return Err(faults::NOT_FOUND.says(format!("Invalid arn {}", arn.region())));
        }
        match arn.resource().split_once('/') {
            Some(("key", key)) if is_key_id(key) => self.by_arn(cx, arn),
            Some(("key", key)) => Err(faults::invalid_key_id(key)),
            Some(("alias", _)) if aliases == Aliases::Taken => self.by_alias(cx, arn),
            _ => Err(faults::INVALID_ARN.says(format!("Invalid arn {id}"))),
        }
    }

    fn by_arn(&self, cx: &Cx, arn: Arn) -> Result<Named, Fault> {
        self.key_at(cx, &arn).map(|key| Named { key, alias: None }).ok_or_else(|| faults::no_such_key(arn.as_str()))
    }

    /// The key with an ARN, unless it is deleted by now.
    pub fn key_at(&self, cx: &Cx, arn: &Arn) -> Option<Arc<Key>> {
        self.store.read(|state| state.keys.get(arn).cloned()).filter(|key| !key.is_gone(cx.now))
    }

    fn by_alias(&self, cx: &Cx, arn: Arn) -> Result<Named, Fault> {
        let name = arn.resource();
        let target = self.store.read(|state| state.aliases.get(&arn).map(|alias| alias.target.clone()));
        let key = match (target, arn.scope()) {
            (Some(target), _) => self.key_at(cx, &target),
            (None, Some(scope)) => managed::service_of(name).map(|service| self.managed_key(cx, &scope, service)),
            (None, None) => None,
        };
        let key = key.ok_or_else(|| faults::no_such_alias(arn.as_str()))?;
        Ok(Named { key, alias: Some(name.into()) })
    }
}

/// A UUID, or `mrk-` and 32 hexadecimal digits.
pub fn is_key_id(text: &str) -> bool {
    let hex = |text: &str, digits: usize| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    match text.strip_prefix("mrk-") {
        Some(rest) => hex(rest, 32),
        None => {
            let mut parts = text.split('-');
            [8, 4, 4, 4, 12].into_iter().all(|digits| parts.next().is_some_and(|part| hex(part, digits))) && parts.next().is_none()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_key_id;

    #[test]
    fn a_key_id_is_a_uuid_or_begins_with_mrk() {
        for id in ["134f2428-cec1-4b25-a1ae-9048164dba47", "mrk-d3b95762d3b95762d3b95762d3b95762"] {
            assert!(is_key_id(id), "{id}");
        }
        for id in [
            "",
            "fake",
            "134f2428cec14b25a1ae9048164dba47",
            "mrk-fake-key-id",
            "134f2428-cec1-4b25-a1ae-9048164dba47-",
            "134F2428-cec1-4b25-a1ae-9048164dba47",
        ] {
            assert!(!is_key_id(id), "{id}");
        }
    }
}
