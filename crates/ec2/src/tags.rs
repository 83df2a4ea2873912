//! Tags: those that a request gives to what it creates, and the rules that all have.

use crate::{faults, limits};
use cloudlet_api_ec2::{Tag, TagSpecification};
use cloudlet_aws::Fault;
use cloudlet_engine::tags::{InvalidTag, KeyCase, TagCharacters, TagRules};
use std::collections::BTreeMap;

pub type Tags = BTreeMap<String, String>;

const RULES: TagRules = TagRules { most: limits::TAGS, keys: KeyCase::Sensitive, characters: TagCharacters::Any };

fn pair(tag: &Tag) -> (String, String) {
    (tag.key.clone().unwrap_or_default(), tag.value.clone().unwrap_or_default())
}

/// The key and value of each tag, as they came: for the condition keys.
pub fn requested(specifications: Option<&Vec<TagSpecification>>) -> Vec<(String, String)> {
    specifications.into_iter().flatten().filter_map(|specification| specification.tags.as_ref()).flatten().map(pair).collect()
}

/// Those of one kind, where a request creates several.
pub fn requested_of(specifications: Option<&Vec<TagSpecification>>, kind: &str) -> Vec<(String, String)> {
    let of_kind = specifications.into_iter().flatten().filter(|specification| specification.resource_type.as_deref() == Some(kind));
    of_kind.filter_map(|specification| specification.tags.as_ref()).flatten().map(pair).collect()
}

/// The tags of a new resource of a kind.
pub fn of_new(specifications: Option<&Vec<TagSpecification>>, kind: &str) -> Result<Tags, Fault> {
    of_new_among(specifications, kind, &[kind])
}

/// The same where the request may have tags for other kinds, too.
pub fn of_new_among(specifications: Option<&Vec<TagSpecification>>, kind: &str, kinds: &[&str]) -> Result<Tags, Fault> {
    for specification in specifications.into_iter().flatten() {
        let given = specification.resource_type.as_deref().unwrap_or_default();
        if !kinds.contains(&given) {
            return Err(faults::invalid_value(format!("'{given}' is not a valid taggable resource type for this operation.")));
        }
        if specification.tags.as_ref().is_none_or(Vec::is_empty) {
            return Err(faults::invalid_value("Tag specification must have at least one tag"));
        }
    }
    let tags = requested_of(specifications, kind);
    // AWS: here it does not say which.
    if tags.iter().any(|(key, _)| is_reserved(key)) {
        return Err(faults::invalid_value("Tag keys starting with 'aws:' are reserved for internal use"));
    }
    checked(tags)
}

pub fn is_reserved(key: &str) -> bool {
    key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"))
}

/// Tags as a request has them, if they follow the rules.
pub fn checked(tags: Vec<(String, String)>) -> Result<Tags, Fault> {
    RULES.check(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))).map_err(|wrong| match wrong {
        InvalidTag::TooMany => too_many(),
        InvalidTag::Reserved { key } => reserved(key),
        InvalidTag::Key { key } => {
            faults::invalid_value(format!("Value ( {key} ) for parameter key is invalid. Tag keys must be between 1 and 128 characters"))
        }
        InvalidTag::Value { value, .. } => {
            faults::invalid_value(format!("Value ( {value} ) for parameter value is invalid. Tag value exceeds the maximum length of 256 characters"))
        }
        InvalidTag::Duplicate { key } => faults::invalid_value(format!("Duplicate tag key '{key}' specified.")),
    })?;
    Ok(tags.into_iter().collect())
}

pub fn reserved(key: &str) -> Fault {
    faults::invalid_value(format!("Value ( {key} ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use"))
}

pub fn too_many() -> Fault {
    faults::refuse("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
}

pub fn answered(tags: Option<&Tags>) -> Option<Vec<Tag>> {
    Some(tags.into_iter().flatten().map(|(key, value)| Tag { key: Some(key.clone()), value: Some(value.clone()) }).collect())
}
