//! A policy as text and as parsed document. It is parsed once, when it is set or loaded.

use cloudlet_policy::{Document, Kind, Malformed, Policy};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::Arc;

/// A policy that a row keeps: of a resource, a role, an identity or an organization.
///
/// The engine checks the policy when it is set, and answers with AWS's message. When it is loaded it is not checked again: a policy that was accepted
/// once is kept, even if it would be refused today, so that a limit tightened later does not stop a restart.
///
/// ```
/// use cloudlet_engine::{Permission, StoredPolicy};
/// use cloudlet_policy::Kind;
///
/// # let queue = cloudlet_aws::Arn::parse("arn:aws:sqs:us-east-1:000000000000:q").unwrap();
/// // Set: `malformed` has AWS's message, for services that answer with it.
/// let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"*"}}"#;
/// let policy = StoredPolicy::parse(text, Kind::Resource).map_err(|malformed| malformed.message).unwrap();
///
/// // Authorize: the evaluator gets it with the resource that it belongs to.
/// let permission = Permission::action("sqs:SendMessage", queue.clone()).with_policy(Some(policy.named(&queue)));
///
/// // Show it as it was given.
/// assert_eq!(&*policy.text, text);
/// # assert!(permission.resource_policy.is_some());
/// ```
#[derive(Clone, Debug)]
pub struct StoredPolicy {
    pub text: Arc<str>,
    pub document: Document,
}

impl StoredPolicy {
    pub fn parse(text: &str, kind: Kind) -> Result<StoredPolicy, Malformed> {
        Ok(StoredPolicy { text: text.into(), document: Document::parse(text, kind)? })
    }

    /// For the evaluator, which explains a decision by this name: the ARN of the resource or of the policy.
    pub fn named(&self, name: impl Into<Arc<str>>) -> Policy {
        Policy { name: name.into(), document: self.document.clone() }
    }
}

/// The kinds by their names in rows.
const KINDS: [(&str, Kind); 7] = [
    ("identity", Kind::Identity),
    ("resource", Kind::Resource),
    ("trust", Kind::Trust),
    ("key", Kind::Key),
    ("vpc-endpoint", Kind::VpcEndpoint),
    ("scp", Kind::ServiceControl),
    ("rcp", Kind::ResourceControl),
];

impl Serialize for StoredPolicy {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let kind = KINDS.iter().find(|(_, kind)| *kind == self.document.kind()).map_or("identity", |(name, _)| name);
        (kind, &*self.text).serialize(to)
    }
}

impl<'de> Deserialize<'de> for StoredPolicy {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (kind, text) = <(String, String)>::deserialize(from)?;
        let kind = KINDS.iter().find(|(name, _)| *name == kind).map_or(Kind::Identity, |(_, kind)| *kind);
        Ok(StoredPolicy { document: Document::stored(&text, kind), text: text.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_policy_that_is_refused_today_is_loaded() {
        let text = r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
        assert!(StoredPolicy::parse(text, Kind::Identity).is_err());
        let row = serde_json::to_string(&("identity", text)).unwrap();
        let loaded: StoredPolicy = serde_json::from_str(&row).unwrap();
        assert_eq!((&*loaded.text, loaded.document.statements().len()), (text, 1));
        assert_eq!(serde_json::to_string(&loaded).unwrap(), row);
        let unreadable: StoredPolicy = serde_json::from_str(r#"["trust","no policy"]"#).unwrap();
        assert!(unreadable.document.statements().is_empty());
    }

    #[test]
    fn every_kind_is_loaded_as_what_it_was() {
        for (name, kind) in KINDS {
            let row = serde_json::to_string(&(name, "{}")).unwrap();
            let loaded: StoredPolicy = serde_json::from_str(&row).unwrap();
            assert_eq!((loaded.document.kind(), serde_json::to_string(&loaded).unwrap()), (kind, row));
        }
    }
}
