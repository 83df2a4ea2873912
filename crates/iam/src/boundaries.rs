//! Permissions boundaries of users and roles.

use crate::{
    faults::{no_such, validation_error},
    operation::operation,
};
use cloudlet_api_iam::*;
use cloudlet_aws::{Account, Arn, ArnParts, Fault};
use cloudlet_identity::{State, catalogue};
use cloudlet_shape::Empty;

/// A boundary is a managed policy of the account, of AWS or of a partner, that exists.
pub(crate) fn check(state: &State, account: Account, boundary: Option<&str>) -> Result<(), Fault> {
    let Some(arn) = boundary else { return Ok(()) };
    if ArnParts::parse(arn).is_none() {
        return Err(validation_error(format!("Value ({arn}) for parameter PermissionsBoundary is invalid.")));
    }
    let is_shared = catalogue::by_arn(arn).is_some() || state.partners.boundary(arn).is_some();
    let exists = is_shared || state.policy_by_arn(arn).is_some_and(|(owner, _)| owner == account);
    if exists { Ok(()) } else { Err(no_such(format!("Scope ARN: {arn} does not exist or is not attachable."))) }
}

operation!(
    PutUserPermissionsBoundary,
    |iam, cx, input| iam.on_user(cx, &input.user_name).with_request_boundary(Some(&input.permissions_boundary)),
    |iam, cx, input| iam.identity.write(|state| {
        check(state, cx.scope.account, Some(&input.permissions_boundary))?;
        iam.user_mut(state, cx.scope.account, &input.user_name)?.permissions_boundary = Arn::parse(&input.permissions_boundary);
        Ok(Empty {})
    })
);

operation!(DeleteUserPermissionsBoundary, |iam, cx, input| iam.on_user(cx, &input.user_name), |iam, cx, input| iam.identity.write(|state| {
    let user = iam.user_mut(state, cx.scope.account, &input.user_name)?;
    match user.permissions_boundary.take() {
        Some(_) => Ok(Empty {}),
        None => Err(no_such(format!("The permissions boundary of user {} cannot be found.", input.user_name))),
    }
}));

operation!(
    PutRolePermissionsBoundary,
    |iam, cx, input| iam.on_role(cx, &input.role_name).with_request_boundary(Some(&input.permissions_boundary)),
    |iam, cx, input| iam.identity.write(|state| {
        check(state, cx.scope.account, Some(&input.permissions_boundary))?;
        iam.role_mut(state, cx.scope.account, &input.role_name)?.permissions_boundary = Arn::parse(&input.permissions_boundary);
        Ok(Empty {})
    })
);

operation!(DeleteRolePermissionsBoundary, |iam, cx, input| iam.on_role(cx, &input.role_name), |iam, cx, input| iam.identity.write(|state| {
    let role = iam.role_mut(state, cx.scope.account, &input.role_name)?;
    match role.permissions_boundary.take() {
        Some(_) => Ok(Empty {}),
        None => Err(no_such(format!("The permissions boundary of role {} cannot be found.", input.role_name))),
    }
}));
