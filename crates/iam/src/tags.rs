//! The rules of tags.

use crate::{
    faults::{invalid_input, limit_exceeded, validation_error},
    limits,
};
use cloudlet_api_iam::Tag;
use cloudlet_aws::Fault;
use cloudlet_engine::tags::{InvalidTag, KeyCase, TagCharacters, TagRules};
use cloudlet_identity::Tags;

/// The tags of a new resource.
pub(crate) fn new_tags(tags: Option<&[Tag]>) -> Result<Tags, Fault> {
    let mut out = Tags::new();
    add(&mut out, tags.unwrap_or_default())?;
    Ok(out)
}

const RULES: TagRules = TagRules { most: limits::TAGS, keys: KeyCase::Insensitive, characters: TagCharacters::Any };

/// Keys are compared without case, and stored with it.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html#id_tags_rules>
pub(crate) fn add(tags: &mut Tags, new: &[Tag]) -> Result<(), Fault> {
    let checked = RULES.check(new.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())));
    checked.map_err(|invalid| match invalid {
        InvalidTag::TooMany => validation_error(
            "1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50",
        ),
        InvalidTag::Reserved { .. } => {
            validation_error("Tag keys starting with 'aws:' are reserved for internal use by AWS and can not be modified.")
        }
        InvalidTag::Duplicate { .. } => invalid_input("Duplicate tag keys found. Please note that Tag keys are case insensitive."),
        // The model has the same limits.
        InvalidTag::Key { .. } => validation_error("The tag key is invalid."),
        InvalidTag::Value { .. } => validation_error("The tag value is invalid."),
    })?;
    for tag in new {
        match tags.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case(&tag.key)) {
            Some(known) => *known = (tag.key.as_str().into(), tag.value.as_str().into()),
            None => tags.push((tag.key.as_str().into(), tag.value.as_str().into())),
        }
    }
    if tags.len() > limits::TAGS {
        return Err(limit_exceeded("The number of tags has reached the maximum limit."));
    }
    Ok(())
}

pub(crate) fn remove(tags: &mut Tags, keys: &[String]) {
    tags.retain(|(key, _)| !keys.iter().any(|removed| removed.eq_ignore_ascii_case(key)));
}
