//! How a handler of IAM is written: the permission it requires, and its result.
//! Most operations name one resource, so the permission follows from its ARN and the generated table of actions.

use cloudlet_api_iam::Tag;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Permission, Permissions};
use cloudlet_identity::Tags;
use cloudlet_policy::Grant;
use cloudlet_shape::Operation;

/// The permission that a call requires, without its action.
pub(crate) struct RequiredPermission {
    permission: Permission,
    more: Vec<Permission>,
    /// The boundary of the user or role: a condition key of some operations.
    principal_boundary: Option<Arn>,
}

const BOUNDARY_KEY: &str = "iam:PermissionsBoundary";

impl RequiredPermission {
    pub fn on(arn: Arn) -> RequiredPermission {
        RequiredPermission { permission: Permission::action("", arn), more: Vec::new(), principal_boundary: None }
    }

    /// For actions without a resource type.
    pub fn without_resource() -> RequiredPermission {
        RequiredPermission::on(Arn::any())
    }

    /// The resource in the message of a denial. AWS: `on resource: user bob`, where most services have the ARN.
    pub fn with_name(mut self, text: String) -> RequiredPermission {
        self.permission.shown = Some(text.into());
        self
    }

    pub fn with_key(mut self, name: &'static str, value: &str) -> RequiredPermission {
        self.permission.keys.set(name, value.to_owned());
        self
    }

    /// The permissions boundary of the user or role.
    pub fn with_principal_boundary(self, boundary: Option<&Arn>) -> RequiredPermission {
        RequiredPermission { principal_boundary: boundary.cloned(), ..self }
    }

    /// The permissions boundary in the request.
    pub fn with_request_boundary(self, boundary: Option<&str>) -> RequiredPermission {
        match boundary {
            Some(arn) => self.with_key(BOUNDARY_KEY, arn),
            None => self,
        }
    }

    pub fn with_resource_tags(mut self, tags: &Tags) -> RequiredPermission {
        for (key, value) in tags {
            self.permission.keys.set(format!("iam:ResourceTag/{key}"), value);
        }
        self.permission.keys.set_resource_tags(tags.iter().map(|(key, value)| (key, value)));
        self
    }

    pub fn with_request_tags(mut self, tags: Option<&[Tag]>) -> RequiredPermission {
        if let Some(tags) = tags {
            self.permission.keys.set_request_tags(tags.iter().map(|tag| (&tag.key, tag.value.clone())));
        }
        self
    }

    pub fn with_tag_keys(mut self, keys: &[String]) -> RequiredPermission {
        self.permission.keys.set_tag_keys(keys);
        self
    }

    /// What allows the call without a policy.
    pub fn with_grant(mut self, grant: Grant<'static>) -> RequiredPermission {
        self.permission.grant = Some(grant);
        self
    }

    pub fn and(mut self, permission: Permission) -> RequiredPermission {
        self.more.push(permission);
        self
    }

    pub fn permissions<O: Operation>(mut self) -> Result<Permissions, Fault> {
        let access = O::SCHEMA.access.first();
        let has_boundary_key = access.is_some_and(|access| access.keys.contains(&BOUNDARY_KEY));
        // The boundary in the request takes precedence.
        if let Some(boundary) = self.principal_boundary.filter(|_| has_boundary_key && self.permission.keys.get(BOUNDARY_KEY).is_none()) {
            self.permission.keys.set(BOUNDARY_KEY, &boundary);
        }
        let permission = Permission { action: access.map_or("", |access| access.action), ..self.permission };
        Ok(std::iter::once(permission).chain(self.more).collect())
    }
}

/// A handler: `operation!(GetUser, |iam, cx, input| the required permission, |iam, cx, input| the result)`.
macro_rules! operation {
    ($operation:ident, |$i:ident, $c:ident, $n:ident| $permission:expr, |$iam:ident, $cx:ident, $input:ident| $result:expr $(,)?) => {
        cloudlet_engine::handler!(
            crate::Iam,
            $operation,
            |$i, $c, $n| {
                crate::names::check($n)?;
                let permission: crate::operation::RequiredPermission = $permission;
                permission.permissions::<$operation>()
            },
            |$iam, $cx, $input| $result
        );
    };
}
pub(crate) use operation;
