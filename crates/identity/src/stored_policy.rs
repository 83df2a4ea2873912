//! A policy's text as it was given, and what it means, side by side: parsed once, when it is written or read back.

use cloudlet_policy::{Document, Kind, Malformed, Policy};
use serde::{Deserialize, Serialize, de::Error as _};
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

    /// What counts against a quota: IAM does not count white space.
    pub fn size(&self) -> usize {
        size(&self.text)
    }
}

/// Characters without white space.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
pub fn size(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

/// How a kind is named in the journal.
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
        let (_, kind) = KINDS.iter().find(|(name, _)| *name == kind).ok_or_else(|| D::Error::custom("no such kind of policy"))?;
        StoredPolicy::parse(&text, *kind).map_err(D::Error::custom)
    }
}

/// Policies as a list that the evaluator borrows, written to the journal by name and text.
pub mod listed {
    use super::*;

    pub fn serialize<S: serde::Serializer>(policies: &Arc<[Policy]>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(policies.iter().map(|policy| (&*policy.name, policy.document.normalized())))
    }

    pub fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Arc<[Policy]>, D::Error> {
        let listed = <Vec<(String, String)>>::deserialize(from)?;
        let policy = |(name, text): (String, String)| {
            Ok(Policy { name: name.into(), document: Document::parse(&text, Kind::Identity).map_err(D::Error::custom)? })
        };
        listed.into_iter().map(policy).collect()
    }
}
