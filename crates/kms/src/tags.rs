//! Tags of keys.

use crate::{faults, key_ids::Aliases, limits, on_key, pages::page, permissions::Reach};
use cloudlet_api_kms::*;
use cloudlet_aws::Fault;
use cloudlet_engine::tags::{InvalidTag, KeyCase, TagCharacters, TagRules};
use cloudlet_shape::{Empty, Map};

const USUAL_PAGE: usize = 50;

const RULES: TagRules = TagRules { most: limits::TAGS_PER_KEY, keys: KeyCase::Sensitive, characters: TagCharacters::Any };
const TOO_MANY: &str = "Too many tags";

/// The tags of a request.
pub fn checked(tags: &[Tag]) -> Result<Map<String>, Fault> {
    let checked = RULES.check(tags.iter().map(|tag| (tag.tag_key.as_str(), tag.tag_value.as_str())));
    checked.map_err(|invalid| {
        faults::TAG.says(match invalid {
            InvalidTag::TooMany => TOO_MANY,
            InvalidTag::Reserved { .. } => "Tags beginning with aws: are reserved",
            InvalidTag::Duplicate { .. } => "Duplicate tag keys",
            // The model has the same limits.
            InvalidTag::Key { .. } => "Invalid tag key",
            InvalidTag::Value { .. } => "Invalid tag value",
        })
    })?;
    Ok(tags.iter().map(|tag| (tag.tag_key.clone(), tag.tag_value.clone())).collect())
}

fn check_number(tags: &Map<String>) -> Result<(), Fault> {
    if tags.len() > limits::TAGS_PER_KEY { Err(faults::TAG.says(TOO_MANY)) } else { Ok(()) }
}

pub fn listed(tags: &Map<String>) -> Vec<Tag> {
    let mut tags: Vec<_> = tags.iter().map(|(name, value)| Tag { tag_key: name.clone(), tag_value: value.clone() }).collect();
    tags.sort_unstable_by(|one, other| one.tag_key.cmp(&other.tag_key));
    tags
}

on_key!(
    TagResource,
    Aliases::Refused,
    Reach::OwnAccount,
    |input, permission| permission.keys.set_request_tags(input.tags.iter().map(|tag| (&tag.tag_key, tag.tag_value.clone()))),
    |kms, cx, input, named| {
        let added = checked(&input.tags)?;
        kms.change(cx, &named.key.arn, |key| {
            key.check_not_deleted(cx.now)?;
            key.tags.extend(added);
            check_number(&key.tags)?;
            Ok(Empty {})
        })
    }
);

on_key!(
    UntagResource,
    Aliases::Refused,
    Reach::OwnAccount,
    |input, permission| permission.keys.set_tag_keys(&input.tag_keys),
    |kms, cx, input, named| {
        kms.change(cx, &named.key.arn, |key| {
            key.check_not_deleted(cx.now)?;
            for name in &input.tag_keys {
                key.tags.remove(name);
            }
            Ok(Empty {})
        })
    }
);

on_key!(ListResourceTags, Aliases::Refused, Reach::OwnAccount, |kms, cx, input, named| {
    let page = page::<ListResourceTags, _, _, _>(cx, &input, USUAL_PAGE, |after: Option<String>| {
        let tags = listed(&named.key.tags).into_iter().map(|tag| (tag.tag_key.clone(), tag));
        tags.skip_while(move |(name, _)| after.as_ref().is_some_and(|after| name <= after))
    })?;
    Ok(ListResourceTagsResponse { tags: Some(page.items), next_marker: page.next_marker, truncated: page.truncated })
});
