//! Tags that a request gives to what it creates.

use crate::{faults, limits};
use cloudlet_api_ec2::{Tag, TagSpecification};
use cloudlet_aws::Fault;
use cloudlet_engine::tags::{InvalidTag, KeyCase, TagCharacters, TagRules};
use std::collections::BTreeMap;

pub type Tags = BTreeMap<String, String>;

const RULES: TagRules = TagRules { most: limits::TAGS, keys: KeyCase::Sensitive, characters: TagCharacters::Any };

/// The key and value of each tag, as they came: for the condition keys.
pub fn requested(specifications: Option<&Vec<TagSpecification>>) -> Vec<(String, String)> {
    let tags = specifications.into_iter().flatten().filter_map(|specification| specification.tags.as_ref()).flatten();
    tags.map(|tag| (tag.key.clone().unwrap_or_default(), tag.value.clone().unwrap_or_default())).collect()
}

/// The tags of a new resource of a kind.
pub fn of_new(specifications: Option<&Vec<TagSpecification>>, kind: &str) -> Result<Tags, Fault> {
    for specification in specifications.into_iter().flatten() {
        let given = specification.resource_type.as_deref().unwrap_or_default();
        if given != kind {
            return Err(faults::invalid_value(format!("'{given}' is not a valid taggable resource type for this operation.")));
        }
    }
    let tags = requested(specifications);
    RULES.check(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))).map_err(|wrong| match wrong {
        // AWS: unverified wording.
        InvalidTag::TooMany => faults::refuse("TagLimitExceeded", "The maximum number of tags for a resource has been reached."),
        InvalidTag::Reserved { key } => faults::invalid_value(format!(
            "Value ( {key} ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use"
        )),
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

pub fn answered(tags: &Tags) -> Option<Vec<Tag>> {
    Some(tags.iter().map(|(key, value)| Tag { key: Some(key.clone()), value: Some(value.clone()) }).collect())
}
