//! Subnets, the addresses that are free in them, and their attributes.
//! <https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html>

use crate::{
    describing::{describes, shown},
    engine::Ec2,
    faults::{self, invalid_value, refuse},
    limits, permissions,
    region::{self, new_association},
    rows::{Block, Interface, RouteTable, Subnet, Vpc},
    state::{At, FilterOf, Kind, Resource, State, in_table},
    tags, zones,
};
use cloudlet_api_ec2::{
    self as api, AssociateSubnetCidrBlock, CreateDefaultSubnet, CreateSubnet, DeleteSubnet, DescribeSubnets, DisassociateSubnetCidrBlock,
    ModifySubnetAttribute,
};
use cloudlet_aws::{Fault, Scope};
use cloudlet_engine::handler;
use cloudlet_reach::{Cidr, Family};
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// AWS keeps the first four addresses of a subnet and the last.
const KEPT: u128 = 5;

impl Resource for Subnet {
    const KIND: Kind = Kind {
        prefix: "subnet",
        name: "subnet",
        missing: "InvalidSubnetID.NotFound",
        says: ("The subnet ID '", "' does not exist"),
        malformed: "InvalidSubnetID.Malformed",
    };
    const FILTERS: &'static [FilterOf<Subnet>] = &[
        ("availability-zone", |subnet, _| vec![subnet.zone.clone()]),
        ("availabilityZone", |subnet, _| vec![subnet.zone.clone()]),
        ("availability-zone-id", |subnet, at| zones::id_of(at.scope.region.as_str(), &subnet.zone).into_iter().collect()),
        ("available-ip-address-count", |subnet, at| vec![free_count(subnet, at).to_string()]),
        ("cidr-block", |subnet, _| vec![subnet.cidr.to_string()]),
        ("cidr", |subnet, _| vec![subnet.cidr.to_string()]),
        ("cidrBlock", |subnet, _| vec![subnet.cidr.to_string()]),
        ("default-for-az", |subnet, _| vec![subnet.default_for_zone.to_string()]),
        ("defaultForAz", |subnet, _| vec![subnet.default_for_zone.to_string()]),
        ("enable-dns64", |subnet, _| vec![subnet.dns64.to_string()]),
        ("ipv6-cidr-block-association.ipv6-cidr-block", |subnet, _| subnet.ipv6.iter().map(|block| block.cidr.to_string()).collect()),
        ("ipv6-cidr-block-association.association-id", |subnet, _| subnet.ipv6.iter().map(|block| block.association.clone()).collect()),
        ("ipv6-cidr-block-association.state", |subnet, _| subnet.ipv6.iter().map(|_| "associated".to_owned()).collect()),
        ("ipv6-native", |_, _| vec!["false".to_owned()]),
        ("map-public-ip-on-launch", |subnet, _| vec![subnet.public_addresses.to_string()]),
        ("owner-id", |_, at| vec![at.scope.account.to_string()]),
        ("private-dns-name-options-on-launch.hostname-type", |subnet, _| vec![subnet.hostname_type.clone()]),
        ("private-dns-name-options-on-launch.enable-resource-name-dns-a-record", |subnet, _| vec![subnet.a_record.to_string()]),
        ("private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record", |subnet, _| vec![subnet.aaaa_record.to_string()]),
        ("state", |_, _| vec!["available".to_owned()]),
        ("subnet-arn", |_, at| permissions::arn_text(at.scope, "subnet", at.id).into_iter().collect()),
        ("subnet-id", |_, at| vec![at.id.to_owned()]),
        ("vpc-id", |subnet, _| vec![subnet.vpc.clone()]),
    ];
    type Shown = api::Subnet;

    in_table!(subnets, Subnet);

    fn vpc(&self) -> Option<&str> {
        Some(&self.vpc)
    }

    fn shown(&self, at: &At<'_>) -> api::Subnet {
        let options = api::PrivateDnsNameOptionsOnLaunch {
            hostname_type: Some(self.hostname_type.clone()),
            enable_resource_name_dns_a_record: Some(self.a_record),
            enable_resource_name_dns_aaaa_record: Some(self.aaaa_record),
        };
        api::Subnet {
            subnet_id: Some(at.id.to_owned()),
            subnet_arn: permissions::arn_text(at.scope, "subnet", at.id),
            owner_id: Some(at.scope.account.to_string()),
            vpc_id: Some(self.vpc.clone()),
            state: Some("available".to_owned()),
            cidr_block: Some(self.cidr.to_string()),
            ipv6_cidr_block_association_set: Some(self.ipv6.iter().map(|block| shown_ipv6(block, "associated")).collect()),
            available_ip_address_count: Some(i32::try_from(free_count(self, at)).unwrap_or(i32::MAX)),
            availability_zone: Some(self.zone.clone()),
            availability_zone_id: zones::id_of(at.scope.region.as_str(), &self.zone),
            default_for_az: Some(self.default_for_zone),
            map_public_ip_on_launch: Some(self.public_addresses),
            map_customer_owned_ip_on_launch: Some(false),
            assign_ipv6_address_on_creation: Some(self.ipv6_addresses),
            enable_dns64: Some(self.dns64),
            ipv6_native: Some(false),
            private_dns_name_options_on_launch: Some(options),
            block_public_access_states: Some(api::BlockPublicAccessStates { internet_gateway_block_mode: Some("off".to_owned()) }),
            tags: tags::answered(at.state.tags_of(at.scope, at.id)),
            ..Default::default()
        }
    }
}

fn shown_ipv6(block: &Block, state: &str) -> api::SubnetIpv6CidrBlockAssociation {
    api::SubnetIpv6CidrBlockAssociation {
        association_id: Some(block.association.clone()),
        ipv6_cidr_block: Some(block.cidr.to_string()),
        ipv6_cidr_block_state: Some(api::SubnetCidrBlockState { state: Some(state.to_owned()), status_message: None }),
        ipv6_address_attribute: Some("public".to_owned()),
        ip_source: Some("amazon".to_owned()),
    }
}

fn free_count(subnet: &Subnet, at: &At<'_>) -> u128 {
    let taken: usize = at.state.interfaces_in(at.scope, at.id).map(|(_, interface)| interface.addresses.len()).sum();
    (subnet.cidr.size() - KEPT).saturating_sub(u128::try_from(taken).unwrap_or(u128::MAX))
}

/// Whether an address of a subnet is nobody's and not one that AWS keeps.
pub fn is_free(state: &State, scope: &Scope, id: &str, subnet: &Subnet, address: Ipv4Addr) -> bool {
    let is_kept = (0..4).chain([subnet.cidr.size() - 1]).any(|index| subnet.cidr.nth(index) == Some(IpAddr::V4(address)));
    !is_kept && !state.interfaces_in(scope, id).any(|(_, interface)| interface.addresses.iter().any(|known| known.address == address))
}

/// The lowest addresses that are free.
pub fn free_addresses(state: &State, scope: &Scope, id: &str, subnet: &Subnet, count: usize, but: &[Ipv4Addr]) -> Result<Vec<Ipv4Addr>, Fault> {
    let taken = state.interfaces_in(scope, id).flat_map(|(_, interface)| interface.addresses.iter().map(|known| known.address));
    let mut taken: Vec<Ipv4Addr> = taken.collect();
    taken.sort_unstable();
    let all = (4..subnet.cidr.size() - 1).filter_map(|index| match subnet.cidr.nth(index) {
        Some(IpAddr::V4(address)) => Some(address),
        _ => None,
    });
    let found: Vec<Ipv4Addr> = all.filter(|address| taken.binary_search(address).is_err() && !but.contains(address)).take(count).collect();
    if found.len() < count {
        // AWS: unverified wording.
        let message = format!("The specified subnet does not have enough free addresses to satisfy the request: {id}");
        return Err(refuse("InsufficientFreeAddressesInSubnet", message));
    }
    Ok(found)
}

/// Free IPv6 addresses of the subnet's block.
pub fn free_ipv6_addresses(
    state: &State,
    scope: &Scope,
    id: &str,
    subnet: &Subnet,
    count: usize,
    number: impl Fn() -> u64,
) -> Result<Vec<Ipv6Addr>, Fault> {
    let Some(block) = &subnet.ipv6 else {
        // AWS: unverified wording.
        return Err(refuse("InvalidParameterValue", format!("The subnet {id} has no IPv6 CIDR block")));
    };
    let taken: BTreeSet<Ipv6Addr> = state.interfaces_in(scope, id).flat_map(|(_, interface)| interface.ipv6.iter().copied()).collect();
    let mut found: Vec<Ipv6Addr> = Vec::new();
    while found.len() < count {
        if let Some(IpAddr::V6(address)) = block.cidr.nth(u128::from(number()))
            && !taken.contains(&address)
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    Ok(found)
}

fn invalid_zone(cx_region: &str, given: &str) -> Fault {
    let names: Vec<String> = zones::of(cx_region).into_iter().map(|zone| zone.name).collect();
    invalid_value(format!(
        "Value ({given}) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: {}.",
        names.join(", ")
    ))
}

handler!(
    Ec2,
    CreateSubnet,
    |ec2, cx, input| Ok(ec2.create_in::<CreateSubnet, Subnet, Vpc>(cx, tags::requested(input.tag_specifications.as_ref()), &input.vpc_id)),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let unbuilt = input.outpost_arn.is_some()
            || input.ipv6_native == Some(true)
            || input.ipv4_ipam_pool_id.is_some()
            || input.ipv6_ipam_pool_id.is_some()
            || input.ipv4_netmask_length.is_some()
            || input.ipv6_netmask_length.is_some();
        if unbuilt {
            return Err(faults::not_implemented("Outposts, IPv6-only subnets and IPAM pools"));
        }
        let tags = tags::of_new(input.tag_specifications.as_ref(), "subnet")?;
        let given = input.cidr_block.ok_or_else(|| refuse("MissingParameter", "Either 'cidrBlock' or 'ipv6CidrBlock' should be provided."))?;
        let malformed = || invalid_value(format!("Value ({given}) for parameter cidrBlock is invalid. This is not a valid CIDR block."));
        let cidr = Cidr::parse(&given, Family::V4).ok_or_else(malformed)?;
        if !(16..=28).contains(&cidr.length()) {
            return Err(refuse("InvalidSubnet.Range", format!("The CIDR '{given}' is invalid.")));
        }
        let region = cx.scope.region.as_str();
        let known = zones::of(region);
        let zone = match (&input.availability_zone, &input.availability_zone_id) {
            (Some(name), _) => known.iter().find(|zone| zone.name == *name).ok_or_else(|| invalid_zone(region, name))?,
            (None, Some(id)) => known.iter().find(|zone| zone.id == *id).ok_or_else(|| invalid_zone(region, id))?,
            (None, None) => {
                let number = usize::try_from(cx.ids().number() % 1_000).unwrap_or_default();
                known.get(number % known.len().max(1)).ok_or_else(|| invalid_zone(region, ""))?
            }
        };
        let zone = zone.name.clone();
        ec2.store.write(|state| {
            let vpc = state.find::<Vpc>(&cx.scope, &input.vpc_id)?;
            if !vpc.blocks.iter().any(|block| block.cidr.covers(cidr)) {
                return Err(refuse("InvalidSubnet.Range", format!("The CIDR '{given}' is invalid.")));
            }
            let of_vpc: Vec<Cidr> =
                state.all::<Subnet>(&cx.scope).filter(|(_, subnet)| subnet.vpc == input.vpc_id).map(|(_, subnet)| subnet.cidr).collect();
            if of_vpc.len() >= limits::SUBNETS {
                // AWS: unverified wording.
                return Err(refuse("SubnetLimitExceeded", "The maximum number of subnets has been reached."));
            }
            if of_vpc.iter().any(|known| known.overlaps(cidr)) {
                return Err(refuse("InvalidSubnet.Conflict", format!("The CIDR '{given}' conflicts with another subnet")));
            }
            let ipv6 = input.ipv6_cidr_block.as_deref().map(|given| ipv6_block(state, cx, &input.vpc_id, given)).transpose()?;
            let mut subnet = region::new_subnet(state, &cx.scope, cx.ids(), &input.vpc_id, zone, cidr);
            subnet.ipv6 = ipv6;
            let id = state.add(&cx.scope, cx.ids(), subnet, tags);
            Ok(api::CreateSubnetResult { subnet: shown::<Subnet>(state, cx, &id) })
        })
    }
);

/// A /64 of the VPC's IPv6 block that no subnet has.
fn ipv6_block(state: &State, cx: &cloudlet_engine::Cx, vpc: &str, given: &str) -> Result<Block, Fault> {
    let malformed = || invalid_value(format!("Value ({given}) for parameter ipv6CidrBlock is invalid. This is not a valid CIDR block."));
    let cidr = Cidr::parse(given, Family::V6).ok_or_else(malformed)?;
    let row = state.find::<Vpc>(&cx.scope, vpc)?;
    // <https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html>: /44 to /64 in steps of /4.
    if !(44..=64).contains(&cidr.length()) || cidr.length() % 4 != 0 || !row.ipv6_blocks.iter().any(|block| block.cidr.covers(cidr)) {
        return Err(refuse("InvalidSubnet.Range", format!("The CIDR '{given}' is invalid.")));
    }
    let taken = |subnet: &Subnet| subnet.ipv6.as_ref().is_some_and(|block| block.cidr.overlaps(cidr));
    if state.all::<Subnet>(&cx.scope).any(|(_, subnet)| subnet.vpc == vpc && taken(subnet)) {
        return Err(refuse("InvalidSubnet.Conflict", format!("The CIDR '{given}' conflicts with another subnet")));
    }
    Ok(Block { association: new_association(cx.ids(), "subnet-cidr-assoc"), cidr })
}

handler!(Ec2, CreateDefaultSubnet, |ec2, cx, input| Ok(permissions::create::<CreateDefaultSubnet>(cx, "subnet", vec![])), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    let region = cx.scope.region.as_str();
    let known = zones::of(region);
    let zone = match (&input.availability_zone, &input.availability_zone_id) {
        (Some(name), _) => known.iter().find(|zone| zone.name == *name).ok_or_else(|| invalid_zone(region, name))?,
        (None, Some(id)) => known.iter().find(|zone| zone.id == *id).ok_or_else(|| invalid_zone(region, id))?,
        (None, None) => return Err(faults::missing("availabilityZone")),
    };
    let zone = zone.name.clone();
    ec2.store.write(|state| {
        let Some(vpc) = state.default_vpc(&cx.scope).map(str::to_owned) else {
            return Err(refuse("DefaultVpcDoesNotExist", "No default VPC exists for this account in this region."));
        };
        if let Some((id, _)) = state.all::<Subnet>(&cx.scope).find(|(_, subnet)| subnet.default_for_zone && subnet.zone == zone) {
            let message = format!("'{id}' is already the default subnet in {zone}.");
            return Err(refuse("DefaultSubnetAlreadyExistsInAvailabilityZone", message));
        }
        let id = region::add_default_subnet(state, &cx.scope, cx.ids(), &vpc, zone);
        // AWS: unverified wording.
        let id = id.ok_or_else(|| refuse("InsufficientFreeAddressesInVpc", "The default VPC has no free block for a default subnet."))?;
        Ok(api::CreateDefaultSubnetResult { subnet: shown::<Subnet>(state, cx, &id) })
    })
});

handler!(Ec2, DeleteSubnet, |ec2, cx, input| Ok(ec2.on::<DeleteSubnet, Subnet>(cx, &input.subnet_id).into()), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    ec2.store.write(|state| {
        let id = &input.subnet_id;
        state.find::<Subnet>(&cx.scope, id)?;
        if state.interfaces_in(&cx.scope, id).next().is_some() {
            return Err(refuse("DependencyViolation", format!("The subnet '{id}' has dependencies and cannot be deleted.")));
        }
        let with = crate::rows::Associated::Subnet(id.clone());
        let tables = state.all::<RouteTable>(&cx.scope).filter(|(_, table)| table.associations.iter().any(|known| known.with == with));
        let tables: Vec<String> = tables.map(|(id, _)| id.to_owned()).collect();
        for table in tables {
            state.find_mut::<RouteTable>(&cx.scope, &table)?.associations.retain(|known| known.with != with);
        }
        state.remove::<Subnet>(&cx.scope, id);
        Ok(Default::default())
    })
});

describes!(DescribeSubnets, Subnet, subnet_ids, filters, DescribeSubnetsResult { subnets });

handler!(Ec2, ModifySubnetAttribute, |ec2, cx, input| Ok(ec2.on::<ModifySubnetAttribute, Subnet>(cx, &input.subnet_id).into()), |ec2, cx, input| {
    ec2.begin(cx, None)?;
    if input.map_customer_owned_ip_on_launch.is_some() || input.enable_lni_at_device_index.is_some() || input.disable_lni_at_device_index.is_some() {
        return Err(faults::not_implemented("subnets of Outposts"));
    }
    faults::check_one_attribute(&[
        ("mapPublicIpOnLaunch", input.map_public_ip_on_launch.is_some()),
        ("assignIpv6AddressOnCreation", input.assign_ipv6_address_on_creation.is_some()),
        ("enableDns64", input.enable_dns64.is_some()),
        ("enableResourceNameDnsARecordOnLaunch", input.enable_resource_name_dns_a_record_on_launch.is_some()),
        ("enableResourceNameDnsAAAARecordOnLaunch", input.enable_resource_name_dns_aaaa_record_on_launch.is_some()),
        ("privateDnsHostnameTypeOnLaunch", input.private_dns_hostname_type_on_launch.is_some()),
    ])?;
    let value = |given: Option<api::AttributeBooleanValue>| given.and_then(|given| given.value);
    let hostname_type = input.private_dns_hostname_type_on_launch;
    if let Some(given) = hostname_type.as_deref().filter(|given| !matches!(*given, "ip-name" | "resource-name")) {
        return Err(invalid_value(format!("Value ({given}) for parameter privateDnsHostnameTypeOnLaunch is invalid.")));
    }
    ec2.store.write(|state| {
        let subnet = state.find_mut::<Subnet>(&cx.scope, &input.subnet_id)?;
        if let Some(value) = value(input.map_public_ip_on_launch) {
            subnet.public_addresses = value;
        }
        if let Some(value) = value(input.assign_ipv6_address_on_creation) {
            if value && subnet.ipv6.is_none() {
                // AWS: unverified wording.
                let message = "Invalid value 'true' for assignIpv6AddressOnCreation. Subnet must have an IPv6 CIDR block.";
                return Err(invalid_value(message));
            }
            subnet.ipv6_addresses = value;
        }
        if let Some(value) = value(input.enable_dns64) {
            subnet.dns64 = value;
        }
        if let Some(value) = value(input.enable_resource_name_dns_a_record_on_launch) {
            subnet.a_record = value;
        }
        if let Some(value) = value(input.enable_resource_name_dns_aaaa_record_on_launch) {
            subnet.aaaa_record = value;
        }
        if let Some(value) = hostname_type {
            subnet.hostname_type = value;
        }
        Ok(Default::default())
    })
});

handler!(
    Ec2,
    AssociateSubnetCidrBlock,
    |ec2, cx, input| Ok(ec2.on::<AssociateSubnetCidrBlock, Subnet>(cx, &input.subnet_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, None)?;
        if input.ipv6_ipam_pool_id.is_some() || input.ipv6_netmask_length.is_some() {
            return Err(faults::not_implemented("IPAM pools of subnets"));
        }
        let given = input.ipv6_cidr_block.ok_or_else(|| faults::missing("ipv6CidrBlock"))?;
        ec2.store.write(|state| {
            let subnet = state.find::<Subnet>(&cx.scope, &input.subnet_id)?;
            if subnet.ipv6.is_some() {
                // AWS: unverified wording.
                let message = format!("The subnet '{}' has already an IPv6 CIDR block.", input.subnet_id);
                return Err(refuse("CidrLimitExceeded", message));
            }
            let block = ipv6_block(state, cx, &subnet.vpc.clone(), &given)?;
            let association = shown_ipv6(&block, "associating");
            state.find_mut::<Subnet>(&cx.scope, &input.subnet_id)?.ipv6 = Some(block);
            Ok(api::AssociateSubnetCidrBlockResult { ipv6_cidr_block_association: Some(association), subnet_id: Some(input.subnet_id) })
        })
    }
);

fn subnet_of_block(state: &State, scope: &Scope, association: &str) -> Option<String> {
    let found = state.all::<Subnet>(scope).find(|(_, subnet)| subnet.ipv6.as_ref().is_some_and(|block| block.association == association));
    found.map(|(id, _)| id.to_owned())
}

handler!(
    Ec2,
    DisassociateSubnetCidrBlock,
    |ec2, cx, input| {
        let subnet = ec2.store.read(|state| subnet_of_block(state, &cx.scope, &input.association_id));
        Ok(ec2.on::<DisassociateSubnetCidrBlock, Subnet>(cx, subnet.as_deref().unwrap_or("*")).into())
    },
    |ec2, cx, input| {
        ec2.begin(cx, None)?;
        ec2.store.write(|state| {
            let id = &input.association_id;
            let missing = || {
                let message = format!("The subnet CIDR block with association ID '{id}' does not exist");
                refuse("InvalidSubnetCidrBlockAssociationID.NotFound", message)
            };
            let subnet = subnet_of_block(state, &cx.scope, id).ok_or_else(missing)?;
            let has_ipv6 = |interface: &Interface| !interface.ipv6.is_empty();
            if state.interfaces_in(&cx.scope, &subnet).any(|(_, interface)| has_ipv6(interface)) {
                // AWS: unverified wording.
                let message = format!("The subnet CIDR block with association ID {id} may not be disassociated. It has addresses in use.");
                return Err(refuse("InvalidCidr.InUse", message));
            }
            let block = state.find_mut::<Subnet>(&cx.scope, &subnet)?.ipv6.take().ok_or_else(missing)?;
            let association = shown_ipv6(&block, "disassociating");
            Ok(api::DisassociateSubnetCidrBlockResult { ipv6_cidr_block_association: Some(association), subnet_id: Some(subnet) })
        })
    }
);
