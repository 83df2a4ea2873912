//! The filters of ListDocuments, of both kinds.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DocumentKeyValuesFilter.html>

use super::{Owner, Resolved, describe};
use crate::faults;
use cloudlet_api_ssm::{DocumentFilter, DocumentKeyValuesFilter};
use cloudlet_aws::{Account, Fault};

const OWNERS: [&str; 7] = ["Amazon", "Private", "Public", "Self", "All", "ThirdParty", "Approved"];

/// One filter: any of its values selects.
pub struct Filter {
    key: Key,
    values: Vec<String>,
}

enum Key {
    Name,
    Owner,
    PlatformTypes,
    DocumentType,
    SearchKeyword,
    TargetType,
    VersionName,
    /// `tag:name`
    Tag(String),
    /// `tag-key`
    AnyTag,
}

pub fn parse(filters: &[DocumentKeyValuesFilter], old: &[DocumentFilter]) -> Result<Vec<Filter>, Fault> {
    let new = filters.iter().map(|filter| (filter.key.as_deref().unwrap_or_default(), filter.values.clone().unwrap_or_default()));
    let old = old.iter().map(|filter| (filter.key.as_str(), vec![filter.value.clone()]));
    let mut parsed: Vec<Filter> = Vec::new();
    let mut keys: Vec<&str> = Vec::new();
    for (name, values) in new.chain(old) {
        let key = match name {
            "Name" => Key::Name,
            "Owner" => Key::Owner,
            "PlatformTypes" => Key::PlatformTypes,
            "DocumentType" => Key::DocumentType,
            "SearchKeyword" => Key::SearchKeyword,
            "TargetType" => Key::TargetType,
            "VersionName" => Key::VersionName,
            "tag-key" => Key::AnyTag,
            _ => match name.strip_prefix("tag:") {
                Some(tag) if !tag.is_empty() => Key::Tag(tag.to_owned()),
                _ => return Err(faults::INVALID_FILTER_KEY.says("The specified key isn't valid.")),
            },
        };
        if keys.contains(&name) {
            // AWS: unverified message.
            return Err(faults::INVALID_FILTER_KEY.says(format!("The filter key {name} is given more than once.")));
        }
        keys.push(name);
        if matches!(key, Key::Owner) && values.iter().any(|value| !OWNERS.contains(&value.as_str())) {
            // AWS: unverified message.
            return Err(faults::INVALID_FILTER_KEY.says(format!("Owner must be one of {}.", OWNERS.join(", "))));
        }
        parsed.push(Filter { key, values });
    }
    Ok(parsed)
}

impl Filter {
    pub fn selects(&self, found: &Resolved, account: Account) -> bool {
        let (document, version) = (&found.document, &found.version);
        let any = |is: &dyn Fn(&str) -> bool| self.values.iter().any(|value| is(value));
        match &self.key {
            Key::Name => any(&|value| found.name().starts_with(value)),
            Key::Owner => any(&|value| is_of_owner(found, account, value)),
            Key::PlatformTypes => {
                let platforms = describe::platforms(version).unwrap_or_default();
                any(&|value| platforms.iter().any(|platform| platform.eq_ignore_ascii_case(value)))
            }
            Key::DocumentType => any(&|value| document.kind.as_str() == value),
            Key::SearchKeyword => {
                let text = format!("{} {}", found.name(), version.description.as_deref().unwrap_or_default()).to_lowercase();
                self.values.iter().all(|value| text.contains(&value.to_lowercase()))
            }
            Key::TargetType => any(&|value| version.target_type.as_deref() == Some(value)),
            Key::VersionName => any(&|value| version.name.as_deref() == Some(value)),
            Key::Tag(tag) => document.tags.get(tag).is_some_and(|own| self.values.is_empty() || any(&|value| own == value)),
            Key::AnyTag => any(&|value| document.tags.contains_key(value)),
        }
    }
}

fn is_of_owner(found: &Resolved, account: Account, value: &str) -> bool {
    let is_own = found.owner == Owner::Account(account);
    let is_amazon = found.owner == Owner::Amazon;
    match value {
        "Amazon" => is_amazon,
        "Self" => is_own,
        "Private" => !is_amazon && (is_own || found.document.shares.contains_key(account.as_str())),
        "Public" => !is_own && found.document.shares.contains_key("all"),
        "All" => true,
        _ => false,
    }
}

/// Whether a filter asks for documents of others beside AWS's.
pub fn wants_shared(filters: &[Filter]) -> bool {
    filters
        .iter()
        .any(|filter| matches!(filter.key, Key::Owner) && filter.values.iter().any(|value| matches!(value.as_str(), "Private" | "Public" | "All")))
}
