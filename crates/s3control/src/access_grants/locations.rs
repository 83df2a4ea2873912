//! Locations: a part of S3, and the role that gives access to it.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-grants-location.html>

use super::{MOST_LISTED, MOST_LOCATIONS, arn_in, creation, invalid_token, no_instance, scope::Scope as Part, scope_of, tags_of};
use crate::{
    S3Control, api, check_account,
    state::{GrantsLocation, Key},
};
use cloudlet_api_s3 as s3;
use cloudlet_aws::{Arn, Caller, Fault, FaultKind, Scope};
use cloudlet_engine::{Cx, Handle, Permission, Permissions, paging::Paging, roles};
use cloudlet_shape::{Empty, Operation};
use std::sync::Arc;

pub const PRINCIPAL: &str = "access-grants.s3.amazonaws.com";

const INVALID: FaultKind = FaultKind::sender("InvalidAccessGrantsLocation", 400);
/// The id of the location that is all of S3.
const DEFAULT: &str = "default";

fn invalid_location() -> Fault {
    INVALID.says("The specified Access Grants Location is invalid")
}

pub fn no_such_location() -> Fault {
    FaultKind::sender("NoSuchAccessGrantsLocationError", 404).says("The specified access grants location does not exist")
}

/// A location in the shape of an answer.
macro_rules! shown {
    ($shape:ident, $scope:expr, $id:ident, $row:ident) => {
        api::$shape {
            created_at: Some($row.created),
            access_grants_location_arn: Some(arn_in(&$scope, "location", &$id).to_string()),
            access_grants_location_id: Some($id),
            location_scope: Some($row.scope.clone()),
            iam_role_arn: Some($row.role.clone()),
        }
    };
}

impl S3Control {
    pub(crate) fn grants_location(&self, scope: &Scope, id: &str) -> Result<Arc<GrantsLocation>, Fault> {
        self.grants_instance(scope)?;
        self.store.read(|state| state.locations.get(&Key::new(scope, id)).cloned()).ok_or_else(no_such_location)
    }

    fn on_location<O: Operation>(&self, cx: &Cx, account: &str, id: &str) -> Result<Permission, Fault> {
        let scope = scope_of(cx, account)?;
        let permission = self.on_instance(&scope, Permission::of::<O>(arn_in(&scope, "location", id)));
        Ok(match self.grants_location(&scope, id) {
            Ok(row) => permission.with_key("s3:AccessGrantsLocationScope", row.scope.clone()),
            Err(_) => permission,
        })
    }

    /// The role of a location must exist and be one that the caller may pass.
    fn check_role(&self, role: &str) -> Result<(), Fault> {
        let exists = self.identity.read(|state| state.role_by_arn(role).is_some());
        if exists { Ok(()) } else { Err(FaultKind::sender("InvalidIamRole", 400).says("The specified IAM Role is invalid")) }
    }
}

/// The bucket of a location is one of the account and the region.
async fn check_bucket(cx: &Cx, bucket: &str) -> Result<(), Fault> {
    let request = s3::GetBucketLocationRequest { bucket: bucket.to_owned(), expected_bucket_owner: Some(cx.scope.account.to_string()) };
    let owner = Caller::root(cx.scope.account, cx.scope.partition(), None);
    match cx.call::<s3::GetBucketLocation>(owner, cx.scope.clone(), request).await {
        Ok(found) => {
            let region = found.location_constraint.unwrap_or_default();
            let region = if region.is_empty() { "us-east-1" } else { region.as_str() };
            if region == cx.scope.region.as_str() { Ok(()) } else { Err(invalid_location()) }
        }
        Err(fault) if matches!(fault.status(), 403 | 404) => Err(invalid_location()),
        Err(fault) => Err(fault),
    }
}

fn with_role(mut permissions: Permissions, role: &str) -> Permissions {
    if let Some(role) = Arn::parse(role) {
        permissions.push(roles::pass_role(role, PRINCIPAL, None));
    }
    permissions
}

impl Handle<api::CreateAccessGrantsLocation> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::CreateAccessGrantsLocationRequest) -> Result<Permissions, Fault> {
        check_account(cx, &input.account_id)?;
        let permission = Permission::of::<api::CreateAccessGrantsLocation>(arn_in(&cx.scope, "location", "*"))
            .owned_by(cx.scope.account)
            .with_key("s3:AccessGrantsLocationScope", input.location_scope.clone());
        Ok(with_role(creation(permission, input.tags.as_ref()), &input.iam_role_arn))
    }

    async fn handle(&self, cx: &Cx, input: api::CreateAccessGrantsLocationRequest) -> Result<api::CreateAccessGrantsLocationResult, Fault> {
        let part = Part::parse(&input.location_scope).ok_or_else(invalid_location)?;
        let tags = tags_of(input.tags.clone())?;
        self.grants_instance(&cx.scope)?;
        self.check_role(&input.iam_role_arn)?;
        if !part.is_everything() {
            check_bucket(cx, part.bucket).await?;
        }
        let id = if part.is_everything() { DEFAULT.to_owned() } else { cx.ids().uuid() };
        let row = GrantsLocation { scope: input.location_scope.clone(), role: input.iam_role_arn.clone(), created: cx.now, tags };
        self.store.write(|state| {
            if state.grants_instances.get(&super::instance_key(&cx.scope)).is_none() {
                return Err(no_instance());
            }
            let count = Key::all_of(&state.locations, &cx.scope).count();
            if Key::all_of(&state.locations, &cx.scope).any(|(_, other)| other.scope == row.scope) {
                return Err(
                    FaultKind::sender("AccessGrantsLocationAlreadyExistsError", 409).says("The specified access grants location already exists")
                );
            }
            if count >= MOST_LOCATIONS {
                return Err(FaultKind::sender("AccessGrantsLocationsQuotaExceededError", 409).says(format!(
                    "The access grants location quota has been exceeded. Access Grants Locations Quota: {MOST_LOCATIONS}. Please reach out to S3 \
                     if an increase is required."
                )));
            }
            state.locations.insert(Key::new(&cx.scope, &id), Arc::new(row.clone()));
            Ok(())
        })?;
        Ok(shown!(CreateAccessGrantsLocationResult, cx.scope, id, row))
    }
}

impl Handle<api::GetAccessGrantsLocation> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::GetAccessGrantsLocationRequest) -> Result<Permissions, Fault> {
        Ok(self.on_location::<api::GetAccessGrantsLocation>(cx, &input.account_id, &input.access_grants_location_id)?.into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetAccessGrantsLocationRequest) -> Result<api::GetAccessGrantsLocationResult, Fault> {
        let (scope, id) = (scope_of(cx, &input.account_id)?, input.access_grants_location_id);
        let row = self.grants_location(&scope, &id)?;
        Ok(shown!(GetAccessGrantsLocationResult, scope, id, row))
    }
}

impl Handle<api::UpdateAccessGrantsLocation> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::UpdateAccessGrantsLocationRequest) -> Result<Permissions, Fault> {
        check_account(cx, &input.account_id)?;
        let permission = self.on_location::<api::UpdateAccessGrantsLocation>(cx, &input.account_id, &input.access_grants_location_id)?;
        Ok(with_role(permission.into(), &input.iam_role_arn))
    }

    async fn handle(&self, cx: &Cx, input: api::UpdateAccessGrantsLocationRequest) -> Result<api::UpdateAccessGrantsLocationResult, Fault> {
        let id = input.access_grants_location_id;
        self.grants_location(&cx.scope, &id)?;
        self.check_role(&input.iam_role_arn)?;
        let row = self.store.write(|state| {
            let key = Key::new(&cx.scope, &id);
            let mut row = GrantsLocation::clone(state.locations.get(&key).ok_or_else(no_such_location)?);
            row.role.clone_from(&input.iam_role_arn);
            state.locations.insert(key, Arc::new(row.clone()));
            Ok::<_, Fault>(row)
        })?;
        Ok(shown!(UpdateAccessGrantsLocationResult, cx.scope, id, row))
    }
}

impl Handle<api::DeleteAccessGrantsLocation> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::DeleteAccessGrantsLocationRequest) -> Result<Permissions, Fault> {
        check_account(cx, &input.account_id)?;
        Ok(self.on_location::<api::DeleteAccessGrantsLocation>(cx, &input.account_id, &input.access_grants_location_id)?.into())
    }

    async fn handle(&self, cx: &Cx, input: api::DeleteAccessGrantsLocationRequest) -> Result<Empty, Fault> {
        let id = input.access_grants_location_id;
        self.grants_instance(&cx.scope)?;
        self.store.write(|state| {
            if state.locations.remove(&Key::new(&cx.scope, &id)).is_none() {
                return Err(no_such_location());
            }
            if Key::all_of(&state.grants, &cx.scope).any(|(_, grant)| grant.location == id) {
                return Err(FaultKind::sender("AccessGrantsLocationNotEmptyError", 400)
                    .says("Please clean up access grants before deleting access grants location"));
            }
            Ok(Empty {})
        })
    }
}

impl Handle<api::ListAccessGrantsLocations> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::ListAccessGrantsLocationsRequest) -> Result<Permissions, Fault> {
        Ok(self.on_shared_instance::<api::ListAccessGrantsLocations>(cx, &input.account_id)?.into())
    }

    async fn handle(&self, cx: &Cx, input: api::ListAccessGrantsLocationsRequest) -> Result<api::ListAccessGrantsLocationsResult, Fault> {
        let scope = scope_of(cx, &input.account_id)?;
        self.grants_instance(&scope)?;
        let paging = Paging::of::<api::ListAccessGrantsLocations>(cx, &input);
        let wanted = |row: &GrantsLocation| input.location_scope.as_ref().is_none_or(|wanted| *wanted == row.scope);
        let page = self.store.read(|state| {
            let rows = Key::all_of(&state.locations, &scope).filter(|(_, row)| wanted(row));
            paging.page_of(paging.length(MOST_LISTED, MOST_LISTED), rows.map(|(key, row)| (key.id.clone(), (key.id.clone(), row.clone()))))
        });
        let page = page.map_err(|_| invalid_token())?.map(|(id, row)| shown!(ListAccessGrantsLocationsEntry, scope, id, row));
        Ok(api::ListAccessGrantsLocationsResult { next_token: page.next_token, access_grants_locations_list: Some(page.items) })
    }
}
