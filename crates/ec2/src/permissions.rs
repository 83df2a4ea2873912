//! What calls need: the ARNs of resources and EC2's condition keys.
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html>

use crate::{Ec2, tags::Tags};
use cloudlet_aws::Arn;
use cloudlet_engine::{Cx, Operation, Permission, Permissions};

pub fn arn(cx: &Cx, kind: &str, id: &str) -> Arn {
    Arn::new("ec2", &cx.scope, &format!("{kind}/{id}"))
}

/// `Describe…`: no resources.
pub fn describe<O: Operation>(cx: &Cx) -> Permissions {
    Permission::of::<O>(Arn::any()).with_key("ec2:Region", cx.scope.region.as_str()).into()
}

/// A new resource, with the permission to tag it where the request does.
pub fn create<O: Operation>(cx: &Cx, kind: &str, tags: Vec<(String, String)>) -> Permissions {
    let tagging = (!tags.is_empty()).then_some("ec2:CreateTags");
    let permission = Permission::of::<O>(arn(cx, kind, "*")).with_key("ec2:Region", cx.scope.region.as_str()).with_request_tags(tags);
    let mut permissions = permission.and([tagging]);
    if let Some(tagging) = permissions.get_mut(1) {
        tagging.keys.set("ec2:CreateAction", O::SCHEMA.name.to_owned());
    }
    permissions
}

fn with_tags(mut permission: Permission, tags: &Tags) -> Permission {
    for (key, value) in tags {
        permission.keys.set(format!("ec2:ResourceTag/{key}"), value.clone());
    }
    permission.with_resource_tags(tags.iter().map(|(key, value)| (key, value.clone())))
}

impl Ec2 {
    pub(crate) fn on_vpc<O: Operation>(&self, cx: &Cx, id: &str) -> Permission {
        let permission = Permission::of::<O>(arn(cx, "vpc", id)).with_key("ec2:Region", cx.scope.region.as_str()).with_key("ec2:VpcID", id);
        self.store.read(|state| match state.vpc(&cx.scope, id) {
            Some(vpc) => with_tags(permission.with_key("ec2:Tenancy", vpc.tenancy.as_str()), &vpc.tags),
            None => permission,
        })
    }

    pub(crate) fn on_group<O: Operation>(&self, cx: &Cx, id: &str) -> Permission {
        let permission = Permission::of::<O>(arn(cx, "security-group", id)).with_key("ec2:Region", cx.scope.region.as_str());
        let permission = permission.with_key("ec2:SecurityGroupID", id);
        self.store.read(|state| match state.group(&cx.scope, id) {
            Some(group) => with_tags(permission.with_key("ec2:Vpc", arn(cx, "vpc", &group.vpc).as_str()), &group.tags),
            None => permission,
        })
    }
}
