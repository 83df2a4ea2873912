//! VPCs. Each has a default group; a region's default VPC is there from the first call on.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpc.html>

use crate::{
    Ec2, describing, faults, filters, limits, permissions,
    rules::{self, Family},
    state::{InRegion, Vpc},
    tags,
};
use cloudlet_api_ec2::{self as api, CreateVpc, DeleteVpc, DescribeVpcs};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, handler, paging::Paging};

const FILTERS: [&str; 9] = [
    "cidr",
    "cidr-block-association.cidr-block",
    "cidr-block-association.association-id",
    "dhcp-options-id",
    "is-default",
    "owner-id",
    "state",
    "vpc-id",
    "isDefault",
];

impl Ec2 {
    /// Makes the default VPC of the region if nobody has looked at it yet.
    pub(crate) fn ensure_region(&self, cx: &Cx) -> Result<(), Fault> {
        if self.store.read(|state| state.regions.contains(&cx.scope)) {
            return Ok(());
        }
        self.store.write(|state| {
            if !state.regions.contains(&cx.scope) {
                let dhcp_options = format!("dopt-{}", cx.ids().hex(17));
                state.regions.insert(cx.scope.clone(), InRegion { default_vpc: None, dhcp_options: dhcp_options.clone() });
                let id = state.add_vpc(&cx.scope, cx.ids(), "172.31.0.0/16".to_owned(), "default".to_owned(), tags::Tags::new());
                state.regions.insert(cx.scope.clone(), InRegion { default_vpc: Some(id), dhcp_options });
            }
            Ok(())
        })
    }
}

fn shown(cx: &Cx, id: &str, vpc: &Vpc, is_default: bool) -> api::Vpc {
    let state = api::VpcCidrBlockState { state: Some("associated".to_owned()), status_message: None };
    let association = api::VpcCidrBlockAssociation {
        association_id: Some(vpc.association.clone()),
        cidr_block: Some(vpc.cidr.clone()),
        cidr_block_state: Some(state),
    };
    api::Vpc {
        vpc_id: Some(id.to_owned()),
        owner_id: Some(cx.scope.account.as_str().to_owned()),
        state: Some("available".to_owned()),
        cidr_block: Some(vpc.cidr.clone()),
        cidr_block_association_set: Some(vec![association]),
        dhcp_options_id: Some(vpc.dhcp_options.clone()),
        instance_tenancy: Some(vpc.tenancy.clone()),
        is_default: Some(is_default),
        tags: tags::answered(&vpc.tags),
        ..Default::default()
    }
}

handler!(
    Ec2,
    CreateVpc,
    |ec2, cx, input| Ok(permissions::create::<CreateVpc>(cx, "vpc", tags::requested(input.tag_specifications.as_ref()))),
    |ec2, cx, input| {
        faults::check_dry_run(input.dry_run)?;
        ec2.ensure_region(cx)?;
        let unbuilt = input.amazon_provided_ipv6_cidr_block == Some(true)
            || input.ipv6_cidr_block.is_some()
            || input.ipv6_pool.is_some()
            || input.ipv4_ipam_pool_id.is_some()
            || input.ipv6_ipam_pool_id.is_some()
            || input.ipv4_netmask_length.is_some()
            || input.ipv6_netmask_length.is_some()
            || input.ipv6_cidr_block_network_border_group.is_some()
            || input.vpc_encryption_control.is_some();
        if unbuilt {
            return Err(faults::not_implemented("IPv6 blocks, IPAM pools and encryption controls of a VPC"));
        }
        let given = input
            .cidr_block
            .as_deref()
            .ok_or_else(|| faults::refuse("MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided."))?;
        let malformed = || faults::invalid_value(format!("Value ({given}) for parameter cidrBlock is invalid. This is not a valid CIDR block."));
        let (cidr, length) = rules::normal_cidr(given, Family::V4).ok_or_else(malformed)?;
        if !(16..=28).contains(&length) {
            // AWS: unverified wording.
            return Err(faults::refuse("InvalidVpc.Range", format!("The CIDR '{given}' is invalid.")));
        }
        let tags = tags::of_new(input.tag_specifications.as_ref(), "vpc")?;
        let tenancy = input.instance_tenancy.unwrap_or_else(|| "default".to_owned());
        if !matches!(tenancy.as_str(), "default" | "dedicated") {
            return Err(faults::invalid_value(format!("Value ({tenancy}) for parameter instanceTenancy is invalid.")));
        }
        ec2.store.write(|state| {
            if state.vpcs_of(&cx.scope).count() >= limits::VPCS {
                // AWS: unverified wording.
                return Err(faults::refuse("VpcLimitExceeded", "The maximum number of VPCs has been reached."));
            }
            let id = state.add_vpc(&cx.scope, cx.ids(), cidr, tenancy, tags);
            let vpc = state.vpc(&cx.scope, &id).ok_or_else(|| faults::no_vpc(&id))?;
            // AWS: it is pending in this answer, and available when it is described.
            let vpc = api::Vpc { state: Some("pending".to_owned()), ..shown(cx, &id, vpc, false) };
            Ok(api::CreateVpcResult { vpc: Some(vpc) })
        })
    }
);

handler!(Ec2, DeleteVpc, |ec2, cx, input| Ok(ec2.on_vpc::<DeleteVpc>(cx, &input.vpc_id).into()), |ec2, cx, input| {
    faults::check_dry_run(input.dry_run)?;
    faults::check_vpc_id(&input.vpc_id)?;
    ec2.ensure_region(cx)?;
    ec2.store.write(|state| {
        let id = &input.vpc_id;
        state.vpc(&cx.scope, id).ok_or_else(|| faults::no_vpc(id))?;
        let groups: Vec<(String, bool)> =
            state.groups_of(&cx.scope).filter(|(_, group)| group.vpc == *id).map(|(id, group)| (id.to_owned(), group.is_default())).collect();
        if groups.iter().any(|(_, is_default)| !is_default) {
            // AWS: unverified wording.
            return Err(faults::refuse("DependencyViolation", format!("The vpc '{id}' has dependencies and cannot be deleted.")));
        }
        for (group, _) in groups {
            state.groups.remove(&(cx.scope.clone(), group));
        }
        state.vpcs.remove(&(cx.scope.clone(), id.clone()));
        if state.default_vpc(&cx.scope) == Some(id.as_str())
            && let Some(region) = state.regions.get_mut(&cx.scope)
        {
            region.default_vpc = None;
        }
        Ok(Default::default())
    })
});

handler!(Ec2, DescribeVpcs, |ec2, cx, input| Ok(permissions::describe::<DescribeVpcs>(cx)), |ec2, cx, input| {
    faults::check_dry_run(input.dry_run)?;
    ec2.ensure_region(cx)?;
    describing::check_page(input.max_results, input.vpc_ids.as_ref(), "VpcIds")?;
    let list = Paging::of::<DescribeVpcs>(cx, &input);
    let filters = filters::checked(input.filters, &FILTERS)?;
    let wanted = input.vpc_ids.unwrap_or_default();
    let page = ec2.store.read(|state| {
        for id in &wanted {
            faults::check_vpc_id(id)?;
            state.vpc(&cx.scope, id).ok_or_else(|| faults::no_vpc(id))?;
        }
        let rows = state.vpcs_of(&cx.scope).filter(|(id, _)| wanted.is_empty() || wanted.iter().any(|wanted| wanted == id));
        let rows = rows.map(|(id, vpc)| (id, vpc, state.default_vpc(&cx.scope) == Some(id)));
        let passing = rows.filter(|(id, vpc, is_default)| {
            filters::pass(&filters, &vpc.tags, |name| {
                Some(vec![match name {
                    "cidr" | "cidr-block-association.cidr-block" => vpc.cidr.clone(),
                    "cidr-block-association.association-id" => vpc.association.clone(),
                    "dhcp-options-id" => vpc.dhcp_options.clone(),
                    "is-default" | "isDefault" => is_default.to_string(),
                    "owner-id" => cx.scope.account.as_str().to_owned(),
                    "state" => "available".to_owned(),
                    "vpc-id" => (*id).to_owned(),
                    _ => return None,
                }])
            })
        });
        let entries = passing.map(|(id, vpc, is_default)| (id.to_owned(), shown(cx, id, vpc, is_default)));
        list.page_of(list.length(limits::PAGE, limits::PAGE), entries).map_err(|_| describing::invalid_token())
    })?;
    Ok(api::DescribeVpcsResult { vpcs: Some(page.items), next_token: page.next_token })
});
