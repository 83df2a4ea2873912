//! VPCs and their blocks.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpc.html>

use crate::{
    describing::describes,
    engine::Ec2,
    faults::{self, invalid_value, refuse},
    limits, lookups, permissions,
    region::{self, new_association},
    rows::{Acl, Block, Endpoint, FlowLog, Group, Interface, InternetGateway, NatGateway, Peering, PeeringStatus, RouteTable, Subnet, Vpc},
    rules::Rule,
    state::{At, FilterOf, Kind, Resource, State, in_table, key},
    tags,
};
use cloudlet_api_ec2::{
    self as api, AssociateVpcCidrBlock, AttributeBooleanValue, CreateDefaultVpc, CreateVpc, DeleteVpc, DescribeVpcAttribute, DescribeVpcs,
    DisassociateVpcCidrBlock, ModifyVpcAttribute,
};
use cloudlet_aws::{Fault, Scope};
use cloudlet_engine::{Ids, handler};
use cloudlet_reach::{Cidr, Family};
use std::{
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

impl Resource for Vpc {
    const KIND: Kind = Kind {
        prefix: "vpc",
        name: "vpc",
        missing: "InvalidVpcID.NotFound",
        says: ("The vpc ID '", "' does not exist"),
        malformed: "InvalidVpcID.Malformed",
    };
    const FILTERS: &'static [FilterOf<Vpc>] = &[
        ("cidr", |vpc, _| own_block(vpc)),
        ("cidrBlock", |vpc, _| own_block(vpc)),
        ("cidr-block", |vpc, _| own_block(vpc)),
        ("cidr-block-association.cidr-block", |vpc, _| vpc.blocks.iter().map(|block| block.cidr.to_string()).collect()),
        ("cidr-block-association.association-id", |vpc, _| vpc.blocks.iter().map(|block| block.association.clone()).collect()),
        ("cidr-block-association.state", |_, _| vec!["associated".to_owned()]),
        ("dhcp-options-id", |vpc, _| vec![vpc.dhcp_options.clone()]),
        ("dhcpOptionsId", |vpc, _| vec![vpc.dhcp_options.clone()]),
        ("ipv6-cidr-block-association.ipv6-cidr-block", |vpc, _| vpc.ipv6_blocks.iter().map(|block| block.cidr.to_string()).collect()),
        ("ipv6-cidr-block-association.association-id", |vpc, _| vpc.ipv6_blocks.iter().map(|block| block.association.clone()).collect()),
        ("ipv6-cidr-block-association.state", |vpc, _| vpc.ipv6_blocks.iter().map(|_| "associated".to_owned()).collect()),
        ("is-default", |_, at| vec![is_default(at).to_string()]),
        ("isDefault", |_, at| vec![is_default(at).to_string()]),
        ("owner-id", |_, at| vec![at.scope.account.to_string()]),
        ("state", |_, _| vec!["available".to_owned()]),
        ("vpc-id", |_, at| vec![at.id.to_owned()]),
    ];
    type Shown = api::Vpc;

    in_table!(vpcs, Vpc);

    fn shown(&self, at: &At<'_>) -> api::Vpc {
        api::Vpc {
            vpc_id: Some(at.id.to_owned()),
            owner_id: Some(at.scope.account.to_string()),
            state: Some("available".to_owned()),
            cidr_block: self.blocks.first().map(|block| block.cidr.to_string()),
            cidr_block_association_set: Some(self.blocks.iter().map(|block| shown_block(block, "associated")).collect()),
            ipv6_cidr_block_association_set: Some(
                self.ipv6_blocks.iter().map(|block| shown_ipv6_block(block, at.scope.region.as_str(), "associated")).collect(),
            ),
            dhcp_options_id: Some(self.dhcp_options.clone()),
            instance_tenancy: Some(self.tenancy.clone()),
            is_default: Some(is_default(at)),
            tags: tags::answered(at.state.tags_of(at.scope, at.id)),
            ..Default::default()
        }
    }
}

fn own_block(vpc: &Vpc) -> Vec<String> {
    vpc.blocks.first().map(|block| block.cidr.to_string()).into_iter().collect()
}

fn is_default(at: &At<'_>) -> bool {
    at.state.default_vpc(at.scope) == Some(at.id)
}

fn in_state(state: &str) -> Option<api::VpcCidrBlockState> {
    Some(api::VpcCidrBlockState { state: Some(state.to_owned()), status_message: None })
}

fn shown_block(block: &Block, state: &str) -> api::VpcCidrBlockAssociation {
    api::VpcCidrBlockAssociation {
        association_id: Some(block.association.clone()),
        cidr_block: Some(block.cidr.to_string()),
        cidr_block_state: in_state(state),
    }
}

fn shown_ipv6_block(block: &Block, region: &str, state: &str) -> api::VpcIpv6CidrBlockAssociation {
    api::VpcIpv6CidrBlockAssociation {
        association_id: Some(block.association.clone()),
        ipv6_cidr_block: Some(block.cidr.to_string()),
        ipv6_cidr_block_state: in_state(state),
        network_border_group: Some(region.to_owned()),
        ipv6_pool: Some("Amazon".to_owned()),
        ipv6_address_attribute: Some("public".to_owned()),
        ip_source: Some("amazon".to_owned()),
    }
}

/// A block of a VPC as a request gives it.
fn vpc_block(given: &str) -> Result<Cidr, Fault> {
    let malformed = || invalid_value(format!("Value ({given}) for parameter cidrBlock is invalid. This is not a valid CIDR block."));
    let cidr = Cidr::parse(given, Family::V4).ok_or_else(malformed)?;
    if (16..=28).contains(&cidr.length()) { Ok(cidr) } else { Err(refuse("InvalidVpc.Range", format!("The CIDR '{given}' is invalid."))) }
}

/// A /56 that Amazon gives.
fn amazon_ipv6_block(ids: &Ids) -> Block {
    // 2600:1f00::/24 is Amazon's, and /56 of it a VPC's.
    let bits = (0x0026_001f_u128 << 104) | (u128::from(ids.number()) & 0xffff_ffff) << 72;
    let cidr = Cidr::new(IpAddr::V6(Ipv6Addr::from_bits(bits)), 56).unwrap_or(Cidr::ALL_V6);
    Block { association: new_association(ids, "vpc-cidr-assoc"), cidr }
}

/// The default group lets everything of IPv6 out once the VPC has a block of it, and the default ACLs have an entry for it.
fn open_ipv6(state: &mut State, scope: &Scope, ids: &Ids, vpc: &str) {
    let acls: Vec<String> = state.all::<Acl>(scope).filter(|(_, acl)| acl.vpc == vpc && acl.is_default).map(|(id, _)| id.to_owned()).collect();
    for id in acls {
        if let Some(acl) = state.acls.get_mut(&key(scope, &id)) {
            for direction in [crate::rows::AclDirection::Ingress, crate::rows::AclDirection::Egress] {
                if !acl.entries.iter().any(|entry| entry.direction == direction && entry.number == 101) {
                    acl.entries.push(region::allow_all(direction, 101, Cidr::ALL_V6));
                }
            }
        }
    }
    let default = state.groups_of(scope).find(|(_, group)| group.vpc == vpc && group.is_default());
    if let Some((id, mut group)) = default.map(|(id, group)| (id.to_owned(), Group::clone(group))) {
        let rule = Rule::to_everywhere_ipv6(ids);
        if !group.rules.iter().any(|known| known.direction == rule.direction && known.traffic == rule.traffic) {
            group.rules.push(Arc::new(rule));
            state.put_group(scope, &id, group);
        }
    }
}

handler!(
    Ec2,
    CreateVpc,
    |ec2, cx, input| Ok(permissions::create::<CreateVpc>(cx, "vpc", tags::requested(input.tag_specifications.as_ref()))),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let unbuilt = input.ipv6_pool.is_some()
            || input.ipv6_cidr_block.is_some()
            || input.ipv4_ipam_pool_id.is_some()
            || input.ipv6_ipam_pool_id.is_some()
            || input.ipv4_netmask_length.is_some()
            || input.ipv6_netmask_length.is_some()
            || input.vpc_encryption_control.is_some();
        if unbuilt {
            return Err(faults::not_implemented("IPAM pools, blocks of your own IPv6 addresses and encryption controls of a VPC"));
        }
        let given =
            input.cidr_block.as_deref().ok_or_else(|| refuse("MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided."))?;
        let cidr = vpc_block(given)?;
        let tags = tags::of_new(input.tag_specifications.as_ref(), "vpc")?;
        let tenancy = input.instance_tenancy.unwrap_or_else(|| "default".to_owned());
        if !matches!(tenancy.as_str(), "default" | "dedicated") {
            return Err(refuse("UnsupportedTenancy", format!("The tenancy value {tenancy} is not supported.")));
        }
        ec2.store.write(|state| {
            if state.count::<Vpc>(&cx.scope) >= limits::VPCS {
                // AWS: unverified wording.
                return Err(refuse("VpcLimitExceeded", "The maximum number of VPCs has been reached."));
            }
            let id = region::add_vpc(state, &cx.scope, cx.ids(), cidr, tenancy, tags);
            let mut ipv6 = None;
            if input.amazon_provided_ipv6_cidr_block == Some(true) {
                let block = amazon_ipv6_block(cx.ids());
                ipv6 = Some(shown_ipv6_block(&block, cx.scope.region.as_str(), "associating"));
                state.find_mut::<Vpc>(&cx.scope, &id)?.ipv6_blocks.push(block);
                open_ipv6(state, &cx.scope, cx.ids(), &id);
            }
            // AWS: it is pending in this answer, and available when it is described.
            let shown = crate::describing::shown::<Vpc>(state, cx, &id).unwrap_or_default();
            let vpc = api::Vpc { state: Some("pending".to_owned()), ipv6_cidr_block_association_set: Some(ipv6.into_iter().collect()), ..shown };
            Ok(api::CreateVpcResult { vpc: Some(vpc) })
        })
    }
);

handler!(Ec2, CreateDefaultVpc, |ec2, cx, input| Ok(permissions::create::<CreateDefaultVpc>(cx, "vpc", vec![])), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    ec2.store.write(|state| {
        if state.default_vpc(&cx.scope).is_some() {
            return Err(refuse("DefaultVpcAlreadyExists", "A Default VPC already exists for this account in this region."));
        }
        if state.count::<Vpc>(&cx.scope) >= limits::VPCS {
            return Err(refuse("VpcLimitExceeded", "The maximum number of VPCs has been reached."));
        }
        let id = region::make_default_vpc(state, &cx.scope, cx.ids());
        let shown = crate::describing::shown::<Vpc>(state, cx, &id).unwrap_or_default();
        Ok(api::CreateDefaultVpcResult { vpc: Some(api::Vpc { state: Some("pending".to_owned()), ..shown }) })
    })
});

/// Whether something of the user's is in a VPC.
fn has_dependents(state: &State, scope: &Scope, vpc: &str, now: cloudlet_aws::Timestamp) -> bool {
    state.all::<Subnet>(scope).any(|(_, subnet)| subnet.vpc == vpc)
        || state.all::<InternetGateway>(scope).any(|(_, gateway)| gateway.vpc.as_deref() == Some(vpc))
        || state.all::<crate::rows::EgressOnlyInternetGateway>(scope).any(|(_, gateway)| gateway.vpc == vpc)
        || state.all::<NatGateway>(scope).any(|(_, gateway)| gateway.vpc == vpc && !crate::nat_gateways::is_gone(gateway, now))
        || state.all::<Interface>(scope).any(|(_, interface)| interface.vpc == vpc)
        || state.all::<Endpoint>(scope).any(|(_, endpoint)| endpoint.vpc == vpc)
        || state.all::<RouteTable>(scope).any(|(_, table)| table.vpc == vpc && !lookups::is_main(table))
        || state.all::<Acl>(scope).any(|(_, acl)| acl.vpc == vpc && !acl.is_default)
        || state.groups_of(scope).any(|(_, group)| (group.vpc == vpc && !group.is_default()) || group.associated.iter().any(|other| other == vpc))
        || state.all::<Peering>(scope).any(|(_, peering)| {
            let is_end = |end: &crate::rows::PeeredVpc| end.scope == *scope && end.vpc == vpc;
            peering.status == PeeringStatus::Active && (is_end(&peering.requester) || is_end(&peering.accepter))
        })
}

handler!(Ec2, DeleteVpc, |ec2, cx, input| Ok(ec2.on::<DeleteVpc, Vpc>(cx, &input.vpc_id).into()), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    ec2.store.write(|state| {
        let id = &input.vpc_id;
        state.find::<Vpc>(&cx.scope, id)?;
        // AWS: subnets and gateways of a default VPC that nobody uses go with it in its console only.
        if has_dependents(state, &cx.scope, id, cx.now) {
            return Err(refuse("DependencyViolation", format!("The vpc '{id}' has dependencies and cannot be deleted.")));
        }
        let of_vpc = |vpc: &String| vpc == id;
        let groups: Vec<String> = state.groups_of(&cx.scope).filter(|(_, group)| of_vpc(&group.vpc)).map(|(id, _)| id.to_owned()).collect();
        groups.iter().for_each(|group| state.remove_group(&cx.scope, group));
        let tables: Vec<String> = state.all::<RouteTable>(&cx.scope).filter(|(_, table)| of_vpc(&table.vpc)).map(|(id, _)| id.to_owned()).collect();
        tables.iter().for_each(|table| drop(state.remove::<RouteTable>(&cx.scope, table)));
        let acls: Vec<String> = state.all::<Acl>(&cx.scope).filter(|(_, acl)| of_vpc(&acl.vpc)).map(|(id, _)| id.to_owned()).collect();
        acls.iter().for_each(|acl| drop(state.remove::<Acl>(&cx.scope, acl)));
        let logs: Vec<String> = state.all::<FlowLog>(&cx.scope).filter(|(_, log)| of_vpc(&log.resource)).map(|(id, _)| id.to_owned()).collect();
        logs.iter().for_each(|log| drop(state.remove::<FlowLog>(&cx.scope, log)));
        state.remove::<Vpc>(&cx.scope, id);
        if state.default_vpc(&cx.scope) == Some(id.as_str())
            && let Some(region) = state.regions.get_mut(&cx.scope)
        {
            region.default_vpc = None;
        }
        Ok(Default::default())
    })
});

describes!(DescribeVpcs, Vpc, vpc_ids, filters, DescribeVpcsResult { vpcs });

fn boolean(value: bool) -> Option<AttributeBooleanValue> {
    Some(AttributeBooleanValue { value: Some(value) })
}

handler!(Ec2, DescribeVpcAttribute, |ec2, cx, input| Ok(ec2.on::<DescribeVpcAttribute, Vpc>(cx, &input.vpc_id).into()), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    ec2.store.read(|state| {
        let vpc = state.find::<Vpc>(&cx.scope, &input.vpc_id)?;
        let mut result = api::DescribeVpcAttributeResult { vpc_id: Some(input.vpc_id.clone()), ..Default::default() };
        match input.attribute.as_str() {
            "enableDnsSupport" => result.enable_dns_support = boolean(vpc.dns_support),
            "enableDnsHostnames" => result.enable_dns_hostnames = boolean(vpc.dns_hostnames),
            "enableNetworkAddressUsageMetrics" => result.enable_network_address_usage_metrics = boolean(vpc.address_metrics),
            other => return Err(invalid_value(format!("Value ({other}) for parameter attribute is invalid. Unknown attribute."))),
        }
        Ok(result)
    })
});

handler!(Ec2, ModifyVpcAttribute, |ec2, cx, input| Ok(ec2.on::<ModifyVpcAttribute, Vpc>(cx, &input.vpc_id).into()), |ec2, cx, input| {
    ec2.begin(cx, None)?;
    faults::check_one_attribute(&[
        ("enableDnsSupport", input.enable_dns_support.is_some()),
        ("enableDnsHostnames", input.enable_dns_hostnames.is_some()),
        ("enableNetworkAddressUsageMetrics", input.enable_network_address_usage_metrics.is_some()),
    ])?;
    let value = |attribute: Option<AttributeBooleanValue>| attribute.and_then(|attribute| attribute.value);
    ec2.store.write(|state| {
        let vpc = state.find_mut::<Vpc>(&cx.scope, &input.vpc_id)?;
        if let Some(value) = value(input.enable_dns_support) {
            vpc.dns_support = value;
        }
        if let Some(value) = value(input.enable_dns_hostnames) {
            vpc.dns_hostnames = value;
        }
        if let Some(value) = value(input.enable_network_address_usage_metrics) {
            vpc.address_metrics = value;
        }
        Ok(Default::default())
    })
});

/// Blocks that a VPC may not add when its own is of a range that AWS keeps apart.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html>
fn is_restricted(own: Cidr, added: Cidr) -> bool {
    let ranges = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].map(|text| text.parse::<Cidr>());
    let of = |cidr: Cidr| ranges.iter().flatten().position(|range| range.covers(cidr));
    matches!((of(own), of(added)), (Some(own), Some(added)) if own != added)
}

handler!(Ec2, AssociateVpcCidrBlock, |ec2, cx, input| Ok(ec2.on::<AssociateVpcCidrBlock, Vpc>(cx, &input.vpc_id).into()), |ec2, cx, input| {
    ec2.begin(cx, None)?;
    let unbuilt =
        input.ipv6_pool.is_some() || input.ipv4_ipam_pool_id.is_some() || input.ipv6_ipam_pool_id.is_some() || input.ipv6_cidr_block.is_some();
    if unbuilt {
        return Err(faults::not_implemented("IPAM pools and blocks of your own IPv6 addresses"));
    }
    ec2.store.write(|state| {
            let row = state.find_mut::<Vpc>(&cx.scope, &input.vpc_id)?;
            let mut result = api::AssociateVpcCidrBlockResult { vpc_id: Some(input.vpc_id.clone()), ..Default::default() };
            if let Some(given) = &input.cidr_block {
                let cidr = vpc_block(given)?;
                if row.blocks.len() >= limits::BLOCKS {
                    let message = format!("This network {} has met its maximum number of allowed CIDRs: {}", input.vpc_id, limits::BLOCKS);
                    return Err(refuse("CidrLimitExceeded", message));
                }
                if row.blocks.first().is_some_and(|own| is_restricted(own.cidr, cidr)) {
                    // AWS: unverified wording.
                    return Err(refuse("InvalidVpc.Range", format!("The CIDR '{given}' is restricted. Use a CIDR from the same private address range as the current VPC CIDR, or use a publicly-routable CIDR.")));
                }
                if row.blocks.iter().any(|known| known.cidr.overlaps(cidr)) {
                    // AWS: unverified wording.
                    return Err(refuse("InvalidVpc.Conflict", format!("The CIDR '{given}' conflicts with another CIDR of the VPC")));
                }
                let block = Block { association: new_association(cx.ids(), "vpc-cidr-assoc"), cidr };
                result.cidr_block_association = Some(shown_block(&block, "associating"));
                row.blocks.push(block);
            } else if input.amazon_provided_ipv6_cidr_block == Some(true) {
                if row.ipv6_blocks.len() >= limits::BLOCKS {
                    let message = format!("This network {} has met its maximum number of allowed CIDRs: {}", input.vpc_id, limits::BLOCKS);
                    return Err(refuse("CidrLimitExceeded", message));
                }
                let block = amazon_ipv6_block(cx.ids());
                result.ipv6_cidr_block_association = Some(shown_ipv6_block(&block, cx.scope.region.as_str(), "associating"));
                row.ipv6_blocks.push(block);
                open_ipv6(state, &cx.scope, cx.ids(), &input.vpc_id);
            } else {
                return Err(refuse("MissingParameter", "Either 'cidrBlock' or 'amazonProvidedIpv6CidrBlock' should be provided."));
            }
            Ok(result)
        })
});

fn vpc_of_block<'s>(state: &'s State, scope: &'s Scope, association: &str) -> Option<(&'s str, &'s Vpc)> {
    state.all::<Vpc>(scope).find(|(_, vpc)| vpc.blocks.iter().chain(&vpc.ipv6_blocks).any(|block| block.association == association))
}

handler!(
    Ec2,
    DisassociateVpcCidrBlock,
    |ec2, cx, input| {
        let vpc = ec2.store.read(|state| vpc_of_block(state, &cx.scope, &input.association_id).map(|(id, _)| id.to_owned()));
        Ok(ec2.on::<DisassociateVpcCidrBlock, Vpc>(cx, vpc.as_deref().unwrap_or("*")).into())
    },
    |ec2, cx, input| {
        ec2.begin(cx, None)?;
        ec2.store.write(|state| {
            let id = &input.association_id;
            let missing = || refuse("InvalidVpcCidrBlockAssociationID.NotFound", format!("The vpc CIDR block association ID '{id}' does not exist"));
            let vpc = vpc_of_block(state, &cx.scope, id).map(|(vpc, _)| vpc.to_owned()).ok_or_else(missing)?;
            let row = state.find::<Vpc>(&cx.scope, &vpc)?;
            if row.blocks.first().is_some_and(|own| own.association == *id) {
                let message =
                    format!("The vpc CIDR block with association ID {id} may not be disassociated. It is the primary IPv4 CIDR block of the VPC");
                return Err(refuse("OperationNotPermitted", message));
            }
            let block = row.blocks.iter().chain(&row.ipv6_blocks).find(|block| block.association == *id).cloned().ok_or_else(missing)?;
            let is_used = |subnet: &Subnet| block.cidr.covers(subnet.cidr) || subnet.ipv6.as_ref().is_some_and(|own| block.cidr.covers(own.cidr));
            if state.all::<Subnet>(&cx.scope).any(|(_, subnet)| subnet.vpc == vpc && is_used(subnet)) {
                // AWS: unverified wording.
                let message = format!("The vpc CIDR block with association ID {id} may not be disassociated. There are subnets in it.");
                return Err(refuse("InvalidCidr.InUse", message));
            }
            let row = state.find_mut::<Vpc>(&cx.scope, &vpc)?;
            row.blocks.retain(|known| known.association != *id);
            row.ipv6_blocks.retain(|known| known.association != *id);
            let mut result = api::DisassociateVpcCidrBlockResult { vpc_id: Some(vpc), ..Default::default() };
            match block.cidr.family() {
                Family::V4 => result.cidr_block_association = Some(shown_block(&block, "disassociating")),
                Family::V6 => {
                    result.ipv6_cidr_block_association = Some(shown_ipv6_block(&block, cx.scope.region.as_str(), "disassociating"));
                }
            }
            Ok(result)
        })
    }
);
