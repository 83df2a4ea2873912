//! Organizations: organizational units, accounts, service control and resource control policies. The state is in `cloudlet-identity`.
//! A server has one organization. Deliberately no invitations, no delegated administrators, no other policy types.

mod accounts;
mod policies;
#[cfg(test)]
mod tests;
mod units;

use cloudlet_api_organizations::{
    faults::{ACCESS_DENIED, AWS_ORGANIZATIONS_NOT_IN_USE, CONSTRAINT_VIOLATION},
    *,
};
use cloudlet_aws::{Account as AccountId, Fault};
use cloudlet_engine::{
    Cx, Service,
    paging::{InvalidToken, Paging},
};
use cloudlet_identity::{Identity, State, organization};
use cloudlet_shape::Operation;
use std::sync::Arc;

pub struct Organizations {
    identity: Identity,
}

/// The service, with its handlers.
pub fn service(identity: Identity) -> Service {
    let service = Service::of(&SERVICE, Arc::new(Organizations { identity }));
    let service = service.handles::<CreateOrganization>().handles::<DescribeOrganization>().handles::<DeleteOrganization>().handles::<ListRoots>();
    let service = service.handles::<CreateOrganizationalUnit>().handles::<DescribeOrganizationalUnit>().handles::<UpdateOrganizationalUnit>();
    let service = service.handles::<DeleteOrganizationalUnit>().handles::<ListOrganizationalUnitsForParent>();
    let service = service.handles::<CreateAccount>().handles::<DescribeCreateAccountStatus>().handles::<DescribeAccount>().handles::<ListAccounts>();
    let service = service.handles::<ListAccountsForParent>().handles::<MoveAccount>().handles::<RemoveAccountFromOrganization>();
    let service = service.handles::<ListParents>().handles::<ListChildren>();
    let service = service.handles::<CreatePolicy>().handles::<DescribePolicy>().handles::<UpdatePolicy>().handles::<DeletePolicy>();
    let service = service.handles::<AttachPolicy>().handles::<DetachPolicy>().handles::<ListPolicies>().handles::<ListPoliciesForTarget>();
    let service = service.handles::<ListTargetsForPolicy>().handles::<EnablePolicyType>().handles::<DisablePolicyType>();
    service.build()
}

/// A handler: `operation!(ListRoots, |organizations, cx, input| resource ARNs, |organizations, cx, input| result)`.
macro_rules! operation {
    ($operation:ident, |$o:ident, $c:ident, $n:ident| $arns:expr, |$organizations:ident, $cx:ident, $input:ident| $result:expr $(,)?) => {
        cloudlet_engine::handler!(
            crate::Organizations,
            $operation,
            |$o, $c, $n| {
                let arns: Vec<cloudlet_aws::Arn> = $arns;
                // Only the management account may use the operations, and the resources are its own.
                let permission = |arn| cloudlet_engine::Permission { owner: None, ..cloudlet_engine::Permission::of::<$operation>(arn) };
                Ok(arns.into_iter().map(permission).collect())
            },
            |$organizations, $cx, $input| $result
        );
    };
}
pub(crate) use operation;

fn not_in_use() -> Fault {
    AWS_ORGANIZATIONS_NOT_IN_USE.says("Your account is not a member of an organization.")
}

/// The organization, if the caller is its management account.
fn read_organization<'s>(state: &'s State, cx: &Cx) -> Result<&'s organization::Organization, Fault> {
    let organization =
        state.organization.get(&()).filter(|organization| organization.accounts.contains_key(&cx.scope.account)).ok_or_else(not_in_use)?;
    if organization.management == cx.scope.account {
        Ok(organization)
    } else {
        Err(ACCESS_DENIED.says("You don't have permissions to access this resource."))
    }
}

fn write_organization<'s>(state: &'s mut State, cx: &Cx) -> Result<&'s mut organization::Organization, Fault> {
    read_organization(state, cx)?;
    state.organization.get_mut(&()).ok_or_else(not_in_use)
}

fn constraint(reason: &'static str, text: &str) -> Fault {
    CONSTRAINT_VIOLATION.says(text).with("Reason", reason)
}

/// One page of the list that an operation answers to a request. The rows are in the order of their ids.
fn page<O: Operation, T>(cx: &Cx, request: &O::Input, rows: impl Iterator<Item = (String, T)>) -> Result<(Vec<T>, Option<String>), Fault> {
    let list = Paging::of::<O>(cx, request);
    let page = list.page_of(list.length(20, 20), rows).map_err(|InvalidToken| {
        cloudlet_api_organizations::faults::INVALID_INPUT.says("The provided token is invalid.").with("Reason", "INVALID_NEXT_TOKEN")
    })?;
    Ok((page.items, page.next_token))
}

impl Organizations {
    /// The ARNs of roots, units, accounts and policies, by id.
    fn arns(&self, ids: &[&str]) -> Vec<cloudlet_aws::Arn> {
        let partition = self.identity.partition();
        self.identity.read(|state| {
            let Some(organization) = state.organization.get(&()) else { return vec![cloudlet_aws::Arn::any()] };
            let arn = |id: &&str| match id.split('-').next() {
                Some("p") => cloudlet_aws::Arn::parse(&organization.policy_arn(partition, id)).unwrap_or_else(cloudlet_aws::Arn::any),
                _ => cloudlet_aws::Arn::parse(&target_arn(organization, partition, id)).unwrap_or_else(cloudlet_aws::Arn::any),
            };
            ids.iter().map(arn).collect()
        })
    }
}

/// `root/o-x/r-y`, `ou/o-x/ou-z`, `account/o-x/123456789012`.
fn target_arn(organization: &organization::Organization, partition: &str, id: &str) -> String {
    let kind = match id.split('-').next() {
        Some("r") => "root",
        Some("ou") => "ou",
        _ => "account",
    };
    organization.arn(partition, &format!("{kind}/{}/{id}", organization.id)).to_string()
}

fn is_parent(organization: &organization::Organization, id: &str) -> bool {
    organization.root == id || organization.units.contains_key(id)
}

fn account_of(text: &str) -> Result<AccountId, Fault> {
    AccountId::parse(text).ok_or_else(no_account)
}

fn no_account() -> Fault {
    cloudlet_api_organizations::faults::ACCOUNT_NOT_FOUND.says("You specified an account that doesn't exist.")
}
