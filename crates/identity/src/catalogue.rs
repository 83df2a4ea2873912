//! AWS managed policies. The common ones have AWS's documents. The others have name, path and version only: they can be attached and
//! listed, and their documents are placeholders that allow nothing.
//!
//! Source: AWS's Managed Policy Reference
//! (<https://docs.aws.amazon.com/aws-managed-policy/latest/reference/>), gathered by iann0036/iam-dataset (MIT).

use cloudlet_aws::{Arn, ArnParts, Timestamp};
use cloudlet_policy::{Document, Kind, Policy};
use serde_json::value::RawValue;
use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, OnceLock},
};

/// One line each: name, path, number of the default version, created, updated, document or null.
const LINES: &str = include_str!("aws_managed.jsonl");

/// The document of a policy whose text is not known.
const PLACEHOLDER: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Sid":"CloudletKnowsThisPolicyByNameOnly","Effect":"Allow","Action":"none:none","Resource":"*"}]}"#;

#[derive(Debug)]
pub struct AwsManagedPolicy {
    pub name: String,
    pub path: String,
    pub version: u32,
    pub created: Timestamp,
    pub updated: Timestamp,
    text: Option<String>,
    parsed: OnceLock<Option<Document>>,
}

type Line<'a> = (String, String, u32, String, String, Option<&'a RawValue>);

static CATALOGUE: LazyLock<BTreeMap<String, AwsManagedPolicy>> = LazyLock::new(|| {
    let read = |line: &str| {
        let (name, path, version, created, updated, document) = serde_json::from_str::<Line<'_>>(line).ok()?;
        let at = |text: &str| Timestamp::parse_any(text).unwrap_or_default();
        let text = document.map(|raw| raw.get().to_owned());
        let (created, updated) = (at(&created), at(&updated));
        Some((name.clone(), AwsManagedPolicy { name, path, version, created, updated, text, parsed: OnceLock::new() }))
    };
    LINES.lines().filter_map(read).collect()
});

/// All policies, in the order of their names.
pub fn all() -> impl Iterator<Item = &'static AwsManagedPolicy> {
    CATALOGUE.values()
}

/// The policy of an ARN: `arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole`.
pub fn by_arn(arn: &str) -> Option<&'static AwsManagedPolicy> {
    let parts = ArnParts::parse(arn).filter(|parts| parts.service == "iam" && parts.region.is_empty() && parts.account == "aws")?;
    let path_and_name = parts.resource.strip_prefix("policy/")?;
    let name = path_and_name.rsplit('/').next()?;
    let policy = CATALOGUE.get(name)?;
    (policy.path.get(1..) == path_and_name.strip_suffix(name)).then_some(policy)
}

impl AwsManagedPolicy {
    pub fn arn(&self, partition: &str) -> Arn {
        Arn::build(partition, "iam", "", "aws", &format!("policy{}{}", self.path, self.name))
    }

    /// Stable and well-formed, but not AWS's id.
    pub fn id(&self) -> String {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        // FNV-1a: any hash does.
        let mut hash = self.name.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut id = String::from("ANPA");
        for _ in 0..17 {
            let index = usize::try_from(hash & 31).unwrap_or_default();
            id.extend(ALPHABET.get(index).map(|byte| char::from(*byte)));
            hash = hash.rotate_right(5).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        id
    }

    /// Whether the document is AWS's.
    pub fn has_document(&self) -> bool {
        self.text.is_some()
    }

    pub fn text(&self) -> &str {
        self.text.as_deref().unwrap_or(PLACEHOLDER)
    }

    pub fn document(&self) -> Option<&Document> {
        self.parsed.get_or_init(|| Document::parse(self.text(), Kind::Identity).ok()).as_ref()
    }

    pub fn policy(&self, arn: &str) -> Option<Policy> {
        Some(Policy { name: Arc::from(arn), document: self.document()?.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_parses_and_every_arn_finds_its_policy() {
        assert!(all().count() > 1500);
        for policy in all() {
            assert!(policy.document().is_some(), "{}", policy.name);
            assert!(by_arn(policy.arn("aws").as_str()).is_some_and(|found| found.name == policy.name), "{}", policy.name);
            assert_eq!(policy.id().len(), 21);
        }
    }

    #[test]
    fn a_policy_without_document_has_a_placeholder_and_a_wrong_path_finds_nothing() {
        let admin = by_arn("arn:aws:iam::aws:policy/AdministratorAccess").unwrap();
        assert!(admin.has_document() && admin.text().contains(r#""Action":"*""#));
        assert!(by_arn("arn:aws:iam::aws:policy/service-role/AdministratorAccess").is_none());
        let by_name = all().find(|policy| !policy.has_document()).unwrap();
        assert!(by_name.text().contains("ByNameOnly"));
    }
}
