//! Grants: who may read or write which part of a location.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-grants-grant.html>

use super::{MOST_GRANTS, MOST_LISTED, arn_in, creation, invalid_token, locations::no_such_location, scope, scope_of, tags_of};
use crate::{
    S3Control, api, check_account,
    state::{Grant, Key},
};
use cloudlet_aws::{Account, ArnParts, Fault, FaultKind, Scope};
use cloudlet_engine::{Cx, Handle, Permission, Permissions, paging::Paging};
use cloudlet_shape::{Empty, Operation};
use std::sync::Arc;

fn no_such_grant() -> Fault {
    FaultKind::sender("NoSuchAccessGrantError", 404).says("The specified access grant does not exist")
}

fn invalid_grant() -> Fault {
    FaultKind::sender("InvalidAccessGrant", 400).says("The specified Access Grant is invalid")
}

pub fn grantee(row: &Grant) -> api::Grantee {
    api::Grantee { grantee_type: Some("IAM".to_owned()), grantee_identifier: Some(row.grantee.clone()) }
}

fn configuration(row: &Grant) -> api::AccessGrantsLocationConfiguration {
    // AWS: with an empty element where there is none, as Terraform's provider knows.
    api::AccessGrantsLocationConfiguration { s3_sub_prefix: Some(row.sub_prefix.clone().unwrap_or_default()) }
}

/// A grant in the shape of an answer.
macro_rules! shown {
    ($shape:ident, $scope:expr, $id:expr, $row:ident) => {
        api::$shape {
            created_at: Some($row.created),
            access_grant_arn: Some(arn_in(&$scope, "grant", &$id).to_string()),
            access_grant_id: Some($id),
            grantee: Some(grantee(&$row)),
            permission: Some($row.permission.clone()),
            access_grants_location_id: Some($row.location.clone()),
            access_grants_location_configuration: Some(configuration(&$row)),
            grant_scope: Some($row.scope.clone()),
            application_arn: None,
        }
    };
}

impl S3Control {
    fn grant(&self, scope: &Scope, id: &str) -> Result<Arc<Grant>, Fault> {
        self.grants_instance(scope)?;
        self.store.read(|state| state.grants.get(&Key::new(scope, id)).cloned()).ok_or_else(no_such_grant)
    }

    fn on_grant<O: Operation>(&self, cx: &Cx, account: &str, id: &str) -> Result<Permission, Fault> {
        let scope = scope_of(cx, account)?;
        let permission = self.on_instance(&scope, Permission::of::<O>(arn_in(&scope, "grant", id)));
        Ok(match self.grant(&scope, id) {
            Ok(row) => permission.with_key("s3:AccessGrantScope", row.scope.clone()),
            Err(_) => permission,
        })
    }

    /// An IAM user or role; those of accounts that this server knows must exist. There are no users of a directory here.
    fn check_grantee(&self, grantee: &api::Grantee) -> Result<String, Fault> {
        let invalid = || FaultKind::sender("InvalidRequest", 400).says("Invalid Grantee in the request");
        let arn = grantee.grantee_identifier.clone().filter(|_| grantee.grantee_type.as_deref() == Some("IAM")).ok_or_else(invalid)?;
        let parts = ArnParts::parse(&arn).filter(|parts| parts.service == "iam").ok_or_else(invalid)?;
        let account = Account::parse(parts.account).ok_or_else(invalid)?;
        let exists = self.identity.read(|state| match parts.resource.split('/').next() {
            Some("user") => state.user_by_arn(&arn).is_some() || !state.has_principals(account),
            Some("role") => state.role_by_arn(&arn).is_some() || !state.has_principals(account),
            _ => false,
        });
        if exists { Ok(arn) } else { Err(invalid()) }
    }
}

impl Handle<api::CreateAccessGrant> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::CreateAccessGrantRequest) -> Result<Permissions, Fault> {
        check_account(cx, &input.account_id)?;
        let permission = Permission::of::<api::CreateAccessGrant>(arn_in(&cx.scope, "grant", "*")).owned_by(cx.scope.account);
        let sub_prefix = input.access_grants_location_configuration.as_ref().and_then(|it| it.s3_sub_prefix.as_deref());
        let granted = self.grants_location(&cx.scope, &input.access_grants_location_id).ok().and_then(|row| scope::of_grant(&row.scope, sub_prefix));
        let permission = match granted {
            Some(granted) => permission.with_key("s3:AccessGrantScope", granted),
            None => permission,
        };
        Ok(creation(permission, input.tags.as_ref()))
    }

    async fn handle(&self, cx: &Cx, input: api::CreateAccessGrantRequest) -> Result<api::CreateAccessGrantResult, Fault> {
        let location = self.grants_location(&cx.scope, &input.access_grants_location_id)?;
        let sub_prefix = input.access_grants_location_configuration.and_then(|it| it.s3_sub_prefix).filter(|text| !text.is_empty());
        let granted = scope::of_grant(&location.scope, sub_prefix.as_deref()).ok_or_else(invalid_grant)?;
        // AWS: an object is named without a wildcard.
        if input.s3_prefix_type.is_some() && granted.ends_with('*') {
            return Err(invalid_grant());
        }
        if input.application_arn.is_some() {
            // Applications are those of IAM Identity Center.
            return Err(invalid_grant());
        }
        let row = Grant {
            location: input.access_grants_location_id,
            sub_prefix,
            scope: granted,
            grantee: self.check_grantee(&input.grantee)?,
            permission: input.permission,
            created: cx.now,
            tags: tags_of(input.tags)?,
        };
        let id = cx.ids().uuid();
        let same = |other: &Grant| (&other.scope, &other.grantee, &other.permission) == (&row.scope, &row.grantee, &row.permission);
        self.store.write(|state| {
            if state.locations.get(&Key::new(&cx.scope, &row.location)).is_none() {
                return Err(no_such_location());
            }
            if Key::all_of(&state.grants, &cx.scope).any(|(_, other)| same(other)) {
                return Err(FaultKind::sender("AccessGrantAlreadyExists", 409).says("The specified access grant already exists"));
            }
            if Key::all_of(&state.grants, &cx.scope).count() >= MOST_GRANTS {
                return Err(FaultKind::sender("AccessGrantsQuotaExceededError", 409).says(format!(
                    "The access grants quota has been exceeded. Access Grants Quota: {MOST_GRANTS}. Please reach out to S3 if an increase is required."
                )));
            }
            state.grants.insert(Key::new(&cx.scope, &id), Arc::new(row.clone()));
            Ok(())
        })?;
        Ok(shown!(CreateAccessGrantResult, cx.scope, id, row))
    }
}

impl Handle<api::GetAccessGrant> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::GetAccessGrantRequest) -> Result<Permissions, Fault> {
        Ok(self.on_grant::<api::GetAccessGrant>(cx, &input.account_id, &input.access_grant_id)?.into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetAccessGrantRequest) -> Result<api::GetAccessGrantResult, Fault> {
        let scope = scope_of(cx, &input.account_id)?;
        let row = self.grant(&scope, &input.access_grant_id)?;
        Ok(shown!(GetAccessGrantResult, scope, input.access_grant_id, row))
    }
}

impl Handle<api::DeleteAccessGrant> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::DeleteAccessGrantRequest) -> Result<Permissions, Fault> {
        check_account(cx, &input.account_id)?;
        Ok(self.on_grant::<api::DeleteAccessGrant>(cx, &input.account_id, &input.access_grant_id)?.into())
    }

    async fn handle(&self, cx: &Cx, input: api::DeleteAccessGrantRequest) -> Result<Empty, Fault> {
        self.grants_instance(&cx.scope)?;
        self.store.write(|state| match state.grants.remove(&Key::new(&cx.scope, &input.access_grant_id)) {
            Some(_) => Ok(Empty {}),
            None => Err(no_such_grant()),
        })
    }
}

impl Handle<api::ListAccessGrants> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::ListAccessGrantsRequest) -> Result<Permissions, Fault> {
        Ok(self.on_shared_instance::<api::ListAccessGrants>(cx, &input.account_id)?.into())
    }

    async fn handle(&self, cx: &Cx, input: api::ListAccessGrantsRequest) -> Result<api::ListAccessGrantsResult, Fault> {
        let scope = scope_of(cx, &input.account_id)?;
        self.grants_instance(&scope)?;
        let paging = Paging::of::<api::ListAccessGrants>(cx, &input);
        let is = |wanted: &Option<String>, own: &str| wanted.as_deref().is_none_or(|wanted| wanted == own);
        let wanted = |row: &Grant| {
            is(&input.grantee_type, "IAM")
                && is(&input.grantee_identifier, &row.grantee)
                && is(&input.permission, &row.permission)
                && is(&input.grant_scope, &row.scope)
                && input.application_arn.is_none()
        };
        let page = self.store.read(|state| {
            let rows = Key::all_of(&state.grants, &scope).filter(|(_, row)| wanted(row));
            paging.page_of(paging.length(MOST_LISTED, MOST_LISTED), rows.map(|(key, row)| (key.id.clone(), (key.id.clone(), row.clone()))))
        });
        let page = page.map_err(|_| invalid_token())?.map(|(id, row)| shown!(ListAccessGrantEntry, scope, id, row));
        Ok(api::ListAccessGrantsResult { next_token: page.next_token, access_grants_list: Some(page.items) })
    }
}
