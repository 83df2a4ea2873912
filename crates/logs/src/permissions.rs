//! What calls need to be allowed: on groups, on streams, and on what has no group.

use crate::{
    Logs,
    names::{group_arn, group_resource, stream_arn},
    state::{GroupKey, joined},
};
use cloudlet_aws::Arn;
use cloudlet_engine::{Cx, Permission, Permissions, Policy};
use cloudlet_shape::{Map, Operation};

impl Logs {
    /// The resource policies that apply to a group.
    fn policies(&self, group: &GroupKey) -> Option<Policy> {
        self.store.read(|state| {
            let account = state.account_policies.get(&group.0).cloned();
            let own = state.group_policies.get(group).map(|row| row.policy.clone());
            joined(account.into_iter().chain(own)).map(|policy| policy.named(&group_arn(group)))
        })
    }

    fn on(&self, group: &GroupKey, action: &'static str, resource: Arn) -> Permission {
        let group_row = self.store.read(|state| state.groups.get(group).cloned());
        let permission = Permission::action(action, resource).with_policy(self.policies(group));
        match group_row {
            Some(group) => permission.with_resource_tags(group.tags.iter().map(|(name, value)| (name.clone(), value.clone()))),
            None => permission,
        }
    }

    /// The operation's own action on a group.
    pub fn on_group<O: Operation>(&self, group: &GroupKey) -> Permission {
        self.on(group, action::<O>(), group_resource(group))
    }

    /// The same under the group's own ARN, for tags.
    pub fn on_group_itself<O: Operation>(&self, group: &GroupKey) -> Permission {
        self.on(group, action::<O>(), group_arn(group))
    }

    pub fn on_stream<O: Operation>(&self, group: &GroupKey, stream: &str) -> Permission {
        self.on(group, action::<O>(), stream_arn(group, stream))
    }
}

pub fn action<O: Operation>() -> &'static str {
    O::SCHEMA.access.first().map_or("", |access| access.action)
}

/// The operation's own action on something that is no group.
pub fn on_resource<O: Operation>(resource: Arn) -> Permission {
    Permission::of::<O>(resource)
}

/// An action without a resource.
pub fn on_account<O: Operation>(cx: &Cx) -> Permission {
    Permission::of::<O>(Arn::any()).owned_by(cx.scope.account)
}

/// What a new resource needs: tags that come with it need another permission.
pub fn with_tags(permission: Permission, tags: Option<&Map<String>>) -> Permissions {
    match tags.filter(|tags| !tags.is_empty()) {
        Some(tags) => permission.with_request_tags(tags.iter().map(|(name, value)| (name, value.clone()))).and([Some("logs:TagResource")]),
        None => permission.into(),
    }
}
