//! Security groups: created, deleted, and their rules authorized and revoked. A call changes all that it names, or nothing.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html>

use crate::{
    Ec2, describing, faults, limits, permissions,
    rules::{self, Direction, Family, Peer, Rule, Traffic},
    state::{Group, State},
    tags::{self, Tags},
};
use cloudlet_api_ec2::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Operation, Permissions, handler};
use std::sync::Arc;

fn of_another_network() -> Fault {
    faults::refuse("InvalidGroup.NotFound", "You have specified two resources that belong to different networks.")
}

/// The id of a group that a request names by id, or by its name in the default VPC.
fn find(state: &State, cx: &Cx, id: Option<&str>, name: Option<&str>) -> Result<String, Fault> {
    match (id, name) {
        (Some(id), _) => {
            faults::check_group_id(id)?;
            state.group(&cx.scope, id).map(|_| id.to_owned()).ok_or_else(|| faults::no_group(id))
        }
        (None, Some(name)) => {
            let vpc = state.default_vpc(&cx.scope);
            let found = state.groups_of(&cx.scope).find(|(_, group)| group.name == name && Some(group.vpc.as_str()) == vpc);
            found.map(|(id, _)| id.to_owned()).ok_or_else(|| faults::no_name(name, vpc))
        }
        (None, None) => Err(faults::refuse("MissingParameter", "The request must contain the parameter groupName or groupId")),
    }
}

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
        let is_old = $input.ip_protocol.is_some() || $input.cidr_ip.is_some() || $input.source_security_group_name.is_some();
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
                let pair = $input.source_security_group_name.map(|name| UserIdGroupPair {
                    group_name: Some(name),
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
        self.on_group::<O>(cx, &found.unwrap_or_else(|_| id.unwrap_or("*").to_owned())).into()
    }

    /// To give tags to new rules, one must be allowed to tag them.
    fn tagging_permissions<O: Operation>(&self, cx: &Cx, mut all: Permissions, tags: Vec<(String, String)>) -> Permissions {
        if !tags.is_empty() {
            all.extend(permissions::create::<O>(cx, "security-group-rule", tags));
        }
        all
    }

    fn authorize(&self, cx: &Cx, change: Change, tags: Tags) -> Result<Vec<SecurityGroupRule>, Fault> {
        self.ensure_region(cx)?;
        if change.permissions.is_empty() {
            return Err(faults::refuse("MissingParameter", "The request must contain the parameter ipPermissions"));
        }
        self.store.write(|state| {
            let id = find(state, cx, change.group_id.as_deref(), change.group_name.as_deref())?;
            let mut group = Group::clone(state.group(&cx.scope, &id).ok_or_else(|| faults::no_group(&id))?);
            let mut added = Vec::new();
            for (traffic, description) in read(state, cx, &group, change.permissions)? {
                if group.rules.iter().any(|rule| rule.direction == change.direction && rule.traffic == traffic) {
                    let message = format!("the specified rule \"{}\" already exists", traffic.named());
                    return Err(faults::refuse("InvalidPermission.Duplicate", message));
                }
                let rule = Rule { id: rules::new_id(cx.ids()), direction: change.direction, traffic, description, tags: tags.clone() };
                added.push(describing::shown_rule(cx, &id, &rule));
                group.rules.push(rule);
            }
            for family in [Family::V4, Family::V6] {
                let counted = group.rules.iter().filter(|rule| rule.direction == change.direction && rule.counts_to(family));
                if counted.count() > limits::RULES {
                    let message = "The maximum number of rules per security group has been reached.";
                    return Err(faults::refuse("RulesPerSecurityGroupLimitExceeded", message));
                }
            }
            state.groups.insert((cx.scope.clone(), id), Arc::new(group));
            Ok(added)
        })
    }

    /// The rules that are gone, and the permissions that no rule had.
    fn revoke(&self, cx: &Cx, change: Change, rule_ids: Vec<String>) -> Result<(Vec<RevokedSecurityGroupRule>, Vec<IpPermission>), Fault> {
        self.ensure_region(cx)?;
        if change.permissions.is_empty() && rule_ids.is_empty() {
            return Err(faults::refuse("MissingParameter", "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided."));
        }
        self.store.write(|state| {
            let id = find(state, cx, change.group_id.as_deref(), change.group_name.as_deref())?;
            let mut group = Group::clone(state.group(&cx.scope, &id).ok_or_else(|| faults::no_group(&id))?);
            let (mut revoked, mut unknown) = (Vec::new(), Vec::<Traffic>::new());
            for rule_id in rule_ids {
                faults::check_id(&rule_id, "sgr", "InvalidSecurityGroupRuleId.Malformed")?;
                let at = group.rules.iter().position(|rule| rule.direction == change.direction && rule.id == rule_id);
                revoked.push(group.rules.remove(at.ok_or_else(|| faults::no_rule(&rule_id))?));
            }
            for (traffic, _) in read(state, cx, &group, change.permissions)? {
                let at = group.rules.iter().position(|rule| rule.direction == change.direction && rule.traffic == traffic);
                match at {
                    Some(at) => revoked.push(group.rules.remove(at)),
                    None => unknown.push(traffic),
                }
            }
            // AWS: an unknown permission is an error but in the default VPC.
            if !unknown.is_empty() && state.default_vpc(&cx.scope) != Some(group.vpc.as_str()) {
                return Err(faults::refuse("InvalidPermission.NotFound", "The specified rule does not exist in this security group."));
            }
            let answered = revoked.into_iter().map(|rule| revoked_rule(&id, rule)).collect();
            state.groups.insert((cx.scope.clone(), id), Arc::new(group));
            Ok((answered, rules::permissions(unknown.iter().map(|traffic| (traffic, None)))))
        })
    }
}

/// What permissions say. The groups that they refer to are of the group's own VPC: peered VPCs are not built.
fn read(state: &State, cx: &Cx, group: &Group, permissions: Vec<IpPermission>) -> Result<Vec<(Traffic, Option<String>)>, Fault> {
    rules::read(permissions, |pair| {
        let user = cx.scope.account.as_str();
        let is_foreign = pair.user_id.as_deref().is_some_and(|given| given != user);
        if is_foreign || pair.vpc_peering_connection_id.is_some() {
            return Err(faults::not_implemented("references to groups of peered VPCs"));
        }
        let id = match (&pair.group_id, &pair.group_name) {
            (None, Some(name)) => find(state, cx, None, Some(name))?,
            (id, _) => find(state, cx, id.as_deref(), None)?,
        };
        let referenced = state.group(&cx.scope, &id).ok_or_else(|| faults::no_group(&id))?;
        if referenced.vpc != group.vpc {
            return Err(of_another_network());
        }
        Ok(Peer::Group { id, user: user.to_owned() })
    })
}

fn revoked_rule(group: &str, rule: Rule) -> RevokedSecurityGroupRule {
    let traffic = rule.traffic;
    let mut shown = RevokedSecurityGroupRule {
        security_group_rule_id: Some(rule.id),
        group_id: Some(group.to_owned()),
        is_egress: Some(rule.direction == Direction::Egress),
        ip_protocol: Some(traffic.protocol),
        from_port: Some(traffic.from),
        to_port: Some(traffic.to),
        description: rule.description,
        ..Default::default()
    };
    match traffic.peer {
        Peer::Cidr(cidr) => shown.cidr_ipv4 = Some(cidr),
        Peer::Ipv6Cidr(cidr) => shown.cidr_ipv6 = Some(cidr),
        Peer::Group { id, .. } => shown.referenced_group_id = Some(id),
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
        all.extend(input.vpc_id.as_deref().map(|vpc| ec2.on_vpc::<CreateSecurityGroup>(cx, vpc)));
        Ok(all)
    },
    |ec2, cx, input| {
        faults::check_dry_run(input.dry_run)?;
        ec2.ensure_region(cx)?;
        let name = input.group_name.trim_end().to_owned();
        check_name(&name)?;
        if input.description.is_empty() {
            return Err(faults::refuse("MissingParameter", "The request must contain the parameter GroupDescription"));
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
                    faults::check_vpc_id(&vpc)?;
                    state.vpc(&cx.scope, &vpc).ok_or_else(|| faults::no_vpc(&vpc))?;
                    vpc
                }
                None => state.default_vpc(&cx.scope).ok_or_else(faults::no_default_vpc)?.to_owned(),
            };
            if state.groups_of(&cx.scope).any(|(_, group)| group.vpc == vpc && group.name == name) {
                let message = format!("The security group '{name}' already exists for VPC '{vpc}'");
                return Err(faults::refuse("InvalidGroup.Duplicate", message));
            }
            if state.groups_of(&cx.scope).count() >= limits::GROUPS {
                // AWS: unverified wording.
                return Err(faults::refuse("SecurityGroupLimitExceeded", "The maximum number of security groups has been reached."));
            }
            let id = format!("sg-{}", cx.ids().hex(17));
            let answered = tags::answered(&tags);
            let rules = vec![Rule::to_everywhere(cx.ids())];
            let group = Group { name, description: input.description, vpc, tags, rules };
            state.groups.insert((cx.scope.clone(), id.clone()), Arc::new(group));
            let security_group_arn = Some(permissions::arn(cx, "security-group", &id).as_str().to_owned());
            Ok(CreateSecurityGroupResult { group_id: Some(id), tags: answered, security_group_arn })
        })
    }
);

handler!(
    Ec2,
    DeleteSecurityGroup,
    |ec2, cx, input| Ok(ec2.change_permission::<DeleteSecurityGroup>(cx, input.group_id.as_deref(), input.group_name.as_deref())),
    |ec2, cx, input| {
        faults::check_dry_run(input.dry_run)?;
        ec2.ensure_region(cx)?;
        ec2.store.write(|state| {
            let id = find(state, cx, input.group_id.as_deref(), input.group_name.as_deref())?;
            let group = state.group(&cx.scope, &id).ok_or_else(|| faults::no_group(&id))?;
            if group.is_default() {
                let message = format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user");
                return Err(faults::refuse("CannotDelete", message));
            }
            let refers = |rule: &Rule| matches!(&rule.traffic.peer, Peer::Group { id: referenced, .. } if *referenced == id);
            if state.groups_of(&cx.scope).any(|(other, group)| other != id && group.rules.iter().any(refers)) {
                return Err(faults::refuse("DependencyViolation", format!("resource {id} has a dependent object")));
            }
            state.groups.remove(&(cx.scope.clone(), id.clone()));
            Ok(DeleteSecurityGroupResult { r#return: Some(true), group_id: Some(id) })
        })
    }
);

handler!(
    Ec2,
    AuthorizeSecurityGroupIngress,
    |ec2, cx, input| Ok(ec2.tagging_permissions::<AuthorizeSecurityGroupIngress>(
        cx,
        ec2.change_permission::<AuthorizeSecurityGroupIngress>(cx, input.group_id.as_deref(), input.group_name.as_deref()),
        tags::requested(input.tag_specifications.as_ref())
    )),
    |ec2, cx, input| {
        faults::check_dry_run(input.dry_run)?;
        let tags = tags::of_new(input.tag_specifications.as_ref(), "security-group-rule")?;
        let change = change!(Direction::Ingress, input.group_id, input.group_name, input);
        let rules = ec2.authorize(cx, change, tags)?;
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
        faults::check_dry_run(input.dry_run)?;
        let tags = tags::of_new(input.tag_specifications.as_ref(), "security-group-rule")?;
        let change = change!(Direction::Egress, Some(input.group_id), None, input);
        let rules = ec2.authorize(cx, change, tags)?;
        Ok(AuthorizeSecurityGroupEgressResult { r#return: Some(true), security_group_rules: Some(rules) })
    }
);

handler!(
    Ec2,
    RevokeSecurityGroupIngress,
    |ec2, cx, input| Ok(ec2.change_permission::<RevokeSecurityGroupIngress>(cx, input.group_id.as_deref(), input.group_name.as_deref())),
    |ec2, cx, input| {
        faults::check_dry_run(input.dry_run)?;
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
        faults::check_dry_run(input.dry_run)?;
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
