//! Which tags a function and a mapping may have.

use crate::{faults, limits};
use cloudlet_aws::Fault;
use cloudlet_engine::tags::{InvalidTag, KeyCase, TagCharacters, TagRules};
use cloudlet_shape::Map;

const RULES: TagRules = TagRules { most: limits::TAGS, keys: KeyCase::Sensitive, characters: TagCharacters::Usual };

/// More tags than a resource may have.
pub fn too_many() -> Fault {
    faults::invalid("Number of tags exceeds resource tag limit.")
}

/// The tags of a request.
pub fn checked(tags: Map<String>) -> Result<Map<String>, Fault> {
    RULES.check(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))).map_err(|invalid| match invalid {
        InvalidTag::TooMany => too_many(),
        // AWS: unverified wordings.
        InvalidTag::Reserved { key } => faults::invalid(format!("aws: prefixed tag key names are not allowed for external use: {key}")),
        InvalidTag::Duplicate { key } | InvalidTag::Key { key } => faults::invalid(format!("Invalid tag key: {key}")),
        InvalidTag::Value { key, .. } => faults::invalid(format!("Invalid value of the tag {key}")),
    })?;
    Ok(tags)
}
