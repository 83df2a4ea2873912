//! NAT gateways.
//! <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-nat-gateway.html>

use crate::{
    client_tokens::ClientToken,
    describing::{describes, shown},
    engine::Ec2,
    faults::{self, invalid_value, refuse},
    interfaces,
    region::new_association,
    rows::{Address, AddressAssociation, InternetGateway, NatFailure, NatGateway, Subnet},
    state::{At, FilterOf, Kind, Resource, in_table, is_over},
    subnets, tags,
};
use cloudlet_api_ec2::{self as api, CreateNatGateway, DeleteNatGateway, DescribeNatGateways};
use cloudlet_aws::Timestamp;
use cloudlet_engine::handler;
use std::net::Ipv4Addr;

/// How long one is pending, and deleting.
const CHANGE: i64 = 5_000;

impl Resource for NatGateway {
    const KIND: Kind = Kind {
        prefix: "nat",
        name: "natgateway",
        missing: "NatGatewayNotFound",
        says: ("The Nat Gateway ", " was not found"),
        malformed: "NatGatewayMalformed",
    };
    const FILTERS: &'static [FilterOf<NatGateway>] = &[
        ("nat-gateway-id", |_, at| vec![at.id.to_owned()]),
        ("state", |gateway, at| vec![state_of(gateway, at.now).to_owned()]),
        ("subnet-id", |gateway, _| vec![gateway.subnet.clone()]),
        ("vpc-id", |gateway, _| vec![gateway.vpc.clone()]),
        ("connectivity-type", |gateway, _| vec![connectivity(gateway).to_owned()]),
    ];
    type Shown = api::NatGateway;

    in_table!(nat_gateways, NatGateway);

    fn vpc(&self) -> Option<&str> {
        Some(&self.vpc)
    }

    fn is_visible(&self, now: Timestamp) -> bool {
        !is_over(self.deleted, now)
    }

    fn shown(&self, at: &At<'_>) -> api::NatGateway {
        let failed = self.failure.is_some();
        let address = self.allocation.as_deref().and_then(|id| at.state.get::<Address>(at.scope, id));
        let association = address.and_then(|address| address.association.as_ref()).filter(|of| of.interface == self.interface);
        let address = api::NatGatewayAddress {
            allocation_id: self.allocation.clone(),
            network_interface_id: (!failed).then(|| self.interface.clone()),
            private_ip: (!failed).then(|| self.private_address.to_string()),
            public_ip: self.public_address.filter(|_| !failed).map(|address| address.to_string()),
            association_id: association.map(|association| association.id.clone()),
            is_primary: Some(true),
            status: Some(if failed { "failed" } else { "succeeded" }.to_owned()),
            ..Default::default()
        };
        let failure = self.failure.as_ref().filter(|_| state_of(self, at.now) == "failed");
        api::NatGateway {
            nat_gateway_id: Some(at.id.to_owned()),
            vpc_id: Some(self.vpc.clone()),
            subnet_id: Some(self.subnet.clone()),
            state: Some(state_of(self, at.now).to_owned()),
            create_time: Some(self.made),
            delete_time: self.deleted.filter(|_| !failed),
            failure_code: failure.map(|failure| failure.code.clone()),
            failure_message: failure.map(|failure| failure.message.clone()),
            connectivity_type: Some(connectivity(self).to_owned()),
            availability_mode: Some("zonal".to_owned()),
            nat_gateway_addresses: Some(vec![address]),
            tags: tags::answered(at.state.tags_of(at.scope, at.id)),
            ..Default::default()
        }
    }
}

fn connectivity(gateway: &NatGateway) -> &'static str {
    if gateway.is_public { "public" } else { "private" }
}

fn state_of(gateway: &NatGateway, now: Timestamp) -> &'static str {
    match gateway.deleted {
        Some(failed) if gateway.failure.is_some() && now.0 >= failed.0 + CHANGE => "failed",
        Some(_) if gateway.failure.is_some() => "pending",
        Some(deleted) if now.0 >= deleted.0 + CHANGE => "deleted",
        Some(_) => "deleting",
        None if now.0 >= gateway.made.0 + CHANGE => "available",
        None => "pending",
    }
}

/// Whether it no longer carries anything.
pub fn is_gone(gateway: &NatGateway, _now: Timestamp) -> bool {
    gateway.deleted.is_some()
}

handler!(
    Ec2,
    CreateNatGateway,
    |ec2, cx, input| {
        let tags = tags::requested(input.tag_specifications.as_ref());
        let mut all = ec2.create_in::<CreateNatGateway, NatGateway, Subnet>(cx, tags, input.subnet_id.as_deref().unwrap_or("*"));
        all.extend(input.allocation_id.as_deref().map(|address| ec2.on::<CreateNatGateway, Address>(cx, address)));
        Ok(all)
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let token = ClientToken::of::<CreateNatGateway>(cx, &input, input.client_token.as_deref())?;
        let unbuilt = input.availability_mode.as_deref().is_some_and(|mode| mode != "zonal")
            || input.vpc_id.is_some()
            || input.availability_zone_addresses.is_some()
            || input.secondary_allocation_ids.is_some()
            || input.secondary_private_ip_addresses.is_some()
            || input.secondary_private_ip_address_count.is_some();
        if unbuilt {
            return Err(faults::not_implemented("regional NAT gateways and their secondary addresses"));
        }
        let tags = tags::of_new(input.tag_specifications.as_ref(), "natgateway")?;
        let is_public = match input.connectivity_type.as_deref() {
            None | Some("public") => true,
            Some("private") => false,
            Some(other) => return Err(invalid_value(format!("Value ({other}) for parameter connectivityType is invalid."))),
        };
        let subnet_id = input.subnet_id.ok_or_else(|| refuse("MissingParameter", "The request must include the SubnetId parameter."))?;
        let given = input.private_ip_address;
        let given = given.map(|text| text.parse::<Ipv4Addr>().map_err(|_| invalid_value(format!("Invalid IPv4 address: {text}")))).transpose()?;
        ec2.store.write(|state| {
            let nat = token.once::<NatGateway>(state, cx, |state| {
                let subnet = state.find::<Subnet>(&cx.scope, &subnet_id)?.clone();
                let (mut public, mut failure) = (None, None);
                if is_public {
                    let id = input.allocation_id.as_deref().ok_or_else(|| {
                        refuse(
                            "MissingParameter",
                            "The request must include the AllocationId parameter. Add the required parameter and retry the request.",
                        )
                    })?;
                    let address = state.find::<Address>(&cx.scope, id)?;
                    let has_way_out = state.all::<InternetGateway>(&cx.scope).any(|(_, gateway)| gateway.vpc.as_deref() == Some(subnet.vpc.as_str()));
                    // AWS: the call succeeds, and the gateway fails. <https://github.com/giantswarm/aws-operator/pull/1234>
                    // <https://github.com/hashicorp/terraform/issues/13836>
                    if address.association.is_some() {
                        let message = format!("Elastic IP address [{id}] is already associated");
                        failure = Some(NatFailure { code: "Resource.AlreadyAssociated".to_owned(), message });
                    } else if !has_way_out {
                        let message = format!("Network {} has no Internet gateway attached", subnet.vpc);
                        failure = Some(NatFailure { code: "Gateway.NotAttached".to_owned(), message });
                    }
                    public = Some(address.public);
                } else if input.allocation_id.is_some() {
                    // AWS: unverified wording.
                    return Err(refuse("InvalidParameterCombination", "A private NAT gateway has no Elastic IP address"));
                }
                let private = match given {
                    Some(address) if !subnet.cidr.contains(address.into()) => {
                        return Err(invalid_value("Address does not fall within the subnet's address range"));
                    }
                    Some(address) if !subnets::is_free(state, &cx.scope, &subnet_id, &subnet, address) => {
                        return Err(refuse("InvalidIPAddress.InUse", format!("Address {address} is in use.")));
                    }
                    Some(address) => address,
                    None => {
                        subnets::free_addresses(state, &cx.scope, &subnet_id, &subnet, 1, &[])?.into_iter().next().unwrap_or(Ipv4Addr::UNSPECIFIED)
                    }
                };
                let nat = <NatGateway as Resource>::KIND.new_id(cx.ids());
                let mut interface = String::new();
                if failure.is_none() {
                    let row =
                        interfaces::managed(&subnet, &subnet_id, private, "nat_gateway", &format!("Interface for NAT Gateway {nat}"), vec![], cx);
                    interface = state.add(&cx.scope, cx.ids(), row, tags::Tags::new());
                }
                if let Some(id) = input.allocation_id.as_deref().filter(|_| failure.is_none()) {
                    let association = AddressAssociation { id: new_association(cx.ids(), "eipassoc"), interface: interface.clone(), private };
                    state.find_mut::<Address>(&cx.scope, id)?.association = Some(association);
                }
                let row = NatGateway {
                    vpc: subnet.vpc,
                    subnet: subnet_id,
                    is_public,
                    interface,
                    allocation: input.allocation_id,
                    made: cx.now,
                    deleted: failure.as_ref().map(|_| cx.now),
                    failure,
                    private_address: private,
                    public_address: public,
                };
                state.put(&cx.scope, &nat, row);
                state.set_tags(&cx.scope, &nat, tags);
                Ok(nat)
            })?;
            Ok(api::CreateNatGatewayResult { nat_gateway: shown::<NatGateway>(state, cx, &nat), client_token: input.client_token })
        })
    }
);

handler!(Ec2, DeleteNatGateway, |ec2, cx, input| Ok(ec2.on::<DeleteNatGateway, NatGateway>(cx, &input.nat_gateway_id).into()), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    ec2.store.write(|state| {
        let gateway = state.find_mut::<NatGateway>(&cx.scope, &input.nat_gateway_id)?;
        if gateway.failure.take().is_some() {
            gateway.deleted = Some(cx.now);
        }
        if gateway.deleted.is_none() {
            gateway.deleted = Some(cx.now);
            let interface = gateway.interface.clone();
            interfaces::release(state, &cx.scope, &interface);
        }
        // Those whose hour is over.
        let over: Vec<String> = state.all::<NatGateway>(&cx.scope).filter(|(_, row)| !row.is_visible(cx.now)).map(|(id, _)| id.to_owned()).collect();
        over.iter().for_each(|id| drop(state.remove::<NatGateway>(&cx.scope, id)));
        Ok(api::DeleteNatGatewayResult { nat_gateway_id: Some(input.nat_gateway_id) })
    })
});

describes!(DescribeNatGateways, NatGateway, nat_gateway_ids, filter, DescribeNatGatewaysResult { nat_gateways });
