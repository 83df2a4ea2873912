//! A policy as text and as parsed document. It is parsed once, when it is stored or loaded.

use cloudlet_policy::{Document, Kind, Malformed, Policy};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Clone, Debug)]
pub struct StoredPolicy {
    pub text: Arc<str>,
    pub document: Document,
}

impl StoredPolicy {
    pub fn parse(text: &str, kind: Kind) -> Result<StoredPolicy, Malformed> {
        Ok(StoredPolicy { text: text.into(), document: Document::parse(text, kind)? })
    }

    pub fn named(&self, name: impl Into<Arc<str>>) -> Policy {
        Policy { name: name.into(), document: self.document.clone() }
    }

    /// The size that quotas limit: IAM does not count white space.
    pub fn size(&self) -> usize {
        size(&self.text)
    }
}

/// Characters without white space.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
pub fn size(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

/// The kinds as the journal names them.
const KINDS: [(&str, Kind); 4] =
    [("identity", Kind::Identity), ("trust", Kind::Trust), ("scp", Kind::ServiceControl), ("rcp", Kind::ResourceControl)];

impl Serialize for StoredPolicy {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let kind = KINDS.iter().find(|(_, kind)| *kind == self.document.kind()).map_or("identity", |(name, _)| name);
        (kind, &*self.text).serialize(to)
    }
}

impl<'de> Deserialize<'de> for StoredPolicy {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (kind, text) = <(String, String)>::deserialize(from)?;
        let kind = KINDS.iter().find(|(name, _)| *name == kind).map_or(Kind::Identity, |(_, kind)| *kind);
        Ok(StoredPolicy { document: Document::stored(&text, kind), text: text.into() })
    }
}

/// Session policies: a list in the form of the evaluator, in the journal as names and texts.
pub mod listed {
    use super::*;

    pub fn serialize<S: serde::Serializer>(policies: &Arc<[Policy]>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(policies.iter().map(|policy| (&*policy.name, policy.document.normalized())))
    }

    pub fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Arc<[Policy]>, D::Error> {
        let listed = <Vec<(String, String)>>::deserialize(from)?;
        let policy = |(name, text): (String, String)| Policy { name: name.into(), document: Document::stored(&text, Kind::Identity) };
        Ok(listed.into_iter().map(policy).collect())
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
}
