//! What calls on parameters need to be allowed.
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html>

use super::{names::Reference, parameter::Parameter};
use crate::Ssm;
use cloudlet_api_ssm::{DescribeParameters, Tag};
use cloudlet_aws::Arn;
use cloudlet_engine::{Cx, Permission, Policy};
use cloudlet_shape::{Map, Operation};
use std::sync::Arc;

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
        let mut permission = Permission::of::<O>(reference.arn.clone());
        self.store.read(|state| {
            if let Some(parameter) = state.parameter(&reference.key, cx.now) {
                set_tags(&mut permission, parameter);
                if sharing == Sharing::Counts {
                    permission.resource_policy = state.policies_of(&reference.arn).next().map(|(_, shared)| shared.policy.named(&reference.arn));
                }
            }
        });
        permission
    }

    /// What a resource's policies say, for the evaluator.
    pub fn shared_by(&self, resource: &Arn) -> Option<Policy> {
        self.store.read(|state| state.policies_of(resource).next().map(|(_, shared)| shared.policy.named(resource)))
    }
}

fn set_tags(permission: &mut Permission, parameter: &Arc<Parameter>) {
    set_resource_tags(permission, &parameter.tags);
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

/// An operation that has no resource. AWS names all of the account and the region.
pub fn on_all(cx: &Cx) -> Permission {
    Permission::of::<DescribeParameters>(Arn::new("ssm", &cx.scope, "*"))
}
