//! The inline and attached policies of users, groups and roles. The operations for the three kinds differ in names only.

use crate::{
    documents::parse_identity_policy,
    faults::{limit_exceeded, no_policy, no_such, no_such_entity, quota},
    limits,
    operation::operation,
    output::encoded,
    paging::page,
    policies::{PolicyRef, find, parse_arn},
};
use cloudlet_api_iam::{faults::POLICY_NOT_ATTACHABLE, *};
use cloudlet_aws::{Account, Arn, Fault};
use cloudlet_identity::{State, catalogue, policy_size, state::IdentityPolicies};
use cloudlet_shape::Empty;
use std::collections::BTreeMap;

/// The quotas of users, groups or roles.
struct OwnerKind {
    name: &'static str,
    title: &'static str,
    inline: usize,
    attached: &'static str,
}

const USER: OwnerKind = OwnerKind { name: "user", title: "User", inline: limits::USER_INLINE, attached: "PoliciesPerUser" };
const GROUP: OwnerKind = OwnerKind { name: "group", title: "Group", inline: limits::GROUP_INLINE, attached: "PoliciesPerGroup" };
const ROLE: OwnerKind = OwnerKind { name: "role", title: "Role", inline: limits::ROLE_INLINE, attached: "PoliciesPerRole" };

fn put(policies: &mut IdentityPolicies, kind: &OwnerKind, owner: &str, name: &str, text: &str) -> Result<Empty, Fault> {
    let policy = parse_identity_policy(text)?;
    let others: usize = policies.inline.iter().filter(|(known, _)| *known != name).map(|(_, policy)| policy_size(&policy.text)).sum();
    if others + policy_size(&policy.text) > kind.inline {
        return Err(limit_exceeded(format!("Maximum policy size of {} bytes exceeded for {} {owner}", kind.inline, kind.name)));
    }
    policies.inline.insert(name.to_owned(), policy);
    Ok(Empty {})
}

fn no_inline(kind: &str, name: &str) -> Fault {
    no_such(format!("The {kind} policy with name {name} cannot be found."))
}

fn text(policies: &IdentityPolicies, kind: &str, name: &str) -> Result<String, Fault> {
    policies.inline.get(name).map(|policy| encoded(&policy.text)).ok_or_else(|| no_inline(kind, name))
}

fn attachable(state: &State, account: Account, kind: &OwnerKind, arn: &str) -> Result<Arn, Fault> {
    let not_attachable = || no_such(format!("Policy {arn} does not exist or is not attachable."));
    if catalogue::by_arn(arn).is_some_and(|policy| policy.path == "/aws-service-role/") {
        // AWS: unverified for users and groups.
        return Err(POLICY_NOT_ATTACHABLE.says(format!("Cannot attach a Service Role Policy to a Customer {}.", kind.title)));
    }
    find(state, account, arn)?.ok_or_else(not_attachable)?;
    Arn::parse(arn).ok_or_else(not_attachable)
}

fn attach(policies: &mut IdentityPolicies, kind: &OwnerKind, arn: Arn) -> Result<Empty, Fault> {
    if policies.attached.contains(&arn) {
        return Ok(Empty {});
    }
    if policies.attached.len() >= limits::ATTACHED {
        return Err(quota(kind.attached, limits::ATTACHED));
    }
    policies.attached.push(arn);
    Ok(Empty {})
}

fn detach(policies: &mut IdentityPolicies, arn: &str) -> Result<Empty, Fault> {
    parse_arn(arn)?;
    let before = policies.attached.len();
    policies.attached.retain(|known| known.as_str() != arn);
    if policies.attached.len() == before { Err(no_policy(arn)()) } else { Ok(Empty {}) }
}

pub(crate) fn shown_attached(state: &State, arn: &Arn) -> AttachedPolicy {
    let name = match catalogue::by_arn(arn.as_str()) {
        Some(policy) => Some(policy.name.clone()),
        None => state.policy_by_arn(arn.as_str()).map(|(_, policy)| policy.name.clone()),
    };
    AttachedPolicy { policy_name: name, policy_arn: Some(arn.to_string()) }
}

/// The attached policies whose path begins with the prefix.
fn attached(state: &State, account: Account, policies: &IdentityPolicies, prefix: Option<&str>) -> BTreeMap<String, AttachedPolicy> {
    let in_path = |arn: &&Arn| {
        let Some(prefix) = prefix else { return true };
        match find(state, account, arn.as_str()) {
            Ok(Some(PolicyRef::Aws(policy))) => policy.path.starts_with(prefix),
            Ok(Some(PolicyRef::Customer(policy))) => policy.path.starts_with(prefix),
            _ => false,
        }
    };
    policies.attached.iter().filter(in_path).map(|arn| (arn.to_string(), shown_attached(state, arn))).collect()
}

macro_rules! policy_operations {
    (
        $owner:ident, $kind:literal, $row:ident, $row_mut:ident, $permission:ident, $name:ident:
        $put:ident $get:ident -> $got:ident, $delete:ident, $list:ident -> $listed:ident,
        $attach:ident $detach:ident $list_attached:ident -> $listed_attached:ident
    ) => {
        operation!($put, |iam, cx, input| iam.$permission(cx, &input.$name), |iam, cx, input| iam.identity.write(|state| {
            let row = iam.$row_mut(state, cx.scope.account, &input.$name)?;
            put(&mut row.policies, &$owner, &input.$name, &input.policy_name, &input.policy_document)
        }));
        operation!($get, |iam, cx, input| iam.$permission(cx, &input.$name), |iam, cx, input| iam.identity.read(|state| {
            let row = state.$row(cx.scope.account, &input.$name).ok_or_else(no_such_entity($kind, &input.$name))?;
            let policy_document = text(&row.policies, $kind, &input.policy_name)?;
            Ok($got { $name: input.$name.clone(), policy_name: input.policy_name.clone(), policy_document })
        }));
        operation!($delete, |iam, cx, input| iam.$permission(cx, &input.$name), |iam, cx, input| iam.identity.write(|state| {
            let row = iam.$row_mut(state, cx.scope.account, &input.$name)?;
            match row.policies.inline.remove(&input.policy_name) {
                Some(_) => Ok(Empty {}),
                None => Err(no_inline($kind, &input.policy_name)),
            }
        }));
        operation!($list, |iam, cx, input| iam.$permission(cx, &input.$name), |iam, cx, input| iam.identity.read(|state| {
            let row = state.$row(cx.scope.account, &input.$name).ok_or_else(no_such_entity($kind, &input.$name))?;
            let page = page::<$list, _, _>(cx, &input, row.policies.inline.keys().map(|name| (name.clone(), name.clone())))?;
            Ok($listed { policy_names: page.items, is_truncated: page.is_truncated, marker: page.marker })
        }));
        operation!($attach, |iam, cx, input| iam.$permission(cx, &input.$name).with_key("iam:PolicyARN", &input.policy_arn), |iam, cx, input| iam
            .identity
            .write(|state| {
                let account = cx.scope.account;
                iam.$row_mut(state, account, &input.$name)?;
                let arn = attachable(state, account, &$owner, &input.policy_arn)?;
                attach(&mut iam.$row_mut(state, account, &input.$name)?.policies, &$owner, arn)
            }));
        operation!($detach, |iam, cx, input| iam.$permission(cx, &input.$name).with_key("iam:PolicyARN", &input.policy_arn), |iam, cx, input| iam
            .identity
            .write(|state| {
                let row = iam.$row_mut(state, cx.scope.account, &input.$name)?;
                detach(&mut row.policies, &input.policy_arn)
            }));
        operation!($list_attached, |iam, cx, input| iam.$permission(cx, &input.$name), |iam, cx, input| iam.identity.read(|state| {
            let account = cx.scope.account;
            let row = state.$row(account, &input.$name).ok_or_else(no_such_entity($kind, &input.$name))?;
            let attached = attached(state, account, &row.policies, input.path_prefix.as_deref());
            let page = page::<$list_attached, _, _>(cx, &input, attached)?;
            Ok($listed_attached { attached_policies: Some(page.items), is_truncated: page.is_truncated, marker: page.marker })
        }));
    };
}

policy_operations!(USER, "user", user, user_mut, on_user, user_name:
    PutUserPolicy GetUserPolicy -> GetUserPolicyResponse, DeleteUserPolicy, ListUserPolicies -> ListUserPoliciesResponse,
    AttachUserPolicy DetachUserPolicy ListAttachedUserPolicies -> ListAttachedUserPoliciesResponse);
policy_operations!(GROUP, "group", group, group_mut, on_group, group_name:
    PutGroupPolicy GetGroupPolicy -> GetGroupPolicyResponse, DeleteGroupPolicy, ListGroupPolicies -> ListGroupPoliciesResponse,
    AttachGroupPolicy DetachGroupPolicy ListAttachedGroupPolicies -> ListAttachedGroupPoliciesResponse);
policy_operations!(ROLE, "role", role, role_mut, on_role, role_name:
    PutRolePolicy GetRolePolicy -> GetRolePolicyResponse, DeleteRolePolicy, ListRolePolicies -> ListRolePoliciesResponse,
    AttachRolePolicy DetachRolePolicy ListAttachedRolePolicies -> ListAttachedRolePoliciesResponse);
