//! Tags of resources of all kinds.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_AddTagsToResource.html>

use crate::{
    Ssm, faults, limits,
    parameters::{
        names::{ParameterKey, to_change},
        parameter::Parameter,
        permissions::{Sharing, set_request_tags},
    },
};
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{
    Cx, Handle, Permission, Permissions,
    tags::{InvalidTag, KeyCase, TagCharacters, TagRules},
};
use cloudlet_shape::{Map, Operation};
use std::sync::Arc;

const RULES: TagRules = TagRules { most: limits::TAGS, keys: KeyCase::Sensitive, characters: TagCharacters::Usual };

fn too_many() -> Fault {
    faults::TOO_MANY_TAGS_ERROR.says("The Targets parameter includes too many tags. Remove one or more tags and try the command again.")
}

/// The tags of a request.
pub fn checked(tags: &[Tag]) -> Result<Map<String>, Fault> {
    RULES.check(tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str()))).map_err(|invalid| match invalid {
        InvalidTag::TooMany => too_many(),
        // AWS: unverified messages.
        InvalidTag::Reserved { .. } => faults::validation("Tag keys can't be prefixed with \"aws:\" (case-insensitive)."),
        InvalidTag::Duplicate { key } => faults::validation(format!("The tag key {key} is duplicated in the request.")),
        // The model has the same limits.
        InvalidTag::Key { .. } => faults::validation("Invalid tag key"),
        InvalidTag::Value { .. } => faults::validation("Invalid tag value"),
    })?;
    Ok(tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect())
}

fn no_such_resource() -> Fault {
    faults::INVALID_RESOURCE_ID.says("Invalid Resource Id")
}

/// A resource that has tags. Resources of other kinds cannot be made yet: there is none.
enum Tagged {
    Parameter(ParameterKey),
}

impl Ssm {
    fn tagged<O: Operation>(&self, cx: &Cx, kind: &str, id: &str) -> Result<(Tagged, Permission), Fault> {
        match kind {
            "Parameter" => {
                let reference = to_change(&cx.scope, id)?;
                let permission = self.permission::<O>(cx, &reference, Sharing::No);
                Ok((Tagged::Parameter(reference.key), permission))
            }
            _ => Err(no_such_resource()),
        }
    }

    fn change_tags(&self, cx: &Cx, tagged: &Tagged, change: impl FnOnce(&mut Map<String>)) -> Result<(), Fault> {
        let Tagged::Parameter(key) = tagged;
        self.store.write(|state| {
            let parameter = state.parameter(key, cx.now).cloned().ok_or_else(no_such_resource)?;
            let mut tags = parameter.tags.clone();
            change(&mut tags);
            if tags.len() > limits::TAGS {
                return Err(too_many());
            }
            state.put_parameter(key.clone(), Parameter { tags, ..(*parameter).clone() });
            Ok(())
        })
    }
}

impl Handle<AddTagsToResource> for Ssm {
    fn permissions(&self, cx: &Cx, input: &AddTagsToResourceRequest) -> Result<Permissions, Fault> {
        let (_, mut permission) = self.tagged::<AddTagsToResource>(cx, &input.resource_type, &input.resource_id)?;
        set_request_tags(&mut permission, &input.tags);
        Ok(permission.into())
    }

    async fn handle(&self, cx: &Cx, input: AddTagsToResourceRequest) -> Result<AddTagsToResourceResult, Fault> {
        let (tagged, _) = self.tagged::<AddTagsToResource>(cx, &input.resource_type, &input.resource_id)?;
        let added = checked(&input.tags)?;
        self.change_tags(cx, &tagged, |tags| tags.extend(added))?;
        Ok(AddTagsToResourceResult {})
    }
}

impl Handle<RemoveTagsFromResource> for Ssm {
    fn permissions(&self, cx: &Cx, input: &RemoveTagsFromResourceRequest) -> Result<Permissions, Fault> {
        let (_, permission) = self.tagged::<RemoveTagsFromResource>(cx, &input.resource_type, &input.resource_id)?;
        Ok(permission.with_tag_keys(&input.tag_keys).into())
    }

    async fn handle(&self, cx: &Cx, input: RemoveTagsFromResourceRequest) -> Result<RemoveTagsFromResourceResult, Fault> {
        let (tagged, _) = self.tagged::<RemoveTagsFromResource>(cx, &input.resource_type, &input.resource_id)?;
        self.change_tags(cx, &tagged, |tags| tags.retain(|name, _| !input.tag_keys.contains(name)))?;
        Ok(RemoveTagsFromResourceResult {})
    }
}

impl Handle<ListTagsForResource> for Ssm {
    fn permissions(&self, cx: &Cx, input: &ListTagsForResourceRequest) -> Result<Permissions, Fault> {
        Ok(self.tagged::<ListTagsForResource>(cx, &input.resource_type, &input.resource_id)?.1.into())
    }

    async fn handle(&self, cx: &Cx, input: ListTagsForResourceRequest) -> Result<ListTagsForResourceResult, Fault> {
        let (Tagged::Parameter(key), _) = self.tagged::<ListTagsForResource>(cx, &input.resource_type, &input.resource_id)?;
        let parameter: Option<Arc<Parameter>> = self.store.read(|state| state.parameter(&key, cx.now).cloned());
        let tags = &parameter.ok_or_else(no_such_resource)?.tags;
        let listed = tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() });
        Ok(ListTagsForResourceResult { tag_list: Some(listed.collect()) })
    }
}
