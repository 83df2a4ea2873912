//! Tags of whatever can have them.

use crate::{Ses, access, identities, limits, state::State};
use cloudlet_api_sesv2::*;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{
    Cx, Operation, Permission, Permissions,
    tags::{InvalidTag, KeyCase, TagCharacters, TagRules},
};
use cloudlet_shape::Map;
use std::sync::Arc;

const RULES: TagRules = TagRules { most: limits::TAGS, keys: KeyCase::Sensitive, characters: TagCharacters::Usual };

/// The tags of a request.
pub fn checked(tags: &[Tag]) -> Result<Map<String>, Fault> {
    RULES.check(tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str()))).map_err(|invalid| match invalid {
        // AWS: unverified messages.
        InvalidTag::TooMany => faults::BAD_REQUEST.says(format!("A resource has at most {} tags.", limits::TAGS)),
        InvalidTag::Reserved { key } => faults::BAD_REQUEST.says(format!("The tag key {key} begins with the reserved prefix aws:.")),
        InvalidTag::Duplicate { key } => faults::BAD_REQUEST.says(format!("The tag key {key} is duplicated.")),
        InvalidTag::Key { key } => faults::BAD_REQUEST.says(format!("The tag key {key} is invalid.")),
        InvalidTag::Value { key, .. } => faults::BAD_REQUEST.says(format!("The value of the tag {key} is invalid.")),
    })?;
    Ok(tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect())
}

pub fn shown(tags: &Map<String>) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
}

/// To create something with tags one must be allowed to tag.
pub fn requested(permission: Permission, tags: Option<&[Tag]>) -> Permissions {
    match tags.filter(|tags| !tags.is_empty()) {
        Some(tags) => {
            let permission = permission.with_request_tags(tags.iter().map(|tag| (&tag.key, tag.value.clone())));
            permission.and([Some("ses:TagResource")])
        }
        None => permission.into(),
    }
}

pub fn no_resource(arn: &str) -> Fault {
    // AWS: unverified message.
    faults::NOT_FOUND.says(format!("Resource {arn} does not exist."))
}

fn parse(cx: &Cx, arn: &str) -> Result<Arn, Fault> {
    Arn::parse(arn).filter(|arn| arn.service() == "ses" && arn.scope().as_ref() == Some(&cx.scope)).ok_or_else(|| no_resource(arn))
}

impl Ses {
    fn tagged<R>(&self, cx: &Cx, arn: &str, change: impl FnOnce(&mut Map<String>) -> Result<R, Fault>) -> Result<R, Fault> {
        let parsed = parse(cx, arn)?;
        let missing = || no_resource(arn);
        // AWS: measured.
        let no = |kind: &'static str, name: &str| faults::NOT_FOUND.says(format!("No {kind} present with name: {name}"));
        let (kind, name) = parsed.resource().split_once('/').ok_or_else(missing)?;
        self.store.write(|state: &mut State| match kind {
            "identity" => {
                let key = (cx.scope.clone(), identities::name_of(name));
                change(&mut Arc::make_mut(state.identities.get_mut(&key).ok_or_else(|| no("EmailIdentity", name))?).tags)
            }
            "template" => {
                let key = (cx.scope.clone(), name.to_owned());
                change(&mut Arc::make_mut(state.templates.get_mut(&key).ok_or_else(|| no("Template", name))?).tags)
            }
            "configuration-set" => {
                let key = (cx.scope.clone(), name.to_owned());
                change(&mut Arc::make_mut(state.configuration_sets.get_mut(&key).ok_or_else(|| no("ConfigurationSet", name))?).tags)
            }
            "contact-list" => {
                let key = (cx.scope.clone(), name.to_owned());
                change(&mut Arc::make_mut(state.contact_lists.get_mut(&key).ok_or_else(missing)?).tags)
            }
            "tenant" => {
                let key = (cx.scope.clone(), name.split('/').next().unwrap_or_default().to_owned());
                change(&mut Arc::make_mut(state.tenants.get_mut(&key).ok_or_else(missing)?).tags)
            }
            "custom-verification-email-template" => {
                let key = (cx.scope.clone(), name.to_owned());
                change(&mut Arc::make_mut(state.verification_templates.get_mut(&key).ok_or_else(missing)?).tags)
            }
            "multi-region-endpoint" => {
                let key = (cx.scope.clone(), name.to_owned());
                change(&mut Arc::make_mut(state.endpoints.get_mut(&key).ok_or_else(missing)?).tags)
            }
            _ => Err(missing()),
        })
    }
}

fn permission<O: Operation>(cx: &Cx, arn: &str) -> Result<Permission, Fault> {
    let arn = parse(cx, arn)?;
    Ok(access::resource::<O>(cx, arn.resource()))
}

operation!(
    TagResource,
    |ses, cx, input| {
        let permission = permission::<TagResource>(cx, &input.resource_arn)?;
        Ok(permission.with_request_tags(input.tags.iter().map(|tag| (&tag.key, tag.value.clone()))).into())
    },
    |ses, cx, input| {
        let added = checked(&input.tags)?;
        ses.tagged(cx, &input.resource_arn, |tags| {
            tags.extend(added);
            if tags.len() > limits::TAGS {
                return Err(faults::BAD_REQUEST.says(format!("A resource has at most {} tags.", limits::TAGS)));
            }
            Ok(())
        })?;
        Ok(TagResourceResponse {})
    },
);

operation!(
    UntagResource,
    |ses, cx, input| Ok(permission::<UntagResource>(cx, &input.resource_arn)?.with_tag_keys(&input.tag_keys).into()),
    |ses, cx, input| {
        ses.tagged(cx, &input.resource_arn, |tags| {
            tags.retain(|key, _| !input.tag_keys.contains(key));
            Ok(())
        })?;
        Ok(UntagResourceResponse {})
    },
);

operation!(ListTagsForResource, |ses, cx, input| Ok(permission::<ListTagsForResource>(cx, &input.resource_arn)?.into()), |ses, cx, input| {
    let tags = ses.tagged(cx, &input.resource_arn, |tags| Ok(shown(tags)))?;
    Ok(ListTagsForResourceResponse { tags })
},);
