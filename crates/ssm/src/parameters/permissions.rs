//! What calls on parameters need to be allowed.
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html>

use super::{
    names::Reference,
    parameter::{Parameter, Tier},
};
use crate::Ssm;
use cloudlet_api_ssm::Tag;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Permission, Permissions};
use cloudlet_shape::{Map, Operation};

/// Whether the policy that shares a parameter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// For reading.
    Counts,
    /// The parameter belongs to its account alone.
    No,
}

impl Ssm {
    /// The operation's own action on a parameter, which need not exist.
    pub fn permission<O: Operation>(&self, cx: &Cx, reference: &Reference, sharing: Sharing) -> Permission {
        let parameter = self.store.read(|state| state.parameter(&reference.key, cx.now).cloned());
        self.permission_on::<O>(reference, parameter.as_deref(), sharing)
    }

    /// The same for a parameter that was looked up.
    pub fn permission_on<O: Operation>(&self, reference: &Reference, parameter: Option<&Parameter>, sharing: Sharing) -> Permission {
        let mut permission = Permission::of::<O>(reference.arn.clone());
        let Some(parameter) = parameter else { return permission };
        set_resource_tags(&mut permission, &parameter.tags);
        if sharing == Sharing::Counts && parameter.current.tier == Tier::Advanced {
            let shared = self.store.read(|state| state.policies_of(&reference.arn).next().map(|(_, shared)| shared.policy.named(&reference.arn)));
            permission.resource_policy = shared;
        }
        permission
    }
}

/// Systems Manager has a key of its own beside the global one.
pub fn set_resource_tags(permission: &mut Permission, tags: &Map<String>) {
    for (name, value) in tags {
        permission.keys.set(format!("ssm:resourceTag/{name}"), value.clone());
    }
    permission.keys.set_resource_tags(tags.iter().map(|(name, value)| (name, value.clone())));
}

pub fn set_request_tags(permission: &mut Permission, tags: &[Tag]) {
    permission.keys.set_request_tags(tags.iter().map(|tag| (&tag.key, tag.value.clone())));
}

/// An operation that names no resource. AWS then names all of the account and the region.
pub fn on_all<O: Operation>(cx: &Cx) -> Permission {
    Permission::of::<O>(Arn::new("ssm", &cx.scope, "*"))
}

/// The permissions for each of several parameters. A call that names none is authorized too.
pub fn on_each<O: Operation>(cx: &Cx, each: impl Iterator<Item = Result<Permission, Fault>>) -> Result<Permissions, Fault> {
    let permissions = each.collect::<Result<Permissions, Fault>>()?;
    Ok(if permissions.is_empty() { on_all::<O>(cx).into() } else { permissions })
}
