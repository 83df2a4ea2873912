//! Which groups refer to which, what became stale, and in which VPCs a group can be used beside its own.
//! <https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-security-groups.html>
//! <https://docs.aws.amazon.com/vpc/latest/userguide/security-group-assoc.html>

use crate::{
    describing::{self, check_page},
    engine::Ec2,
    faults::{invalid_value, refuse},
    filters::{self, ShownFilters},
    groups, limits, permissions,
    rows::{Group, Interface, Vpc},
    rules::{Direction, Peer},
    security_groups::referencing,
    state::State,
    tags,
};
use cloudlet_api_ec2::{
    self as api, AssociateSecurityGroupVpc, DescribeSecurityGroupReferences, DescribeSecurityGroupVpcAssociations, DescribeStaleSecurityGroups,
    DisassociateSecurityGroupVpc, GetSecurityGroupsForVpc, ValidateSecurityGroupQuotasForInterface,
};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, handler, paging::Paging};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

handler!(
    Ec2,
    DescribeSecurityGroupReferences,
    |ec2, cx, input| Ok(permissions::describe::<DescribeSecurityGroupReferences>(cx)),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.read(|state| {
            let mut all = BTreeMap::new();
            for id in input.group_id.iter().collect::<BTreeSet<_>>() {
                let own = state.find::<Arc<Group>>(&cx.scope, id)?;
                // AWS: only groups on the other side of a peering, or of a transit gateway.
                for (_, _, group) in referencing(state, &cx.scope, id).filter(|(_, _, group)| group.vpc != own.vpc) {
                    let peered = group.rules.iter().find_map(|rule| match &rule.traffic.peer {
                        Peer::Group { id: referenced, peered: Some(peered), .. } if referenced == id => Some(peered),
                        _ => None,
                    });
                    if let Some(peered) = peered {
                        let reference = api::SecurityGroupReference {
                            group_id: Some(id.clone()),
                            referencing_vpc_id: Some(group.vpc.clone()),
                            vpc_peering_connection_id: Some(peered.peering.clone()),
                            transit_gateway_id: None,
                        };
                        all.insert((id.clone(), group.vpc.clone(), peered.peering.clone()), reference);
                    }
                }
            }
            Ok(api::DescribeSecurityGroupReferencesResult { security_group_reference_set: Some(all.into_values().collect()) })
        })
    }
);

/// The stale rules of a group in one direction, in the shape of permissions.
fn stale_permissions(state: &State, cx: &Cx, group: &Group, direction: Direction) -> Vec<api::StaleIpPermission> {
    let rules = group.rules.iter().filter(|rule| rule.direction == direction && groups::is_stale(state, &cx.scope, &rule.traffic.peer));
    let permissions =
        crate::rules::permissions(rules.map(|rule| (&rule.traffic, rule.description.as_ref())), |id| groups::peering_status(state, &cx.scope, id));
    permissions
        .into_iter()
        .map(|permission| api::StaleIpPermission {
            from_port: permission.from_port,
            to_port: permission.to_port,
            ip_protocol: permission.ip_protocol,
            ip_ranges: Some(vec![]),
            prefix_list_ids: Some(vec![]),
            user_id_group_pairs: permission.user_id_group_pairs,
        })
        .collect()
}

handler!(
    Ec2,
    DescribeStaleSecurityGroups,
    |ec2, cx, input| Ok(ec2.on::<DescribeStaleSecurityGroups, Vpc>(cx, &input.vpc_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        check_page(input.max_results, 5, 255)?;
        let list = Paging::of::<DescribeStaleSecurityGroups>(cx, &input);
        let page = ec2.store.read(|state| {
            state.find::<Vpc>(&cx.scope, &input.vpc_id)?;
            let of_vpc = state.groups_of(&cx.scope).filter(|(_, group)| group.vpc == input.vpc_id);
            let rows = of_vpc.filter_map(|(id, group)| {
                let ingress = stale_permissions(state, cx, group, Direction::Ingress);
                let egress = stale_permissions(state, cx, group, Direction::Egress);
                let shown = api::StaleSecurityGroup {
                    group_id: Some(id.to_owned()),
                    group_name: Some(group.name.clone()),
                    description: Some(group.description.clone()),
                    vpc_id: Some(group.vpc.clone()),
                    stale_ip_permissions: Some(ingress.clone()),
                    stale_ip_permissions_egress: Some(egress.clone()),
                };
                (!ingress.is_empty() || !egress.is_empty()).then(|| (id.to_owned(), shown))
            });
            describing::page(&list, rows)
        })?;
        Ok(api::DescribeStaleSecurityGroupsResult { stale_security_group_set: Some(page.items), next_token: page.next_token })
    }
);

handler!(Ec2, GetSecurityGroupsForVpc, |ec2, cx, input| Ok(ec2.on::<GetSecurityGroupsForVpc, Vpc>(cx, &input.vpc_id).into()), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    check_page(input.max_results, 5, 1_000)?;
    let list = Paging::of::<GetSecurityGroupsForVpc>(cx, &input);
    let filters = ShownFilters::read(input.filters, values_of_usable)?;
    let page = ec2.store.read(|state| {
        state.find::<Vpc>(&cx.scope, &input.vpc_id)?;
        let usable = state.groups_of(&cx.scope).filter(|(_, group)| group.is_usable_in(&input.vpc_id)).map(|(id, group)| {
            let shown = api::SecurityGroupForVpc {
                description: Some(group.description.clone()),
                group_name: Some(group.name.clone()),
                owner_id: Some(cx.scope.account.to_string()),
                group_id: Some(id.to_owned()),
                tags: tags::answered(state.tags_of(&cx.scope, id)),
                primary_vpc_id: Some(group.vpc.clone()),
            };
            (id.to_owned(), shown)
        });
        describing::page(&list, usable.filter(|(_, shown)| filters.pass(shown)))
    })?;
    Ok(api::GetSecurityGroupsForVpcResult { security_group_for_vpcs: Some(page.items), next_token: page.next_token })
});

fn values_of_usable(of: &api::SecurityGroupForVpc, filter: &str) -> Option<Vec<String>> {
    let value = match filter {
        "group-id" => &of.group_id,
        "description" => &of.description,
        "group-name" => &of.group_name,
        "owner-id" => &of.owner_id,
        "primary-vpc-id" => &of.primary_vpc_id,
        other => return filters::of_tags(of.tags.as_ref(), other),
    };
    Some(value.iter().cloned().collect())
}

handler!(
    Ec2,
    AssociateSecurityGroupVpc,
    |ec2, cx, input| {
        let group = ec2.on::<AssociateSecurityGroupVpc, Arc<Group>>(cx, &input.group_id);
        Ok([group, ec2.on::<AssociateSecurityGroupVpc, Vpc>(cx, &input.vpc_id)].into_iter().collect())
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let mut group = Group::clone(state.find::<Arc<Group>>(&cx.scope, &input.group_id)?);
            state.find::<Vpc>(&cx.scope, &input.vpc_id)?;
            // <https://docs.aws.amazon.com/vpc/latest/userguide/security-group-assoc.html>: neither default groups nor groups of a default VPC.
            if group.is_default() || state.default_vpc(&cx.scope) == Some(group.vpc.as_str()) {
                // AWS: unverified wording.
                return Err(refuse(
                    "InvalidGroup.Reserved",
                    format!("The security group '{}' cannot be associated with another VPC.", input.group_id),
                ));
            }
            if group.is_usable_in(&input.vpc_id) {
                // AWS: unverified wording.
                let message = format!("The security group '{}' is already associated with VPC '{}'.", input.group_id, input.vpc_id);
                return Err(invalid_value(message));
            }
            let name = &group.name;
            if state.groups_of(&cx.scope).any(|(_, other)| other.is_usable_in(&input.vpc_id) && other.name == *name) {
                let message = format!("The security group '{name}' already exists for VPC '{}'", input.vpc_id);
                return Err(refuse("InvalidGroup.Duplicate", message));
            }
            group.associated.push(input.vpc_id);
            state.put_group(&cx.scope, &input.group_id, group);
            Ok(api::AssociateSecurityGroupVpcResult { state: Some("associating".to_owned()) })
        })
    }
);

handler!(
    Ec2,
    DisassociateSecurityGroupVpc,
    |ec2, cx, input| {
        let group = ec2.on::<DisassociateSecurityGroupVpc, Arc<Group>>(cx, &input.group_id);
        Ok([group, ec2.on::<DisassociateSecurityGroupVpc, Vpc>(cx, &input.vpc_id)].into_iter().collect())
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let id = &input.group_id;
            let mut group = Group::clone(state.find::<Arc<Group>>(&cx.scope, id)?);
            if !group.associated.contains(&input.vpc_id) {
                // AWS: unverified wording.
                let message = format!("The security group '{id}' is not associated with VPC '{}'.", input.vpc_id);
                return Err(refuse("InvalidGroup.NotFound", message));
            }
            let uses = |(_, interface): (&str, &Interface)| interface.vpc == input.vpc_id && interface.groups.contains(id);
            if state.all::<Interface>(&cx.scope).any(uses) {
                return Err(refuse("DependencyViolation", format!("resource {id} has a dependent object")));
            }
            group.associated.retain(|vpc| *vpc != input.vpc_id);
            state.put_group(&cx.scope, id, group);
            Ok(api::DisassociateSecurityGroupVpcResult { state: Some("disassociating".to_owned()) })
        })
    }
);

handler!(
    Ec2,
    DescribeSecurityGroupVpcAssociations,
    |ec2, cx, input| Ok(permissions::describe::<DescribeSecurityGroupVpcAssociations>(cx)),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        check_page(input.max_results, 5, 1_000)?;
        let list = Paging::of::<DescribeSecurityGroupVpcAssociations>(cx, &input);
        let filters = ShownFilters::read(input.filters, values_of_association)?;
        let owner = cx.scope.account.to_string();
        let page = ec2.store.read(|state| {
            let all = state.groups_of(&cx.scope).flat_map(|(id, group)| group.associated.iter().map(move |vpc| (id.to_owned(), vpc.clone())));
            let shown = all.map(|(id, vpc)| {
                let shown = api::SecurityGroupVpcAssociation {
                    group_id: Some(id.clone()),
                    vpc_id: Some(vpc.clone()),
                    vpc_owner_id: Some(owner.clone()),
                    group_owner_id: Some(owner.clone()),
                    state: Some("associated".to_owned()),
                    state_reason: None,
                };
                ((id, vpc), shown)
            });
            let mut rows: Vec<_> = shown.filter(|(_, shown)| filters.pass(shown)).collect();
            rows.sort_by(|(one, _), (other, _)| one.cmp(other));
            describing::page(&list, rows.into_iter())
        })?;
        Ok(api::DescribeSecurityGroupVpcAssociationsResult { security_group_vpc_associations: Some(page.items), next_token: page.next_token })
    }
);

fn values_of_association(of: &api::SecurityGroupVpcAssociation, filter: &str) -> Option<Vec<String>> {
    let value = match filter {
        "group-id" => &of.group_id,
        "group-owner-id" => &of.group_owner_id,
        "vpc-owner-id" => &of.vpc_owner_id,
        "state" => &of.state,
        "vpc-id" => &of.vpc_id,
        _ => return None,
    };
    Some(value.iter().cloned().collect())
}

handler!(
    Ec2,
    ValidateSecurityGroupQuotasForInterface,
    |ec2, cx, input| {
        let all = input.security_group_ids.iter().map(|id| ec2.on::<ValidateSecurityGroupQuotasForInterface, Arc<Group>>(cx, id));
        let all: cloudlet_engine::Permissions = all.collect();
        Ok(if all.is_empty() { permissions::describe::<ValidateSecurityGroupQuotasForInterface>(cx) } else { all })
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.read(|state| {
            let check = |id: &String| state.find::<Arc<Group>>(&cx.scope, id).map(drop);
            input.security_group_ids.iter().try_for_each(check)?;
            let valid = input.security_group_ids.len() <= limits::GROUPS_OF_INTERFACE;
            Ok::<_, Fault>(api::ValidateSecurityGroupQuotasForInterfaceResult { valid: Some(valid) })
        })
    }
);
