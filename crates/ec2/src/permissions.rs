//! What calls need: the ARNs of resources and EC2's condition keys.
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html>

use crate::{
    engine::Ec2,
    rows::Vpc,
    state::{Resource, State},
    tags::Tags,
};
use cloudlet_aws::{Arn, Scope};
use cloudlet_engine::{Cx, Operation, Permission, Permissions};

pub fn arn(scope: &Scope, kind: &str, id: &str) -> Arn {
    Arn::new("ec2", scope, &format!("{kind}/{id}"))
}

pub fn arn_text(scope: &Scope, kind: &str, id: &str) -> Option<String> {
    Some(arn(scope, kind, id).as_str().to_owned())
}

/// `Describe…`: no resources.
pub fn describe<O: Operation>(cx: &Cx) -> Permissions {
    Permission::of::<O>(Arn::any()).with_key("ec2:Region", cx.scope.region.as_str()).into()
}

/// A new resource, with the permission to tag it where the request does.
pub fn create<O: Operation>(cx: &Cx, kind: &str, tags: Vec<(String, String)>) -> Permissions {
    let tagging = (!tags.is_empty()).then_some("ec2:CreateTags");
    let permission = Permission::of::<O>(arn(&cx.scope, kind, "*")).with_key("ec2:Region", cx.scope.region.as_str()).with_request_tags(tags);
    let mut permissions = permission.and([tagging]);
    if let Some(tagging) = permissions.get_mut(1) {
        tagging.keys.set("ec2:CreateAction", O::SCHEMA.name.to_owned());
    }
    permissions
}

/// With the tags of the resource, under EC2's name and under the general one.
pub fn with_tags(mut permission: Permission, tags: Option<&Tags>) -> Permission {
    let Some(tags) = tags else { return permission };
    for (key, value) in tags {
        permission.keys.set(format!("ec2:ResourceTag/{key}"), value.clone());
    }
    permission.with_resource_tags(tags.iter().map(|(key, value)| (key, value.clone())))
}

/// The key that names a resource itself, where EC2 has one.
fn id_key(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "vpc" => "ec2:VpcID",
        "subnet" => "ec2:SubnetID",
        "security-group" => "ec2:SecurityGroupID",
        "route-table" => "ec2:RouteTableID",
        "internet-gateway" => "ec2:InternetGatewayID",
        "network-acl" => "ec2:NetworkAclID",
        "network-interface" => "ec2:NetworkInterfaceID",
        "instance" => "ec2:InstanceID",
        "dhcp-options" => "ec2:DhcpOptionsID",
        "vpc-peering-connection" => "ec2:VpcPeeringConnectionID",
        _ => return None,
    })
}

fn on_found<O: Operation, R: Resource>(state: &State, cx: &Cx, id: &str) -> Permission {
    let mut permission = Permission::of::<O>(arn(&cx.scope, R::KIND.name, id)).with_key("ec2:Region", cx.scope.region.as_str());
    if let Some(name) = id_key(R::KIND.name) {
        permission = permission.with_key(name, id);
    }
    if let Some(vpc) = state.get::<R>(&cx.scope, id).and_then(Resource::vpc) {
        permission = permission.with_key("ec2:Vpc", arn(&cx.scope, "vpc", vpc).as_str());
    }
    if let Some(vpc) = (R::KIND.name == "vpc").then(|| state.get::<Vpc>(&cx.scope, id)).flatten() {
        permission = permission.with_key("ec2:Tenancy", vpc.tenancy.as_str());
    }
    with_tags(permission, state.tags_of(&cx.scope, id))
}

impl Ec2 {
    /// A call on a resource that is there.
    pub(crate) fn on<O: Operation, R: Resource>(&self, cx: &Cx, id: &str) -> Permission {
        self.store.read(|state| on_found::<O, R>(state, cx, id))
    }

    /// A new resource in another one: a subnet in a VPC.
    pub(crate) fn create_in<O: Operation, R: Resource, In: Resource>(&self, cx: &Cx, tags: Vec<(String, String)>, within: &str) -> Permissions {
        let mut all = create::<O>(cx, R::KIND.name, tags);
        all.push(self.on::<O, In>(cx, within));
        all
    }
}
