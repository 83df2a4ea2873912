//! S3 Access Grants: the instance of an account and region, which its locations and grants are in.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-grants.html>

mod data_access;
pub mod fuzzing;
mod grants;
mod locations;
mod policies;
mod scope;

use crate::{
    S3Control, account_permission, api, check_account,
    state::{GrantsInstance, Key},
};
use cloudlet_aws::{Account, Arn, Fault, FaultKind, Scope};
use cloudlet_engine::{Cx, Handle, Permission, Permissions, paging::Paging};
use cloudlet_shape::{Empty, Operation};
use std::sync::Arc;

/// AWS: there is one instance, and this is its id.
const ID: &str = "default";

/// Quotas: locations of an instance, grants of an instance.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-grants-limitations.html>
const MOST_LOCATIONS: usize = 1_000;
const MOST_GRANTS: usize = 100_000;
/// One page of a list.
const MOST_LISTED: usize = 1_000;

const ALREADY_EXISTS: FaultKind = FaultKind::sender("AccessGrantsInstanceAlreadyExists", 409);

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#S3AccessGrantsErrorCodeList>
fn no_instance() -> Fault {
    FaultKind::sender("AccessGrantsInstanceNotExistsError", 404).says("Access Grants Instance does not exist")
}

fn invalid_token() -> Fault {
    // AWS: unverified.
    FaultKind::sender("InvalidRequest", 400).says("The continuation token provided is incorrect")
}

/// The account and region that a request is about: an instance may be shared with other accounts.
fn scope_of(cx: &Cx, account: &str) -> Result<Scope, Fault> {
    let account = Account::parse(account).ok_or_else(|| FaultKind::sender("AccessDenied", 403).says("Access Denied"))?;
    Ok(Scope::new(account, cx.scope.region.clone()))
}

fn instance_arn(scope: &Scope) -> Arn {
    Arn::new("s3", scope, &format!("access-grants/{ID}"))
}

fn arn_in(scope: &Scope, kind: &str, id: &str) -> Arn {
    Arn::new("s3", scope, &format!("access-grants/{ID}/{kind}/{id}"))
}

fn instance_key(scope: &Scope) -> Key {
    Key::new(scope, ID)
}

impl S3Control {
    fn grants_instance(&self, scope: &Scope) -> Result<Arc<GrantsInstance>, Fault> {
        self.store.read(|state| state.grants_instances.get(&instance_key(scope)).cloned()).ok_or_else(no_instance)
    }

    /// A permission on the instance of the caller's account.
    fn on_own_instance<O: Operation>(cx: &Cx, account: &str) -> Result<Permission, Fault> {
        check_account(cx, account)?;
        Ok(Permission::of::<O>(instance_arn(&cx.scope)).owned_by(cx.scope.account))
    }

    /// A permission on the instance of any account, whose policy may allow it.
    fn on_instance(&self, scope: &Scope, permission: Permission) -> Permission {
        let policy = self.grants_instance(scope).ok().and_then(|instance| instance.policy.clone());
        permission.owned_by(scope.account).with_policy(policy.map(|row| row.policy.named(instance_arn(scope).as_str())))
    }

    /// What the caller of another account does not own it may only read.
    fn on_shared_instance<O: Operation>(&self, cx: &Cx, account: &str) -> Result<Permission, Fault> {
        let scope = scope_of(cx, account)?;
        Ok(self.on_instance(&scope, Permission::of::<O>(instance_arn(&scope))))
    }

    fn change_instance<R>(&self, scope: &Scope, change: impl FnOnce(&mut GrantsInstance) -> R) -> Result<R, Fault> {
        self.store.write(|state| {
            let key = instance_key(scope);
            let mut row = GrantsInstance::clone(state.grants_instances.get(&key).ok_or_else(no_instance)?);
            let outcome = change(&mut row);
            state.grants_instances.insert(key, Arc::new(row));
            Ok(outcome)
        })
    }
}

/// Tags of a request as they are stored.
fn tags_of(tags: Option<Vec<api::Tag>>) -> Result<Vec<(String, String)>, Fault> {
    let mut tags: Vec<(String, String)> = tags.into_iter().flatten().map(|tag| (tag.key, tag.value)).collect();
    crate::tagging::check(&tags)?;
    tags.sort();
    Ok(tags)
}

/// The permission of a creation, and that to tag.
fn creation(permission: Permission, tags: Option<&Vec<api::Tag>>) -> Permissions {
    let pairs = tags.into_iter().flatten().map(|tag| (&tag.key, tag.value.clone()));
    let tagged = tags.is_some_and(|tags| !tags.is_empty());
    permission.with_request_tags(pairs).and([tagged.then_some("s3:TagResource")])
}

impl Handle<api::CreateAccessGrantsInstance> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::CreateAccessGrantsInstanceRequest) -> Result<Permissions, Fault> {
        let permission = S3Control::on_own_instance::<api::CreateAccessGrantsInstance>(cx, &input.account_id)?;
        Ok(creation(permission, input.tags.as_ref()))
    }

    async fn handle(&self, cx: &Cx, input: api::CreateAccessGrantsInstanceRequest) -> Result<api::CreateAccessGrantsInstanceResult, Fault> {
        if input.identity_center_arn.is_some() {
            // There is no IAM Identity Center here, so there is none of this ARN.
            return Err(FaultKind::sender("InvalidIdentityCenterInstance", 400).says("The specified identity center instance is invalid"));
        }
        let row = GrantsInstance { created: cx.now, tags: tags_of(input.tags)?, policy: None };
        self.store.write(|state| {
            let key = instance_key(&cx.scope);
            if state.grants_instances.get(&key).is_some() {
                return Err(ALREADY_EXISTS.says("Access Grants Instance already exists"));
            }
            state.grants_instances.insert(key, Arc::new(row));
            Ok(())
        })?;
        Ok(api::CreateAccessGrantsInstanceResult {
            created_at: Some(cx.now),
            access_grants_instance_id: Some(ID.to_owned()),
            access_grants_instance_arn: Some(instance_arn(&cx.scope).to_string()),
            ..Default::default()
        })
    }
}

impl Handle<api::GetAccessGrantsInstance> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::GetAccessGrantsInstanceRequest) -> Result<Permissions, Fault> {
        Ok(S3Control::on_own_instance::<api::GetAccessGrantsInstance>(cx, &input.account_id)?.into())
    }

    async fn handle(&self, cx: &Cx, _: api::GetAccessGrantsInstanceRequest) -> Result<api::GetAccessGrantsInstanceResult, Fault> {
        let row = self.grants_instance(&cx.scope)?;
        Ok(api::GetAccessGrantsInstanceResult {
            access_grants_instance_arn: Some(instance_arn(&cx.scope).to_string()),
            access_grants_instance_id: Some(ID.to_owned()),
            created_at: Some(row.created),
            ..Default::default()
        })
    }
}

impl Handle<api::DeleteAccessGrantsInstance> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::DeleteAccessGrantsInstanceRequest) -> Result<Permissions, Fault> {
        Ok(S3Control::on_own_instance::<api::DeleteAccessGrantsInstance>(cx, &input.account_id)?.into())
    }

    async fn handle(&self, cx: &Cx, _: api::DeleteAccessGrantsInstanceRequest) -> Result<Empty, Fault> {
        self.store.write(|state| {
            if state.grants_instances.remove(&instance_key(&cx.scope)).is_none() {
                return Err(no_instance());
            }
            if Key::all_of(&state.locations, &cx.scope).next().is_some() {
                return Err(FaultKind::sender("AccessGrantsInstanceNotEmptyError", 400)
                    .says("Please clean up locations before deleting the access grants instance"));
            }
            Ok(Empty {})
        })
    }
}

impl Handle<api::ListAccessGrantsInstances> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::ListAccessGrantsInstancesRequest) -> Result<Permissions, Fault> {
        account_permission(cx, &input.account_id, "s3:ListAccessGrantsInstances")
    }

    async fn handle(&self, cx: &Cx, input: api::ListAccessGrantsInstancesRequest) -> Result<api::ListAccessGrantsInstancesResult, Fault> {
        // One instance is never more than a page: no token is ours.
        Paging::of::<api::ListAccessGrantsInstances>(cx, &input).after::<()>().map_err(|_| invalid_token())?;
        let listed = self.grants_instance(&cx.scope).ok().map(|row| api::ListAccessGrantsInstanceEntry {
            access_grants_instance_id: Some(ID.to_owned()),
            access_grants_instance_arn: Some(instance_arn(&cx.scope).to_string()),
            created_at: Some(row.created),
            ..Default::default()
        });
        Ok(api::ListAccessGrantsInstancesResult { next_token: None, access_grants_instances_list: Some(listed.into_iter().collect()) })
    }
}
