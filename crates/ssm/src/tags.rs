//! Tags of resources of all kinds.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_AddTagsToResource.html>

use crate::{
    Ssm, faults, limits,
    parameters::{
        names::to_change,
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

pub fn no_such_resource() -> Fault {
    faults::INVALID_RESOURCE_ID.says("Invalid Resource Id")
}

/// The tags of an answer.
pub fn listed(tags: &Map<String>) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
}

/// An area whose resources have tags. `id` is as requests have it.
pub trait HasTags {
    /// What a call needs that reads or changes the tags of a resource.
    fn permission(&self, cx: &Cx, id: &str, action: &'static str) -> Result<Permission, Fault>;
    fn tags(&self, cx: &Cx, id: &str) -> Result<Map<String>, Fault>;
    /// Changes them, or not if the change has a fault.
    fn change_tags(&self, cx: &Cx, id: &str, change: &mut dyn FnMut(&mut Map<String>) -> Result<(), Fault>) -> Result<(), Fault>;
}

/// The parameters of Parameter Store.
struct Parameters<'s>(&'s Ssm);

impl HasTags for Parameters<'_> {
    fn permission(&self, cx: &Cx, id: &str, action: &'static str) -> Result<Permission, Fault> {
        let permission = self.0.permission::<AddTagsToResource>(cx, &to_change(&cx.scope, id)?, Sharing::No);
        Ok(Permission { action, ..permission })
    }

    fn tags(&self, cx: &Cx, id: &str) -> Result<Map<String>, Fault> {
        let key = to_change(&cx.scope, id)?.key;
        self.0.store.read(|state| state.parameter(&key, cx.now).map(|parameter| parameter.tags.clone())).ok_or_else(no_such_resource)
    }

    fn change_tags(&self, cx: &Cx, id: &str, change: &mut dyn FnMut(&mut Map<String>) -> Result<(), Fault>) -> Result<(), Fault> {
        let key = to_change(&cx.scope, id)?.key;
        self.0.store.write(|state| {
            let parameter = state.parameter(&key, cx.now).cloned().ok_or_else(no_such_resource)?;
            let mut tags = parameter.tags.clone();
            change(&mut tags)?;
            state.put_parameter(key.clone(), Parameter { tags, ..(*parameter).clone() });
            Ok(())
        })
    }
}

impl Ssm {
    /// The area that has the resources of a type.
    fn tagged(&self, kind: &str) -> Result<Box<dyn HasTags + '_>, Fault> {
        match kind {
            "Parameter" => Ok(Box::new(Parameters(self))),
            "Document" => Ok(Box::new(self.documents.clone())),
            "Association" => Ok(Box::new(self.associations.clone())),
            "Automation" => Ok(Box::new(self.automation_tags())),
            "ManagedInstance" => Ok(Box::new(self.nodes.clone())),
            "OpsItem" => Ok(Box::new(self.ops_item_tags())),
            "OpsMetadata" => Ok(Box::new(self.ops_metadata_tags())),
            "MaintenanceWindow" => Ok(Box::new(self.window_tags())),
            _ => Err(no_such_resource()),
        }
    }

    fn tag_permission<O: Operation>(&self, cx: &Cx, kind: &str, id: &str) -> Result<Permission, Fault> {
        self.tagged(kind)?.permission(cx, id, O::SCHEMA.access.first().map_or("", |access| access.action))
    }
}

/// At most so many tags may a resource have.
fn check_number(tags: &Map<String>) -> Result<(), Fault> {
    if tags.len() > limits::TAGS { Err(too_many()) } else { Ok(()) }
}

impl Handle<AddTagsToResource> for Ssm {
    fn permissions(&self, cx: &Cx, input: &AddTagsToResourceRequest) -> Result<Permissions, Fault> {
        let mut permission = self.tag_permission::<AddTagsToResource>(cx, &input.resource_type, &input.resource_id)?;
        set_request_tags(&mut permission, &input.tags);
        Ok(permission.into())
    }

    async fn handle(&self, cx: &Cx, input: AddTagsToResourceRequest) -> Result<AddTagsToResourceResult, Fault> {
        let area = self.tagged(&input.resource_type)?;
        let added = checked(&input.tags)?;
        area.change_tags(cx, &input.resource_id, &mut |tags| {
            tags.extend(added.clone());
            check_number(tags)
        })?;
        Ok(AddTagsToResourceResult {})
    }
}

impl Handle<RemoveTagsFromResource> for Ssm {
    fn permissions(&self, cx: &Cx, input: &RemoveTagsFromResourceRequest) -> Result<Permissions, Fault> {
        let permission = self.tag_permission::<RemoveTagsFromResource>(cx, &input.resource_type, &input.resource_id)?;
        Ok(permission.with_tag_keys(&input.tag_keys).into())
    }

    async fn handle(&self, cx: &Cx, input: RemoveTagsFromResourceRequest) -> Result<RemoveTagsFromResourceResult, Fault> {
        self.tagged(&input.resource_type)?.change_tags(cx, &input.resource_id, &mut |tags| {
            tags.retain(|name, _| !input.tag_keys.contains(name));
            Ok(())
        })?;
        Ok(RemoveTagsFromResourceResult {})
    }
}

impl Handle<ListTagsForResource> for Ssm {
    fn permissions(&self, cx: &Cx, input: &ListTagsForResourceRequest) -> Result<Permissions, Fault> {
        Ok(self.tag_permission::<ListTagsForResource>(cx, &input.resource_type, &input.resource_id)?.into())
    }

    async fn handle(&self, cx: &Cx, input: ListTagsForResourceRequest) -> Result<ListTagsForResourceResult, Fault> {
        let tags = self.tagged(&input.resource_type)?.tags(cx, &input.resource_id)?;
        Ok(ListTagsForResourceResult { tag_list: Some(listed(&tags)) })
    }
}
