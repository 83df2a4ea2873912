//! What a call needs to be allowed: IAM's required permissions.

use crate::RequestContext;
use cloudlet_aws::{Account, Arn};
use cloudlet_policy::{Grant, Keys, Policy, Value};
use cloudlet_shape::Operation;
use smallvec::SmallVec;
use std::{borrow::Cow, fmt::Display, sync::Arc};

/// One question to the policy evaluator: an action on a resource. All permissions of a call must be allowed.
#[derive(Clone, Debug)]
pub struct Permission {
    /// `s3:GetObject`
    pub action: &'static str,
    pub resource: Arn,
    /// The account that owns the resource, where its ARN does not say (`arn:aws:s3:::bucket`).
    pub owner: Option<Account>,
    /// The service's own condition keys; the global ones are added when the call is authorized.
    pub keys: Keys,
    /// Those of them that follow from the call itself, and are made only for a policy that reads them.
    pub derived: &'static [DerivedKey],
    /// The resource's own policy, handed over by the engine that owns it.
    pub resource_policy: Option<Policy>,
    /// The principal is not the caller but a user whom this identity provider has authenticated.
    pub federated: Option<Arc<str>>,
    /// An allow on the resource's side that is no policy: an ACL, a KMS grant.
    pub grant: Option<Grant<'static>>,
    /// The resource as a denial shows it, where that is not the ARN (`user bob`).
    pub shown: Option<Cow<'static, str>>,
}

/// A condition key of a service that follows from how the call came: `s3:authType`.
#[derive(Clone, Copy, Debug)]
pub struct DerivedKey {
    pub name: &'static str,
    pub value: fn(&RequestContext, &Permission) -> Option<Value>,
}

/// Most calls need one.
pub type Permissions = SmallVec<[Permission; 1]>;

impl Permission {
    /// The operation's own action, from the generated table, on a resource.
    pub fn of<O: Operation>(resource: Arn) -> Permission {
        Permission::action(O::SCHEMA.access.first().map_or("", |access| access.action), resource)
    }

    /// Another action than the operation's first: `s3:GetObjectVersion`, `iam:PassRole`.
    pub fn action(action: &'static str, resource: Arn) -> Permission {
        let owner = Account::parse(resource.account());
        Permission { action, resource, owner, keys: Keys::default(), derived: &[], resource_policy: None, federated: None, grant: None, shown: None }
    }

    #[must_use]
    pub fn owned_by(self, account: Account) -> Permission {
        Permission { owner: Some(account), ..self }
    }

    #[must_use]
    pub fn with_policy(self, policy: Option<Policy>) -> Permission {
        Permission { resource_policy: policy, ..self }
    }

    #[must_use]
    pub fn with_key(mut self, name: &'static str, value: impl Into<String>) -> Permission {
        self.keys.set(name, value.into());
        self
    }

    /// `aws:ResourceTag/…`: the tags of the resource.
    #[must_use]
    pub fn with_resource_tags<K: Display, V: Into<Value>>(mut self, tags: impl IntoIterator<Item = (K, V)>) -> Permission {
        self.keys.set_resource_tags(tags);
        self
    }

    /// `aws:RequestTag/…` and `aws:TagKeys`: the tags in the request.
    #[must_use]
    pub fn with_request_tags<K: Display, V: Into<Value>>(mut self, tags: impl IntoIterator<Item = (K, V)>) -> Permission {
        self.keys.set_request_tags(tags);
        self
    }

    /// `aws:TagKeys`: the tags that the request removes.
    #[must_use]
    pub fn with_tag_keys<K: Display>(mut self, names: impl IntoIterator<Item = K>) -> Permission {
        self.keys.set_tag_keys(names);
        self
    }

    /// This permission, and the same for each further action that the call needs: to create something with tags, one must be allowed to tag.
    #[must_use]
    pub fn and(self, actions: impl IntoIterator<Item = Option<&'static str>>) -> Permissions {
        let more: Permissions = actions.into_iter().flatten().map(|action| Permission { action, ..self.clone() }).collect();
        std::iter::once(self).chain(more).collect()
    }

    /// A few operations need none: AWS lets everybody who is authenticated call them (`sts:GetCallerIdentity`).
    pub fn none() -> Permissions {
        Permissions::new()
    }
}

impl From<Permission> for Permissions {
    fn from(permission: Permission) -> Permissions {
        let mut permissions = Permissions::new();
        permissions.push(permission);
        permissions
    }
}

#[cfg(test)]
mod tests {
    use super::Permission;
    use cloudlet_aws::Arn;

    #[test]
    fn further_actions_have_the_same_resource_and_keys() {
        let queue = Arn::parse("arn:aws:sqs:us-east-1:000000000000:q").unwrap();
        let create = Permission::action("sqs:CreateQueue", queue.clone()).with_request_tags([("team", "a")]);
        let permissions = create.and([Some("sqs:TagQueue"), None]);
        assert_eq!(permissions.iter().map(|permission| permission.action).collect::<Vec<_>>(), ["sqs:CreateQueue", "sqs:TagQueue"]);
        for permission in &permissions {
            assert_eq!(permission.resource, queue);
            assert!(permission.keys.get("aws:RequestTag/team").is_some());
        }
    }
}
