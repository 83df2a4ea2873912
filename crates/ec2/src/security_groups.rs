//! Security groups: created, deleted, and their rules authorized, revoked and changed. A call changes all that it names, or nothing.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html>

use crate::{
    describing,
    engine::Ec2,
    faults::{self, refuse},
    groups::{find, is_stale, of_another_network, shown_rule},
    limits, permissions, prefix_lists,
    rows::{Group, Interface, Peering, PeeringStatus, Vpc},
    rules::{self, Direction, Peer, Peered, Rule, Traffic},
    state::{Resource, State},
    tags::{self, Tags},
};
use cloudlet_api_ec2::*;
use cloudlet_aws::{Account, Fault, Scope};
use cloudlet_engine::{Cx, Operation, Permissions, handler, paging::Paging};
use cloudlet_reach::Family;
use std::{collections::BTreeSet, sync::Arc};

/// What an Authorize or Revoke has: both directions have the same members.
struct Change {
    direction: Direction,
    group_id: Option<String>,
    group_name: Option<String>,
    permissions: Vec<IpPermission>,
}

/// `IpPermissions`, or the older members that say one permission.
macro_rules! change {
    ($direction:expr, $id:expr, $name:expr, $input:ident) => {{
        let is_of_group = $input.source_security_group_name.is_some() || $input.source_security_group_owner_id.is_some();
        let is_old = $input.ip_protocol.is_some() || $input.cidr_ip.is_some() || is_of_group;
        if is_old && $input.ip_permissions.is_some() {
            return Err(faults::refuse(
                "InvalidParameterCombination",
                "The parameter ipPermissions may not be used with the older parameters of a rule",
            ));
        }
        let permissions = match $input.ip_permissions {
            Some(permissions) => permissions,
            None if is_old => {
                let range = $input.cidr_ip.map(|cidr| IpRange { cidr_ip: Some(cidr), description: None });
                // AWS: an owner without a group is missed. <https://github.com/aws/aws-sdk-js/issues/417>
                let pair = is_of_group.then(|| UserIdGroupPair {
                    group_name: $input.source_security_group_name,
                    user_id: $input.source_security_group_owner_id,
                    ..Default::default()
                });
                let of_group = pair.is_some() && $input.ip_protocol.is_none();
                let protocol = if of_group { Some("-1".to_owned()) } else { $input.ip_protocol };
                vec![IpPermission {
                    ip_protocol: protocol,
                    from_port: $input.from_port,
                    to_port: $input.to_port,
                    ip_ranges: Some(range.into_iter().collect()),
                    user_id_group_pairs: Some(pair.into_iter().collect()),
                    ..Default::default()
                }]
            }
            None => vec![],
        };
        Change { direction: $direction, group_id: $id, group_name: $name, permissions }
    }};
}

impl Ec2 {
    fn change_permission<O: Operation>(&self, cx: &Cx, id: Option<&str>, name: Option<&str>) -> Permissions {
        let found = self.store.read(|state| find(state, cx, id, name));
        self.on::<O, Arc<Group>>(cx, &found.unwrap_or_else(|_| id.unwrap_or("*").to_owned())).into()
    }

    /// To give tags to new rules, one must be allowed to tag them.
    fn tagging_permissions<O: Operation>(&self, cx: &Cx, mut all: Permissions, tags: Vec<(String, String)>) -> Permissions {
        if !tags.is_empty() {
            all.extend(permissions::create::<O>(cx, "security-group-rule", tags));
        }
        all
    }

    fn authorize(&self, cx: &Cx, change: Change, tags: &Tags) -> Result<Vec<SecurityGroupRule>, Fault> {
        if change.permissions.is_empty() {
            return Err(faults::missing("ipPermissions"));
        }
        self.store.write(|state| {
            let id = find(state, cx, change.group_id.as_deref(), change.group_name.as_deref())?;
            let mut group = Group::clone(state.find::<Arc<Group>>(&cx.scope, &id)?);
            let mut added = Vec::new();
            for (traffic, description) in read(state, cx, &group, change.permissions)? {
                if group.rules.iter().any(|rule| rule.direction == change.direction && rule.traffic == traffic) {
                    return Err(duplicate(&traffic));
                }
                let rule = Arc::new(Rule { id: rules::new_id(cx.ids()), direction: change.direction, traffic, description });
                added.push(rule.clone());
                group.rules.push(rule);
            }
            check_weight(state, cx, &group, change.direction)?;
            state.put_group(&cx.scope, &id, group);
            added.iter().for_each(|rule| state.set_tags(&cx.scope, &rule.id, tags.clone()));
            Ok(added.iter().map(|rule| shown_rule(state, &cx.scope, &id, rule)).collect())
        })
    }

    /// The rules that are gone, and the permissions that no rule had.
    fn revoke(&self, cx: &Cx, change: Change, rule_ids: Vec<String>) -> Result<(Vec<RevokedSecurityGroupRule>, Vec<IpPermission>), Fault> {
        if change.permissions.is_empty() && rule_ids.is_empty() {
            return Err(refuse("MissingParameter", "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided."));
        }
        self.store.write(|state| {
            let id = find(state, cx, change.group_id.as_deref(), change.group_name.as_deref())?;
            let mut group = Group::clone(state.find::<Arc<Group>>(&cx.scope, &id)?);
            let (mut revoked, mut unknown) = (Vec::new(), Vec::<Traffic>::new());
            for rule_id in rule_ids {
                faults::check_id(&rule_id, "sgr", "InvalidSecurityGroupRuleId.Malformed")?;
                let at = group.rules.iter().position(|rule| rule.direction == change.direction && rule.id == rule_id);
                revoked.push(group.rules.remove(at.ok_or_else(|| faults::no_rule(&rule_id))?));
            }
            for (traffic, _) in read_known(state, cx, &group, change.permissions)? {
                let at = group.rules.iter().position(|rule| rule.direction == change.direction && rule.traffic == traffic);
                match at {
                    Some(at) => revoked.push(group.rules.remove(at)),
                    None => unknown.push(traffic),
                }
            }
            // AWS: an unknown permission is an error but in the default VPC.
            if !unknown.is_empty() && state.default_vpc(&cx.scope) != Some(group.vpc.as_str()) {
                return Err(refuse("InvalidPermission.NotFound", "The specified rule does not exist in this security group."));
            }
            let answered = revoked.into_iter().map(|rule| revoked_rule(&id, &rule)).collect();
            state.put_group(&cx.scope, &id, group);
            Ok((answered, rules::permissions(unknown.iter().map(|traffic| (traffic, None)), |_| None)))
        })
    }

    fn describe_rules(&self, cx: &Cx, change: Change, texts: Vec<SecurityGroupRuleDescription>) -> Result<bool, Fault> {
        if change.permissions.is_empty() && texts.is_empty() {
            return Err(refuse("MissingParameter", "Either 'ipPermissions' or 'securityGroupRuleDescriptions' should be provided."));
        }
        if !change.permissions.is_empty() && !texts.is_empty() {
            // AWS: unverified wording.
            let message = "The parameter ipPermissions may not be used with securityGroupRuleDescriptions";
            return Err(refuse("InvalidParameterCombination", message));
        }
        self.store.write(|state| {
            let id = find(state, cx, change.group_id.as_deref(), change.group_name.as_deref())?;
            let mut group = Group::clone(state.find::<Arc<Group>>(&cx.scope, &id)?);
            for (traffic, text) in read_known(state, cx, &group, change.permissions)? {
                let rule = group.rules.iter_mut().find(|rule| rule.direction == change.direction && rule.traffic == traffic);
                let missing = || refuse("InvalidPermission.NotFound", "The specified rule does not exist in this security group.");
                Arc::make_mut(rule.ok_or_else(missing)?).description = text;
            }
            for text in texts {
                let rule_id = text.security_group_rule_id.unwrap_or_default();
                faults::check_id(&rule_id, "sgr", "InvalidSecurityGroupRuleId.Malformed")?;
                let rule = group.rules.iter_mut().find(|rule| rule.direction == change.direction && rule.id == rule_id);
                Arc::make_mut(rule.ok_or_else(|| faults::no_rule(&rule_id))?).description = rules::description(text.description)?;
            }
            state.put_group(&cx.scope, &id, group);
            Ok(true)
        })
    }
}

fn duplicate(traffic: &Traffic) -> Fault {
    refuse("InvalidPermission.Duplicate", format!("the specified rule \"{}\" already exists", traffic.named()))
}

/// IPv4 and IPv6 count separately; a prefix list counts as many rules as it may have entries.
fn check_weight(state: &State, cx: &Cx, group: &Group, direction: Direction) -> Result<(), Fault> {
    for family in [Family::V4, Family::V6] {
        let of_list = |list: &str| match prefix_lists::find(state, &cx.scope, list) {
            Ok(found) if found.is_ipv6 == (family == Family::V6) => prefix_lists::weight(state, &cx.scope, list),
            _ => 0,
        };
        let counted = group.rules.iter().filter(|rule| rule.direction == direction).map(|rule| rule.weight(family, of_list));
        if counted.sum::<usize>() > limits::RULES {
            return Err(rules::too_many());
        }
    }
    Ok(())
}

/// What permissions say. The groups that they refer to are of a VPC in which the group can be used, or of one that is peered with its own.
fn read(state: &State, cx: &Cx, group: &Group, permissions: Vec<IpPermission>) -> Result<Vec<(Traffic, Option<String>)>, Fault> {
    rules::read(permissions, |pair| referenced(state, cx, group, pair), |list| prefix_lists::find(state, &cx.scope, list).map(drop))
}

/// The same for rules that are there, which may refer to what is gone.
fn read_known(state: &State, cx: &Cx, group: &Group, permissions: Vec<IpPermission>) -> Result<Vec<(Traffic, Option<String>)>, Fault> {
    let known = |pair: &UserIdGroupPair| {
        let is = |peer: &&Peer| matches!(peer, Peer::Group { id, user, .. } if pair.group_id.as_ref() == Some(id) && pair.user_id.as_ref().is_none_or(|given| given == user));
        let found = group.rules.iter().map(|rule| &rule.traffic.peer).find(is).cloned();
        found.map_or_else(|| referenced(state, cx, group, pair), Ok)
    };
    let list = |list: &str| match group.rules.iter().any(|rule| rule.traffic.peer == Peer::PrefixList(list.to_owned())) {
        true => Ok(()),
        false => prefix_lists::find(state, &cx.scope, list).map(drop),
    };
    rules::read(permissions, known, list)
}

fn referenced(state: &State, cx: &Cx, group: &Group, pair: &UserIdGroupPair) -> Result<Peer, Fault> {
    let own = cx.scope.account;
    let owner = match pair.user_id.as_deref() {
        Some(given) => Account::parse(given).ok_or_else(|| faults::invalid_value(format!("Invalid value '{given}' for userId.")))?,
        None => own,
    };
    let id = match (&pair.group_id, &pair.group_name) {
        (None, Some(name)) if owner == own => find(state, cx, None, Some(name))?,
        // <https://github.com/hashicorp/terraform-provider-aws/issues/38221>
        (id, _) => id.clone().filter(|id| !id.is_empty()).ok_or_else(|| refuse("MissingParameter", "Source group ID missing."))?,
    };
    let scope = Scope::new(owner, cx.scope.region.clone());
    let other = state.find::<Arc<Group>>(&scope, &id)?;
    let user = owner.as_str().to_owned();
    // Groups that share a VPC.
    let shares = owner == own && (other.is_usable_in(&group.vpc) || group.is_usable_in(&other.vpc));
    if shares {
        return Ok(Peer::Group { id, user, peered: None });
    }
    let leads = |peering: &Peering| {
        let ends = |one: &crate::rows::PeeredVpc, two: &crate::rows::PeeredVpc| {
            one.scope == cx.scope && one.vpc == group.vpc && two.scope == scope && two.vpc == other.vpc
        };
        peering.status == PeeringStatus::Active && (ends(&peering.requester, &peering.accepter) || ends(&peering.accepter, &peering.requester))
    };
    let through = state.all::<Peering>(&cx.scope).find(|(_, peering)| leads(peering)).map(|(peering, _)| peering.to_owned());
    match through {
        Some(peering) => Ok(Peer::Group { id, user, peered: Some(Peered { vpc: other.vpc.clone(), peering }) }),
        None => Err(of_another_network()),
    }
}

fn revoked_rule(group: &str, rule: &Rule) -> RevokedSecurityGroupRule {
    let traffic = &rule.traffic;
    let mut shown = RevokedSecurityGroupRule {
        security_group_rule_id: Some(rule.id.clone()),
        group_id: Some(group.to_owned()),
        is_egress: Some(rule.direction == Direction::Egress),
        ip_protocol: Some(traffic.protocol.clone()),
        from_port: Some(traffic.from),
        to_port: Some(traffic.to),
        description: rule.description.clone(),
        ..Default::default()
    };
    match &traffic.peer {
        Peer::Block(cidr) if cidr.family() == Family::V4 => shown.cidr_ipv4 = Some(cidr.to_string()),
        Peer::Block(cidr) => shown.cidr_ipv6 = Some(cidr.to_string()),
        Peer::PrefixList(id) => shown.prefix_list_id = Some(id.clone()),
        Peer::Group { id, .. } => shown.referenced_group_id = Some(id.clone()),
    }
    shown
}

fn check_name(name: &str) -> Result<(), Fault> {
    let invalid = |why: &str| faults::invalid_value(format!("Value ({name}) for parameter GroupName is invalid. {why}"));
    if !name.is_ascii() {
        return Err(invalid("Character sets beyond ASCII are not supported."));
    }
    if name.starts_with("sg-") {
        return Err(invalid("Group names may not be in the format sg-*."));
    }
    if name == "default" {
        return Err(faults::invalid_value("Cannot use reserved security group name: default"));
    }
    if name.is_empty() || !rules::is_describable(name) {
        // AWS: unverified message.
        return Err(invalid("Valid names are strings less than 256 characters from the following set: a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"));
    }
    Ok(())
}

handler!(
    Ec2,
    CreateSecurityGroup,
    |ec2, cx, input| {
        let mut all = permissions::create::<CreateSecurityGroup>(cx, "security-group", tags::requested(input.tag_specifications.as_ref()));
        all.extend(input.vpc_id.as_deref().map(|vpc| ec2.on::<CreateSecurityGroup, Vpc>(cx, vpc)));
        Ok(all)
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let name = input.group_name.trim_end().to_owned();
        check_name(&name)?;
        if input.description.is_empty() {
            return Err(faults::missing("GroupDescription"));
        }
        if !input.description.is_ascii() {
            let message =
                format!("Value ({}) for parameter GroupDescription is invalid. Character sets beyond ASCII are not supported.", input.description);
            return Err(faults::invalid_value(message));
        }
        if !rules::is_describable(&input.description) {
            return Err(faults::invalid_value(
                "Invalid security group description. Valid descriptions are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*",
            ));
        }
        let tags = tags::of_new(input.tag_specifications.as_ref(), "security-group")?;
        ec2.store.write(|state| {
            let vpc = match input.vpc_id {
                Some(vpc) => {
                    state.find::<Vpc>(&cx.scope, &vpc)?;
                    vpc
                }
                None => state.default_vpc(&cx.scope).ok_or_else(faults::no_default_vpc)?.to_owned(),
            };
            let mut count = 0;
            for (_, group) in state.groups_of(&cx.scope) {
                if group.name == name && group.vpc == vpc {
                    let message = format!("The security group '{name}' already exists for VPC '{vpc}'");
                    return Err(refuse("InvalidGroup.Duplicate", message));
                }
                count += 1;
            }
            if count >= limits::GROUPS {
                // AWS: unverified wording.
                return Err(refuse("SecurityGroupLimitExceeded", "The maximum number of security groups has been reached."));
            }
            let id = <Arc<Group> as Resource>::KIND.new_id(cx.ids());
            let mut rules = vec![Arc::new(Rule::to_everywhere(cx.ids()))];
            if state.get::<Vpc>(&cx.scope, &vpc).is_some_and(|vpc| !vpc.ipv6_blocks.is_empty()) {
                rules.push(Arc::new(Rule::to_everywhere_ipv6(cx.ids())));
            }
            // AWS: no element for tags where the request has none (recorded).
            let answered = (!tags.is_empty()).then(|| tags::answered(Some(&tags))).flatten();
            state.put_group(&cx.scope, &id, Group { name, description: input.description, vpc, rules, associated: vec![] });
            state.set_tags(&cx.scope, &id, tags);
            let security_group_arn = permissions::arn_text(&cx.scope, "security-group", &id);
            Ok(CreateSecurityGroupResult { group_id: Some(id), tags: answered, security_group_arn })
        })
    }
);

/// The groups whose rules refer to a group, in all accounts.
pub fn referencing<'s>(state: &'s State, scope: &'s Scope, id: &'s str) -> impl Iterator<Item = (&'s Scope, &'s str, &'s Group)> {
    let owner = scope.account.as_str();
    let refers = move |rule: &Arc<Rule>| matches!(&rule.traffic.peer, Peer::Group { id: referenced, user, .. } if referenced == id && user == owner);
    let all = state.groups.iter().filter(move |((of, _), group)| of.region == scope.region && group.rules.iter().any(refers));
    all.map(|((of, id), group)| (of, id.as_str(), &**group))
}

handler!(
    Ec2,
    DeleteSecurityGroup,
    |ec2, cx, input| Ok(ec2.change_permission::<DeleteSecurityGroup>(cx, input.group_id.as_deref(), input.group_name.as_deref())),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let id = find(state, cx, input.group_id.as_deref(), input.group_name.as_deref())?;
            let group = state.find::<Arc<Group>>(&cx.scope, &id)?;
            if group.is_default() {
                let message = format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user");
                return Err(refuse("CannotDelete", message));
            }
            // A stale rule holds nothing.
            let holds = |(of, other, row): (&Scope, &str, &Group)| {
                let refers = |rule: &&Arc<Rule>| matches!(&rule.traffic.peer, Peer::Group { id: referenced, .. } if *referenced == id);
                (of != &cx.scope || other != id) && row.rules.iter().filter(refers).any(|rule| !is_stale(state, of, &rule.traffic.peer))
            };
            let is_used = state.all::<Interface>(&cx.scope).any(|(_, interface)| interface.groups.contains(&id));
            if is_used || !group.associated.is_empty() || referencing(state, &cx.scope, &id).any(holds) {
                return Err(refuse("DependencyViolation", format!("resource {id} has a dependent object")));
            }
            state.remove_group(&cx.scope, &id);
            Ok(DeleteSecurityGroupResult { r#return: Some(true), group_id: Some(id) })
        })
    }
);

handler!(Ec2, DescribeSecurityGroups, |ec2, cx, input| Ok(permissions::describe::<DescribeSecurityGroups>(cx)), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    let list = Paging::of::<DescribeSecurityGroups>(cx, &input);
    let page = ec2.store.read(|state| {
        let mut ids = input.group_ids.unwrap_or_default();
        for name in input.group_names.iter().flatten().collect::<BTreeSet<_>>() {
            ids.push(find(state, cx, None, Some(name))?);
        }
        let asked =
            describing::Asked { ids: Some(ids), member: "group_ids", filters: input.filters, size: input.max_results, smallest: 5, largest: 1_000 };
        describing::describe::<Arc<Group>>(state, cx, &list, asked)
    })?;
    Ok(DescribeSecurityGroupsResult { security_groups: Some(page.items), next_token: page.next_token })
});

handler!(
    Ec2,
    ModifySecurityGroupRules,
    |ec2, cx, input| Ok(ec2.change_permission::<ModifySecurityGroupRules>(cx, Some(&input.group_id), None)),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        if input.security_group_rules.is_empty() {
            return Err(faults::missing("securityGroupRules"));
        }
        ec2.store.write(|state| {
            let id = find(state, cx, Some(&input.group_id), None)?;
            let mut group = Group::clone(state.find::<Arc<Group>>(&cx.scope, &id)?);
            let mut seen = BTreeSet::new();
            for update in input.security_group_rules {
                let rule_id = update.security_group_rule_id;
                faults::check_id(&rule_id, "sgr", "InvalidSecurityGroupRuleId.Malformed")?;
                if !seen.insert(rule_id.clone()) {
                    return Err(faults::invalid_value("The same permission must not appear multiple times"));
                }
                let at = group.rules.iter().position(|rule| rule.id == rule_id).ok_or_else(|| faults::no_rule(&rule_id))?;
                let given = update.security_group_rule.unwrap_or_default();
                let sources = [&given.cidr_ipv4, &given.cidr_ipv6, &given.prefix_list_id, &given.referenced_group_id];
                if sources.iter().filter(|source| source.is_some()).count() > 1 {
                    // AWS: unverified wording.
                    let message = "Only one of CidrIpv4, CidrIpv6, PrefixListId, or ReferencedGroupId can be specified";
                    return Err(refuse("InvalidParameterCombination", message));
                }
                let mut read = read(state, cx, &group, vec![as_permission(given)])?;
                let Some((traffic, description)) = read.pop() else { continue };
                let Some(direction) = group.rules.get(at).map(|rule| rule.direction) else { continue };
                let same = |(index, rule): (usize, &Arc<Rule>)| index != at && rule.direction == direction && rule.traffic == traffic;
                if group.rules.iter().enumerate().any(same) {
                    return Err(duplicate(&traffic));
                }
                if let Some(rule) = group.rules.get_mut(at).map(Arc::make_mut) {
                    rule.traffic = traffic;
                    rule.description = description;
                }
            }
            check_weight(state, cx, &group, Direction::Ingress)?;
            check_weight(state, cx, &group, Direction::Egress)?;
            state.put_group(&cx.scope, &id, group);
            Ok(ModifySecurityGroupRulesResult { r#return: Some(true) })
        })
    }
);

fn as_permission(given: SecurityGroupRuleRequest) -> IpPermission {
    let text = given.description;
    let pair = |id| UserIdGroupPair { group_id: Some(id), description: text.clone(), ..Default::default() };
    IpPermission {
        ip_protocol: given.ip_protocol,
        from_port: given.from_port,
        to_port: given.to_port,
        ip_ranges: given.cidr_ipv4.map(|cidr| vec![IpRange { cidr_ip: Some(cidr), description: text.clone() }]),
        ipv6_ranges: given.cidr_ipv6.map(|cidr| vec![Ipv6Range { cidr_ipv6: Some(cidr), description: text.clone() }]),
        prefix_list_ids: given.prefix_list_id.map(|id| vec![PrefixListId { prefix_list_id: Some(id), description: text.clone() }]),
        user_id_group_pairs: given.referenced_group_id.map(|id| vec![pair(id)]),
    }
}

/// The operation of each direction, which differ in their types only.
macro_rules! describes_rules {
    ($operation:ident, $direction:expr, $result:ident) => {
        handler!(
            Ec2,
            $operation,
            |ec2, cx, input| Ok(ec2.change_permission::<$operation>(cx, input.group_id.as_deref(), input.group_name.as_deref())),
            |ec2, cx, input| {
                ec2.begin(cx, input.dry_run)?;
                let permissions = input.ip_permissions.unwrap_or_default();
                let change = Change { direction: $direction, group_id: input.group_id, group_name: input.group_name, permissions };
                let done = ec2.describe_rules(cx, change, input.security_group_rule_descriptions.unwrap_or_default())?;
                Ok($result { r#return: Some(done) })
            }
        );
    };
}

describes_rules!(UpdateSecurityGroupRuleDescriptionsIngress, Direction::Ingress, UpdateSecurityGroupRuleDescriptionsIngressResult);
describes_rules!(UpdateSecurityGroupRuleDescriptionsEgress, Direction::Egress, UpdateSecurityGroupRuleDescriptionsEgressResult);

handler!(
    Ec2,
    AuthorizeSecurityGroupIngress,
    |ec2, cx, input| Ok(ec2.tagging_permissions::<AuthorizeSecurityGroupIngress>(
        cx,
        ec2.change_permission::<AuthorizeSecurityGroupIngress>(cx, input.group_id.as_deref(), input.group_name.as_deref()),
        tags::requested(input.tag_specifications.as_ref())
    )),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let tags = tags::of_new(input.tag_specifications.as_ref(), "security-group-rule")?;
        let change = change!(Direction::Ingress, input.group_id, input.group_name, input);
        let rules = ec2.authorize(cx, change, &tags)?;
        Ok(AuthorizeSecurityGroupIngressResult { r#return: Some(true), security_group_rules: Some(rules) })
    }
);

handler!(
    Ec2,
    AuthorizeSecurityGroupEgress,
    |ec2, cx, input| Ok(ec2.tagging_permissions::<AuthorizeSecurityGroupEgress>(
        cx,
        ec2.change_permission::<AuthorizeSecurityGroupEgress>(cx, Some(&input.group_id), None),
        tags::requested(input.tag_specifications.as_ref())
    )),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let tags = tags::of_new(input.tag_specifications.as_ref(), "security-group-rule")?;
        let change = change!(Direction::Egress, Some(input.group_id), None, input);
        let rules = ec2.authorize(cx, change, &tags)?;
        Ok(AuthorizeSecurityGroupEgressResult { r#return: Some(true), security_group_rules: Some(rules) })
    }
);

handler!(
    Ec2,
    RevokeSecurityGroupIngress,
    |ec2, cx, input| Ok(ec2.change_permission::<RevokeSecurityGroupIngress>(cx, input.group_id.as_deref(), input.group_name.as_deref())),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let ids = input.security_group_rule_ids.unwrap_or_default();
        let change = change!(Direction::Ingress, input.group_id, input.group_name, input);
        let (revoked, unknown) = ec2.revoke(cx, change, ids)?;
        Ok(RevokeSecurityGroupIngressResult {
            r#return: Some(true),
            unknown_ip_permissions: Some(unknown),
            revoked_security_group_rules: Some(revoked),
        })
    }
);

handler!(
    Ec2,
    RevokeSecurityGroupEgress,
    |ec2, cx, input| Ok(ec2.change_permission::<RevokeSecurityGroupEgress>(cx, Some(&input.group_id), None)),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let ids = input.security_group_rule_ids.unwrap_or_default();
        let change = change!(Direction::Egress, Some(input.group_id), None, input);
        let (revoked, unknown) = ec2.revoke(cx, change, ids)?;
        Ok(RevokeSecurityGroupEgressResult {
            r#return: Some(true),
            unknown_ip_permissions: Some(unknown),
            revoked_security_group_rules: Some(revoked),
        })
    }
);
