//! The policies of users, groups and roles: inline ones, and managed ones that are attached. The three differ in names only.

use crate::{
    documents::identity_policy,
    faults::{gone, limit, no_policy, quota, the},
    limits,
    operation::operation,
    paging::page,
    policies::{Found, find, parse_arn},
    shown::encoded,
};
use cloudlet_api_iam::*;
use cloudlet_aws::{Account, Arn, Fault};
use cloudlet_identity::{State, catalogue, state::Holdings};
use cloudlet_shape::Empty;

/// The quota of one kind of holder.
struct Holder {
    kind: &'static str,
    inline: usize,
    attached: &'static str,
}

const USER: Holder = Holder { kind: "user", inline: limits::USER_INLINE, attached: "PoliciesPerUser" };
const GROUP: Holder = Holder { kind: "group", inline: limits::GROUP_INLINE, attached: "PoliciesPerGroup" };
const ROLE: Holder = Holder { kind: "role", inline: limits::ROLE_INLINE, attached: "PoliciesPerRole" };

fn put(holds: &mut Holdings, holder: &Holder, owner: &str, name: &str, text: &str) -> Result<Empty, Fault> {
    let policy = identity_policy(text)?;
    let others: usize = holds.inline.iter().filter(|(known, _)| *known != name).map(|(_, policy)| policy.size()).sum();
    if others + policy.size() > holder.inline {
        return Err(limit(format!("Maximum policy size of {} bytes exceeded for {} {owner}", holder.inline, holder.kind)));
    }
    holds.inline.insert(name.to_owned(), policy);
    Ok(Empty {})
}

fn no_inline(kind: &str, name: &str) -> Fault {
    gone(format!("The {kind} policy with name {name} cannot be found."))
}

fn text(holds: &Holdings, kind: &str, name: &str) -> Result<String, Fault> {
    holds.inline.get(name).map(|policy| encoded(&policy.text)).ok_or_else(|| no_inline(kind, name))
}

fn attachable(state: &State, account: Account, arn: &str) -> Result<Arn, Fault> {
    let nowhere = || gone(format!("Policy {arn} does not exist or is not attachable."));
    find(state, account, arn)?.ok_or_else(nowhere)?;
    Arn::parse(arn).ok_or_else(nowhere)
}

fn attach(holds: &mut Holdings, holder: &Holder, arn: Arn) -> Result<Empty, Fault> {
    if holds.attached.contains(&arn) {
        return Ok(Empty {});
    }
    if holds.attached.len() >= limits::ATTACHED {
        return Err(quota(holder.attached, limits::ATTACHED));
    }
    holds.attached.push(arn);
    Ok(Empty {})
}

fn detach(holds: &mut Holdings, arn: &str) -> Result<Empty, Fault> {
    parse_arn(arn)?;
    let before = holds.attached.len();
    holds.attached.retain(|known| known.as_str() != arn);
    if holds.attached.len() == before { Err(no_policy(arn)()) } else { Ok(Empty {}) }
}

pub(crate) fn shown_attached(state: &State, arn: &Arn) -> AttachedPolicy {
    let name = match catalogue::by_arn(arn.as_str()) {
        Some(policy) => Some(policy.name.clone()),
        None => state.policy_by_arn(arn.as_str()).map(|(_, policy)| policy.name.clone()),
    };
    AttachedPolicy { policy_name: name, policy_arn: Some(arn.to_string()) }
}

/// Those whose path begins with the prefix.
fn attached(state: &State, account: Account, holds: &Holdings, prefix: Option<&str>) -> Vec<AttachedPolicy> {
    let in_path = |arn: &&Arn| {
        let Some(prefix) = prefix else { return true };
        match find(state, account, arn.as_str()) {
            Ok(Some(Found::Aws(policy))) => policy.path.starts_with(prefix),
            Ok(Some(Found::Own(policy))) => policy.path.starts_with(prefix),
            _ => false,
        }
    };
    holds.attached.iter().filter(in_path).map(|arn| shown_attached(state, arn)).collect()
}

macro_rules! holdings {
    (
        $holder:ident, $kind:literal, $row:ident, $row_mut:ident, $want:ident, $name:ident:
        $put:ident $get:ident -> $got:ident, $delete:ident, $list:ident -> $listed:ident,
        $attach:ident $detach:ident $list_attached:ident -> $listed_attached:ident
    ) => {
        operation!($put, |iam, cx, input| iam.$want(cx, &input.$name), |iam, cx, input| iam.identity.write(|state| {
            let row = iam.$row_mut(state, cx.scope.account, &input.$name)?;
            put(&mut row.holds, &$holder, &input.$name, &input.policy_name, &input.policy_document)
        }));
        operation!($get, |iam, cx, input| iam.$want(cx, &input.$name), |iam, cx, input| iam.identity.read(|state| {
            let row = state.$row(cx.scope.account, &input.$name).ok_or_else(the($kind, &input.$name))?;
            let policy_document = text(&row.holds, $kind, &input.policy_name)?;
            Ok($got { $name: input.$name.clone(), policy_name: input.policy_name.clone(), policy_document })
        }));
        operation!($delete, |iam, cx, input| iam.$want(cx, &input.$name), |iam, cx, input| iam.identity.write(|state| {
            let row = iam.$row_mut(state, cx.scope.account, &input.$name)?;
            match row.holds.inline.remove(&input.policy_name) {
                Some(_) => Ok(Empty {}),
                None => Err(no_inline($kind, &input.policy_name)),
            }
        }));
        operation!($list, |iam, cx, input| iam.$want(cx, &input.$name), |iam, cx, input| iam.identity.read(|state| {
            let row = state.$row(cx.scope.account, &input.$name).ok_or_else(the($kind, &input.$name))?;
            let page = page(row.holds.inline.keys().cloned(), input.marker.as_deref(), input.max_items)?;
            Ok($listed { policy_names: page.items, is_truncated: page.is_truncated, marker: page.marker })
        }));
        operation!($attach, |iam, cx, input| iam.$want(cx, &input.$name).with("iam:PolicyARN", &input.policy_arn), |iam, cx, input| iam
            .identity
            .write(|state| {
                let account = cx.scope.account;
                iam.$row_mut(state, account, &input.$name)?;
                let arn = attachable(state, account, &input.policy_arn)?;
                attach(&mut iam.$row_mut(state, account, &input.$name)?.holds, &$holder, arn)
            }));
        operation!($detach, |iam, cx, input| iam.$want(cx, &input.$name).with("iam:PolicyARN", &input.policy_arn), |iam, cx, input| iam
            .identity
            .write(|state| {
                let row = iam.$row_mut(state, cx.scope.account, &input.$name)?;
                detach(&mut row.holds, &input.policy_arn)
            }));
        operation!($list_attached, |iam, cx, input| iam.$want(cx, &input.$name), |iam, cx, input| iam.identity.read(|state| {
            let account = cx.scope.account;
            let row = state.$row(account, &input.$name).ok_or_else(the($kind, &input.$name))?;
            let attached = attached(state, account, &row.holds, input.path_prefix.as_deref());
            let page = page(attached.into_iter(), input.marker.as_deref(), input.max_items)?;
            Ok($listed_attached { attached_policies: Some(page.items), is_truncated: page.is_truncated, marker: page.marker })
        }));
    };
}

holdings!(USER, "user", user, user_mut, want_user, user_name:
    PutUserPolicy GetUserPolicy -> GetUserPolicyResponse, DeleteUserPolicy, ListUserPolicies -> ListUserPoliciesResponse,
    AttachUserPolicy DetachUserPolicy ListAttachedUserPolicies -> ListAttachedUserPoliciesResponse);
holdings!(GROUP, "group", group, group_mut, want_group, group_name:
    PutGroupPolicy GetGroupPolicy -> GetGroupPolicyResponse, DeleteGroupPolicy, ListGroupPolicies -> ListGroupPoliciesResponse,
    AttachGroupPolicy DetachGroupPolicy ListAttachedGroupPolicies -> ListAttachedGroupPoliciesResponse);
holdings!(ROLE, "role", role, role_mut, want_role, role_name:
    PutRolePolicy GetRolePolicy -> GetRolePolicyResponse, DeleteRolePolicy, ListRolePolicies -> ListRolePoliciesResponse,
    AttachRolePolicy DetachRolePolicy ListAttachedRolePolicies -> ListAttachedRolePoliciesResponse);
