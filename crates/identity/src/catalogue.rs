//! The policies that AWS manages. The common ones have their real documents; the rest are known by name, path and version,
//! so that they can be attached and listed, and say of themselves that they are not the real text: they allow nothing.
//!
//! Source: names and documents as AWS publishes them in its Managed Policy Reference
//! (<https://docs.aws.amazon.com/aws-managed-policy/latest/reference/>), gathered by iann0036/iam-dataset (MIT).

use cloudlet_aws::{Arn, Timestamp};
use cloudlet_policy::{Document, Kind, Policy};
use serde_json::value::RawValue;
use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, OnceLock},
};

/// One line each: name, path, number of the default version, created, updated, document or null.
const LINES: &str = include_str!("aws_managed.jsonl");

/// What stands in for a document that is not known.
const STAND_IN: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Sid":"CloudletKnowsThisPolicyByNameOnly","Effect":"Allow","Action":"none:none","Resource":"*"}]}"#;

#[derive(Debug)]
pub struct AwsManaged {
    pub name: String,
    pub path: String,
    pub version: u32,
    pub created: Timestamp,
    pub updated: Timestamp,
    text: Option<String>,
    parsed: OnceLock<Option<Document>>,
}

type Line<'a> = (String, String, u32, String, String, Option<&'a RawValue>);

static CATALOGUE: LazyLock<BTreeMap<String, AwsManaged>> = LazyLock::new(|| {
    let read = |line: &str| {
        let (name, path, version, created, updated, document) = serde_json::from_str::<Line<'_>>(line).ok()?;
        let at = |text: &str| Timestamp::parse_any(text).unwrap_or_default();
        let text = document.map(|raw| raw.get().to_owned());
        let (created, updated) = (at(&created), at(&updated));
        Some((name.clone(), AwsManaged { name, path, version, created, updated, text, parsed: OnceLock::new() }))
    };
    LINES.lines().filter_map(read).collect()
});

/// All of them, in the order of their names.
pub fn all() -> impl Iterator<Item = &'static AwsManaged> {
    CATALOGUE.values()
}

/// The one an ARN names: `arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole`.
pub fn by_arn(arn: &str) -> Option<&'static AwsManaged> {
    let (head, resource) = arn.split_once("::aws:policy/")?;
    let service = head.strip_prefix("arn:")?.rsplit(':').next()?;
    let name = resource.rsplit('/').next()?;
    let policy = CATALOGUE.get(name).filter(|_| service == "iam")?;
    (policy.path.get(1..) == resource.strip_suffix(name)).then_some(policy)
}

impl AwsManaged {
    pub fn arn(&self, partition: &str) -> Arn {
        Arn::build(partition, "iam", "", "aws", &format!("policy{}{}", self.path, self.name))
    }

    /// Stable, and of the right form; not AWS's own.
    pub fn id(&self) -> String {
        const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        // FNV-1a: any hash does.
        let mut hash = self.name.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut id = String::from("ANPA");
        for _ in 0..17 {
            let place = usize::try_from(hash & 31).unwrap_or_default();
            id.extend(LETTERS.get(place).map(|letter| char::from(*letter)));
            hash = hash.rotate_right(5).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        id
    }

    /// Whether the text is AWS's own.
    pub fn is_real(&self) -> bool {
        self.text.is_some()
    }

    pub fn text(&self) -> &str {
        self.text.as_deref().unwrap_or(STAND_IN)
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
    fn every_document_is_a_policy_and_every_arn_leads_back() {
        assert!(all().count() > 1500);
        for policy in all() {
            assert!(policy.document().is_some(), "{}", policy.name);
            assert!(by_arn(policy.arn("aws").as_str()).is_some_and(|found| found.name == policy.name), "{}", policy.name);
            assert_eq!(policy.id().len(), 21);
        }
    }

    #[test]
    fn a_policy_known_by_name_says_so_and_a_wrong_path_is_nobody() {
        let admin = by_arn("arn:aws:iam::aws:policy/AdministratorAccess").unwrap();
        assert!(admin.is_real() && admin.text().contains(r#""Action":"*""#));
        assert!(by_arn("arn:aws:iam::aws:policy/service-role/AdministratorAccess").is_none());
        let by_name = all().find(|policy| !policy.is_real()).unwrap();
        assert!(by_name.text().contains("ByNameOnly"));
    }
}
