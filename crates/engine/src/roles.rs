//! Roles that services work under: passing one to a service, and assuming it as that service.

use crate::{Cx, Permission};
pub use cloudlet_api_sts::Credentials;
use cloudlet_api_sts::{AssumeRole, AssumeRoleRequest};
use cloudlet_aws::{Account, Arn, Caller, Fault, Identity, Scope, Timestamp};

/// The shortest session there is: fifteen minutes.
const SESSION_SECONDS: i32 = 900;
/// How long before its end a session is no longer used for a new call.
const MARGIN_SECONDS: i64 = 60;

/// A session of a role that a service has assumed for one resource.
#[derive(Clone, Debug, PartialEq)]
pub struct RoleSession {
    pub caller: Caller,
    /// Then a new one is due, shortly before this one ends.
    pub usable_until: Timestamp,
}

/// What a caller needs to hand a role to a service: `iam:PassRole` on it. `resource` is what will work under the role, where it is known.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html>
pub fn pass_role(role: Arn, service: &str, resource: Option<&Arn>) -> Permission {
    let permission = Permission::action("iam:PassRole", role).with_key("iam:PassedToService", service);
    match resource {
        Some(resource) => permission.with_key("iam:AssociatedResourceArn", resource.as_str()),
        None => permission,
    }
}

/// A new session of a role for the service `principal` (`sns.amazonaws.com`), which acts for the resource `source`.
///
/// The role's trust policy is evaluated with `aws:SourceArn` and `aws:SourceAccount` of this source. Sessions are deliberately not cached
/// here: a service that uses one again must use it for the same source only, and forget it with its other state.
pub async fn assume_role(cx: &Cx, role: &Arn, session_name: &str, principal: &str, source: &Arn) -> Result<RoleSession, Fault> {
    let input = AssumeRoleRequest {
        role_arn: role.to_string(),
        role_session_name: session_name.to_owned(),
        duration_seconds: Some(SESSION_SECONDS),
        ..AssumeRoleRequest::default()
    };
    // The ARN of a bucket names neither.
    let scope: Scope = source.scope().unwrap_or_else(|| cx.scope.clone());
    let caller = Caller { account: Some(scope.account), ..Caller::service(principal, Some(source.clone())) };
    session_of(cx, caller, scope, role, input).await.map(|(session, _)| session)
}

/// The same with the keys of the session, for code that calls the server itself. It lasts `seconds`.
pub async fn assume_role_with_keys(
    cx: &Cx,
    role: &Arn,
    session_name: &str,
    principal: &str,
    source: &Arn,
    seconds: i32,
) -> Result<(RoleSession, Credentials), Fault> {
    let input = AssumeRoleRequest {
        role_arn: role.to_string(),
        role_session_name: session_name.to_owned(),
        duration_seconds: Some(seconds),
        ..AssumeRoleRequest::default()
    };
    let scope: Scope = source.scope().unwrap_or_else(|| cx.scope.clone());
    let caller = Caller { account: Some(scope.account), ..Caller::service(principal, Some(source.clone())) };
    session_of(cx, caller, scope, role, input).await
}

/// A new session of a role that the session of another role assumes: role chaining.
pub async fn assume_role_as(cx: &Cx, caller: Caller, role: &Arn, session_name: &str) -> Result<RoleSession, Fault> {
    let input = AssumeRoleRequest {
        role_arn: role.to_string(),
        role_session_name: session_name.to_owned(),
        duration_seconds: Some(SESSION_SECONDS),
        ..AssumeRoleRequest::default()
    };
    session_of(cx, caller, cx.scope.clone(), role, input).await.map(|(session, _)| session)
}

async fn session_of(cx: &Cx, caller: Caller, scope: Scope, role: &Arn, input: AssumeRoleRequest) -> Result<(RoleSession, Credentials), Fault> {
    let session_name = input.role_session_name.clone();
    let seconds = input.duration_seconds.unwrap_or(SESSION_SECONDS);
    let session = cx.call::<AssumeRole>(caller, scope, input).await?;
    let (Some(user), Some(credentials)) = (session.assumed_role_user, session.credentials) else {
        return Err(Fault::internal("AssumeRole answered no session"));
    };
    let caller = Caller {
        account: Account::parse(role.account()),
        identity: Identity::AssumedRole { role: role.clone(), session: session_name.as_str().into() },
        arn: user.arn.into(),
        unique_id: user.assumed_role_id.into(),
        access_key: Some(credentials.access_key_id.as_str().into()),
    };
    Ok((RoleSession { caller, usable_until: cx.now.plus_secs(i64::from(seconds) - MARGIN_SECONDS) }, credentials))
}
