//! DescribeSecurityGroups and DescribeSecurityGroupRules.

use crate::{
    Ec2, faults, filters, limits, permissions,
    rules::{self, Direction, Peer, Rule},
    state::Group,
    tags,
};
use cloudlet_api_ec2::{self as api, DescribeSecurityGroupRules, DescribeSecurityGroups};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, handler, paging::Paging};

const FILTERS: [&str; 23] = [
    "description",
    "egress.ip-permission.cidr",
    "egress.ip-permission.from-port",
    "egress.ip-permission.group-id",
    "egress.ip-permission.group-name",
    "egress.ip-permission.ipv6-cidr",
    "egress.ip-permission.prefix-list-id",
    "egress.ip-permission.protocol",
    "egress.ip-permission.to-port",
    "egress.ip-permission.user-id",
    "group-id",
    "group-name",
    "ip-permission.cidr",
    "ip-permission.from-port",
    "ip-permission.group-id",
    "ip-permission.group-name",
    "ip-permission.ipv6-cidr",
    "ip-permission.prefix-list-id",
    "ip-permission.protocol",
    "ip-permission.to-port",
    "ip-permission.user-id",
    "owner-id",
    "vpc-id",
];

pub fn invalid_token() -> Fault {
    faults::refuse("InvalidNextToken", "The token provided is invalid.")
}

/// `MaxResults` is 5 to 1,000, and not together with ids.
pub fn check_page(size: Option<i32>, ids: Option<&Vec<String>>, name: &str) -> Result<(), Fault> {
    let Some(size) = size else { return Ok(()) };
    if ids.is_some_and(|ids| !ids.is_empty()) {
        // AWS: unverified wording.
        return Err(faults::refuse("InvalidParameterCombination", format!("The parameter {name} cannot be used with the parameter maxResults")));
    }
    match size {
        ..5 => Err(faults::invalid_value(format!("Value ( {size} ) for parameter maxResults is invalid. Expecting a value greater than 5."))),
        5..=1_000 => Ok(()),
        _ => Err(faults::invalid_value(format!("Value ( {size} ) for parameter maxResults is invalid. Expecting a value less than 1000."))),
    }
}

fn shown(cx: &Cx, id: &str, group: &Group) -> api::SecurityGroup {
    let of = |direction| {
        let rules = group.rules.iter().filter(|rule| rule.direction == direction);
        Some(rules::permissions(rules.map(|rule| (&rule.traffic, rule.description.as_ref()))))
    };
    api::SecurityGroup {
        group_id: Some(id.to_owned()),
        group_name: Some(group.name.clone()),
        description: Some(group.description.clone()),
        vpc_id: Some(group.vpc.clone()),
        owner_id: Some(cx.scope.account.as_str().to_owned()),
        security_group_arn: Some(permissions::arn(cx, "security-group", id).as_str().to_owned()),
        ip_permissions: of(Direction::Ingress),
        ip_permissions_egress: of(Direction::Egress),
        tags: tags::answered(&group.tags),
    }
}

pub fn shown_rule(cx: &Cx, group: &str, rule: &Rule) -> api::SecurityGroupRule {
    let traffic = &rule.traffic;
    let mut shown = api::SecurityGroupRule {
        security_group_rule_id: Some(rule.id.clone()),
        security_group_rule_arn: Some(permissions::arn(cx, "security-group-rule", &rule.id).as_str().to_owned()),
        group_id: Some(group.to_owned()),
        group_owner_id: Some(cx.scope.account.as_str().to_owned()),
        is_egress: Some(rule.direction == Direction::Egress),
        ip_protocol: Some(traffic.protocol.clone()),
        from_port: Some(traffic.from),
        to_port: Some(traffic.to),
        description: rule.description.clone(),
        tags: tags::answered(&rule.tags),
        ..Default::default()
    };
    match &traffic.peer {
        Peer::Cidr(cidr) => shown.cidr_ipv4 = Some(cidr.clone()),
        Peer::Ipv6Cidr(cidr) => shown.cidr_ipv6 = Some(cidr.clone()),
        Peer::Group { id, user } => {
            let referenced = api::ReferencedSecurityGroup { group_id: Some(id.clone()), user_id: Some(user.clone()), ..Default::default() };
            shown.referenced_group_info = Some(referenced);
        }
    }
    shown
}

handler!(Ec2, DescribeSecurityGroups, |ec2, cx, input| Ok(permissions::describe::<DescribeSecurityGroups>(cx)), |ec2, cx, input| {
    faults::check_dry_run(input.dry_run)?;
    ec2.ensure_region(cx)?;
    check_page(input.max_results, input.group_ids.as_ref(), "groupIds")?;
    let list = Paging::of::<DescribeSecurityGroups>(cx, &input);
    let filters = filters::checked(input.filters, &FILTERS)?;
    let (ids, names) = (input.group_ids.unwrap_or_default(), input.group_names.unwrap_or_default());
    let page = ec2.store.read(|state| {
        for id in &ids {
            faults::check_group_id(id)?;
            state.group(&cx.scope, id).ok_or_else(|| faults::no_group(id))?;
        }
        let default_vpc = state.default_vpc(&cx.scope);
        let mut wanted = ids.clone();
        for name in &names {
            let found = state.groups_of(&cx.scope).find(|(_, group)| group.name == *name && Some(group.vpc.as_str()) == default_vpc);
            wanted.push(found.map(|(id, _)| id.to_owned()).ok_or_else(|| faults::no_name(name, default_vpc))?);
        }
        let rows: Box<dyn Iterator<Item = _>> = if wanted.is_empty() {
            Box::new(state.groups_of(&cx.scope))
        } else {
            wanted.sort_unstable();
            wanted.dedup();
            Box::new(wanted.iter().filter_map(|id| Some((id.as_str(), state.group(&cx.scope, id)?))))
        };
        let passing = rows.filter(|(id, group)| {
            filters::pass(&filters, &group.tags, |name| {
                Some(match name {
                    "description" => vec![group.description.clone()],
                    "group-id" => vec![(*id).to_owned()],
                    "group-name" => vec![group.name.clone()],
                    "owner-id" => vec![cx.scope.account.as_str().to_owned()],
                    "vpc-id" => vec![group.vpc.clone()],
                    other => {
                        let (direction, name) = match other.strip_prefix("egress.") {
                            Some(name) => (Direction::Egress, name),
                            None => (Direction::Ingress, other),
                        };
                        let rules = group.rules.iter().filter(|rule| rule.direction == direction);
                        rules
                            .filter_map(|rule| match (name, &rule.traffic.peer) {
                                ("ip-permission.cidr", Peer::Cidr(cidr)) | ("ip-permission.ipv6-cidr", Peer::Ipv6Cidr(cidr)) => Some(cidr.clone()),
                                ("ip-permission.group-id", Peer::Group { id, .. }) => Some(id.clone()),
                                ("ip-permission.user-id", Peer::Group { user, .. }) => Some(user.clone()),
                                ("ip-permission.group-name", Peer::Group { id, .. }) => state.group(&cx.scope, id).map(|group| group.name.clone()),
                                ("ip-permission.protocol", _) => Some(rule.traffic.protocol.clone()),
                                ("ip-permission.from-port", _) => Some(rule.traffic.from.to_string()),
                                ("ip-permission.to-port", _) => Some(rule.traffic.to.to_string()),
                                _ => None,
                            })
                            .collect()
                    }
                })
            })
        });
        let entries = passing.map(|(id, group)| (id.to_owned(), shown(cx, id, group)));
        list.page_of(list.length(limits::PAGE, limits::PAGE), entries).map_err(|_| invalid_token())
    })?;
    Ok(api::DescribeSecurityGroupsResult { security_groups: Some(page.items), next_token: page.next_token })
});

handler!(Ec2, DescribeSecurityGroupRules, |ec2, cx, input| Ok(permissions::describe::<DescribeSecurityGroupRules>(cx)), |ec2, cx, input| {
    faults::check_dry_run(input.dry_run)?;
    ec2.ensure_region(cx)?;
    check_page(input.max_results, input.security_group_rule_ids.as_ref(), "securityGroupRuleIds")?;
    let list = Paging::of::<DescribeSecurityGroupRules>(cx, &input);
    let filters = filters::checked(input.filters, &["group-id", "security-group-rule-id"])?;
    let wanted = input.security_group_rule_ids.unwrap_or_default();
    let page = ec2.store.read(|state| {
        let all = || state.groups_of(&cx.scope).flat_map(|(id, group)| group.rules.iter().map(move |rule| (id, rule)));
        for id in &wanted {
            faults::check_id(id, "sgr", "InvalidSecurityGroupRuleId.Malformed")?;
            all().find(|(_, rule)| rule.id == *id).ok_or_else(|| faults::no_rule(id))?;
        }
        let passing = all().filter(|(_, rule)| wanted.is_empty() || wanted.contains(&rule.id)).filter(|(group, rule)| {
            filters::pass(&filters, &rule.tags, |name| match name {
                "group-id" => Some(vec![(*group).to_owned()]),
                "security-group-rule-id" => Some(vec![rule.id.clone()]),
                _ => None,
            })
        });
        let mut entries: Vec<_> = passing.map(|(group, rule)| ((group.to_owned(), rule.id.clone()), shown_rule(cx, group, rule))).collect();
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        list.page_of(list.length(limits::PAGE, limits::PAGE), entries.into_iter()).map_err(|_| invalid_token())
    })?;
    Ok(api::DescribeSecurityGroupRulesResult { security_group_rules: Some(page.items), next_token: page.next_token })
});
