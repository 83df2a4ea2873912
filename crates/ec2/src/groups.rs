//! What a security group is to other resources: how it is found, shown, and given to interfaces.

use crate::{
    engine::Ec2,
    faults::{self, refuse},
    filters::{self, ShownFilters},
    limits, permissions,
    rows::{Group, Peering, PeeringStatus},
    rules::{self, Direction, Peer, Rule},
    state::{At, FilterOf, Kind, Resource, State, in_table},
    tags,
};
use cloudlet_api_ec2::{self as api, DescribeSecurityGroupRules, GroupIdentifier};
use cloudlet_aws::{Account, Fault, Scope};
use cloudlet_engine::{Cx, handler, paging::Paging};
use std::sync::Arc;

impl Resource for Arc<Group> {
    const KIND: Kind = Kind {
        prefix: "sg",
        name: "security-group",
        missing: "InvalidGroup.NotFound",
        says: ("The security group '", "' does not exist"),
        malformed: "InvalidGroupId.Malformed",
    };
    const FILTERS: &'static [FilterOf<Arc<Group>>] = &[
        ("description", |group, _| vec![group.description.clone()]),
        ("egress.ip-permission.cidr", |group, _| values(group, Direction::Egress, block_v4)),
        ("egress.ip-permission.from-port", |group, _| values(group, Direction::Egress, from_port)),
        ("egress.ip-permission.group-id", |group, _| values(group, Direction::Egress, group_id)),
        ("egress.ip-permission.group-name", |group, at| names(group, Direction::Egress, at)),
        ("egress.ip-permission.ipv6-cidr", |group, _| values(group, Direction::Egress, block_v6)),
        ("egress.ip-permission.prefix-list-id", |group, _| values(group, Direction::Egress, prefix_list)),
        ("egress.ip-permission.protocol", |group, _| values(group, Direction::Egress, protocol)),
        ("egress.ip-permission.to-port", |group, _| values(group, Direction::Egress, to_port)),
        ("egress.ip-permission.user-id", |group, _| values(group, Direction::Egress, user_id)),
        ("group-id", |_, at| vec![at.id.to_owned()]),
        ("group-name", |group, _| vec![group.name.clone()]),
        ("ip-permission.cidr", |group, _| values(group, Direction::Ingress, block_v4)),
        ("ip-permission.from-port", |group, _| values(group, Direction::Ingress, from_port)),
        ("ip-permission.group-id", |group, _| values(group, Direction::Ingress, group_id)),
        ("ip-permission.group-name", |group, at| names(group, Direction::Ingress, at)),
        ("ip-permission.ipv6-cidr", |group, _| values(group, Direction::Ingress, block_v6)),
        ("ip-permission.prefix-list-id", |group, _| values(group, Direction::Ingress, prefix_list)),
        ("ip-permission.protocol", |group, _| values(group, Direction::Ingress, protocol)),
        ("ip-permission.to-port", |group, _| values(group, Direction::Ingress, to_port)),
        ("ip-permission.user-id", |group, _| values(group, Direction::Ingress, user_id)),
        ("owner-id", |_, at| vec![at.scope.account.to_string()]),
        ("vpc-id", |group, _| vec![group.vpc.clone()]),
    ];
    type Shown = api::SecurityGroup;

    in_table!(groups, Arc<Group>);

    fn vpc(&self) -> Option<&str> {
        Some(&self.vpc)
    }

    fn shown(&self, at: &At<'_>) -> api::SecurityGroup {
        let of = |direction| {
            let rules = self.rules.iter().filter(|rule| rule.direction == direction);
            Some(rules::permissions(rules.map(|rule| (&rule.traffic, rule.description.as_ref())), |id| peering_status(at.state, at.scope, id)))
        };
        api::SecurityGroup {
            group_id: Some(at.id.to_owned()),
            group_name: Some(self.name.clone()),
            description: Some(self.description.clone()),
            vpc_id: Some(self.vpc.clone()),
            owner_id: Some(at.scope.account.to_string()),
            security_group_arn: permissions::arn_text(at.scope, "security-group", at.id),
            ip_permissions: of(Direction::Ingress),
            ip_permissions_egress: of(Direction::Egress),
            tags: tags::answered(at.state.tags_of(at.scope, at.id)),
        }
    }
}

fn values(group: &Group, direction: Direction, value: fn(&Rule) -> Option<String>) -> Vec<String> {
    group.rules.iter().filter(|rule| rule.direction == direction).filter_map(|rule| value(rule)).collect()
}

fn names(group: &Group, direction: Direction, at: &At<'_>) -> Vec<String> {
    values(group, direction, group_id).iter().filter_map(|id| at.state.group(at.scope, id)).map(|group| group.name.clone()).collect()
}

fn block_v4(rule: &Rule) -> Option<String> {
    match rule.traffic.peer {
        Peer::Block(cidr) if cidr.family() == cloudlet_reach::Family::V4 => Some(cidr.to_string()),
        _ => None,
    }
}

fn block_v6(rule: &Rule) -> Option<String> {
    match rule.traffic.peer {
        Peer::Block(cidr) if cidr.family() == cloudlet_reach::Family::V6 => Some(cidr.to_string()),
        _ => None,
    }
}

fn prefix_list(rule: &Rule) -> Option<String> {
    match &rule.traffic.peer {
        Peer::PrefixList(id) => Some(id.clone()),
        _ => None,
    }
}

fn group_id(rule: &Rule) -> Option<String> {
    match &rule.traffic.peer {
        Peer::Group { id, .. } => Some(id.clone()),
        _ => None,
    }
}

fn user_id(rule: &Rule) -> Option<String> {
    match &rule.traffic.peer {
        Peer::Group { user, .. } => Some(user.clone()),
        _ => None,
    }
}

fn protocol(rule: &Rule) -> Option<String> {
    Some(rule.traffic.protocol.clone())
}

fn from_port(rule: &Rule) -> Option<String> {
    Some(rule.traffic.from.to_string())
}

fn to_port(rule: &Rule) -> Option<String> {
    Some(rule.traffic.to.to_string())
}

/// The status of a peering as a reference shows it.
pub fn peering_status(state: &State, scope: &Scope, peering: &str) -> Option<String> {
    let status = state.get::<Peering>(scope, peering).map_or(PeeringStatus::Deleted, |peering| peering.status);
    Some(crate::peerings::status_code(status).to_owned())
}

/// The rules that reference a group of the account through a peering: whether it is still there.
pub fn is_stale(state: &State, scope: &Scope, peer: &Peer) -> bool {
    let Peer::Group { id, user, peered: Some(peered) } = peer else { return false };
    let is_active = state.get::<Peering>(scope, &peered.peering).is_some_and(|peering| peering.status == PeeringStatus::Active);
    let owner = Account::parse(user).unwrap_or_default();
    // A peering may lead to another region, but references do not cross regions.
    !is_active || state.group(&Scope::new(owner, scope.region.clone()), id).is_none()
}

pub fn identifiers(state: &State, scope: &Scope, ids: &[String]) -> Vec<GroupIdentifier> {
    let identifier = |id: &String| GroupIdentifier { group_id: Some(id.clone()), group_name: state.group(scope, id).map(|group| group.name.clone()) };
    ids.iter().map(identifier).collect()
}

pub fn of_another_network() -> Fault {
    refuse("InvalidGroup.NotFound", "You have specified two resources that belong to different networks.")
}

/// The id of the default group of a VPC.
pub fn default_of(state: &State, scope: &Scope, vpc: &str) -> Option<String> {
    state.groups_of(scope).find(|(_, group)| group.vpc == vpc && group.is_default()).map(|(id, _)| id.to_owned())
}

/// The groups of an interface in a VPC: those given, or the default one.
pub fn for_interface(state: &State, scope: &Scope, vpc: &str, given: Option<Vec<String>>) -> Result<Vec<String>, Fault> {
    let mut ids = given.unwrap_or_default();
    let mut seen = std::collections::BTreeSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    if ids.is_empty() {
        return Ok(default_of(state, scope, vpc).into_iter().collect());
    }
    if ids.len() > limits::GROUPS_OF_INTERFACE {
        let message = format!("You have exceeded the maximum number of security groups per network interface: {}", limits::GROUPS_OF_INTERFACE);
        // AWS: unverified wording.
        return Err(refuse("SecurityGroupsPerInterfaceLimitExceeded", message));
    }
    for id in &ids {
        if !state.find::<Arc<Group>>(scope, id)?.is_usable_in(vpc) {
            return Err(of_another_network());
        }
    }
    Ok(ids)
}

/// The id of a group that a request names by id, or by its name in the default VPC.
pub fn find(state: &State, cx: &Cx, id: Option<&str>, name: Option<&str>) -> Result<String, Fault> {
    match (id, name) {
        (Some(id), _) => state.find::<Arc<Group>>(&cx.scope, id).map(|_| id.to_owned()),
        (None, Some(name)) => {
            let vpc = state.default_vpc(&cx.scope);
            let found = state.groups_of(&cx.scope).find(|(_, group)| group.name == name && Some(group.vpc.as_str()) == vpc);
            found.map(|(id, _)| id.to_owned()).ok_or_else(|| faults::no_name(name, vpc))
        }
        (None, None) => Err(faults::missing("groupName or groupId")),
    }
}

pub fn shown_rule(state: &State, scope: &Scope, group: &str, rule: &Rule) -> api::SecurityGroupRule {
    let traffic = &rule.traffic;
    let mut shown = api::SecurityGroupRule {
        security_group_rule_id: Some(rule.id.clone()),
        security_group_rule_arn: permissions::arn_text(scope, "security-group-rule", &rule.id),
        group_id: Some(group.to_owned()),
        group_owner_id: Some(scope.account.to_string()),
        is_egress: Some(rule.direction == Direction::Egress),
        ip_protocol: Some(traffic.protocol.clone()),
        from_port: Some(traffic.from),
        to_port: Some(traffic.to),
        description: rule.description.clone(),
        tags: tags::answered(state.tags_of(scope, &rule.id)),
        ..Default::default()
    };
    shown.cidr_ipv4 = block_v4(rule);
    shown.cidr_ipv6 = block_v6(rule);
    shown.prefix_list_id = prefix_list(rule);
    if let Peer::Group { id, user, peered } = &traffic.peer {
        shown.referenced_group_info = Some(api::ReferencedSecurityGroup {
            group_id: Some(id.clone()),
            user_id: Some(user.clone()),
            vpc_id: peered.as_ref().map(|peered| peered.vpc.clone()),
            vpc_peering_connection_id: peered.as_ref().map(|peered| peered.peering.clone()),
            peering_status: peered.as_ref().and_then(|peered| peering_status(state, scope, &peered.peering)),
        });
    }
    shown
}

fn rule_values(of: &api::SecurityGroupRule, filter: &str) -> Option<Vec<String>> {
    Some(match filter {
        "group-id" => of.group_id.iter().cloned().collect(),
        "security-group-rule-id" => of.security_group_rule_id.iter().cloned().collect(),
        other => return filters::of_tags(of.tags.as_ref(), other),
    })
}

handler!(Ec2, DescribeSecurityGroupRules, |ec2, cx, input| Ok(permissions::describe::<DescribeSecurityGroupRules>(cx)), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    crate::describing::check_ids(input.max_results, input.security_group_rule_ids.as_ref(), "security_group_rule_ids")?;
    crate::describing::check_page(input.max_results, 5, 1_000)?;
    let list = Paging::of::<DescribeSecurityGroupRules>(cx, &input);
    let wanted = input.security_group_rule_ids.unwrap_or_default();
    // The usual filter names one group: no need to look through all.
    let named: Vec<String> = input
        .filters
        .iter()
        .flatten()
        .filter(|filter| filter.name.as_deref() == Some("group-id"))
        .flat_map(|filter| filter.values.clone().unwrap_or_default())
        .collect();
    let filters = ShownFilters::read(input.filters, rule_values)?;
    let page = ec2.store.read(|state| {
        let mut rows: Vec<(&str, &Rule)> = Vec::new();
        for id in &wanted {
            faults::check_id(id, "sgr", "InvalidSecurityGroupRuleId.Malformed")?;
            rows.push(state.rule(&cx.scope, id).ok_or_else(|| faults::no_rule(id))?);
        }
        if wanted.is_empty() {
            let plain = !named.is_empty() && named.iter().all(|id| !id.contains(['*', '?', '\\']));
            match plain {
                true => {
                    let found = named.iter().filter_map(|id| state.groups.get_key_value(&crate::state::key(&cx.scope, id)));
                    rows.extend(found.flat_map(|((_, id), group)| group.rules.iter().map(move |rule| (id.as_str(), &**rule))));
                }
                false => rows.extend(state.groups_of(&cx.scope).flat_map(|(id, group)| group.rules.iter().map(move |rule| (id, &**rule)))),
            }
        }
        let shown = rows.into_iter().map(|(group, rule)| ((group.to_owned(), rule.id.clone()), shown_rule(state, &cx.scope, group, rule)));
        let mut entries: Vec<_> = shown.filter(|(_, shown)| filters.pass(shown)).collect();
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        entries.dedup_by(|(one, _), (other, _)| one == other);
        crate::describing::page(&list, entries.into_iter())
    })?;
    Ok(api::DescribeSecurityGroupRulesResult { security_group_rules: Some(page.items), next_token: page.next_token })
});
