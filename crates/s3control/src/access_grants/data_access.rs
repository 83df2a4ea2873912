//! What a grantee asks for: credentials for a part of S3, and the list of its grants.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-grants-credentials.html>

use super::{
    ID, MOST_LISTED, grants, instance_arn, invalid_token,
    locations::PRINCIPAL,
    scope::{Scope as Part, permission_covers, session_policy},
    scope_of,
};
use crate::{
    S3Control, api,
    state::{Grant, Key},
};
use cloudlet_api_sts::{AssumeRole, AssumeRoleRequest};
use cloudlet_aws::{Caller, Fault, FaultKind, Identity, Scope};
use cloudlet_engine::{Cx, Handle, Permissions, paging::Paging};
use std::sync::Arc;

const DEFAULT_SECONDS: i32 = 3_600;

/// The user or the role that a grant names, of who calls.
fn principal(caller: &Caller) -> &str {
    match &caller.identity {
        Identity::AssumedRole { role, .. } => role.as_str(),
        _ => &caller.arn,
    }
}

impl S3Control {
    /// The narrowest grant of the caller for a part.
    fn matching_grant(&self, cx: &Cx, scope: &Scope, target: &Part<'_>, permission: &str) -> Option<Arc<Grant>> {
        let who = principal(&cx.caller);
        self.store.read(|state| {
            let own = Key::all_of(&state.grants, scope).map(|(_, row)| row);
            let own = own.filter(|row| row.grantee == who && permission_covers(&row.permission, permission));
            let covering = own.filter(|row| Part::parse(&row.scope).is_some_and(|granted| granted.covers(target)));
            covering.max_by_key(|row| row.scope.len()).cloned()
        })
    }
}

/// What STS says of a role, as Access Grants passes it on.
fn of_sts(fault: Fault, role: &str) -> Fault {
    match fault.code() {
        "AccessDenied" => FaultKind::sender("StsNotAuthorizedError", 403)
            .says(format!("User: {PRINCIPAL} is not authorized to perform: sts:AssumeRole on resource: {role}")),
        "ValidationError" => FaultKind::sender("StsValidationError", 400).says(fault.message()),
        "PackedPolicyTooLarge" => FaultKind::sender("StsPackedPolicyTooLargeError", 400).says("Serialized token too large for session"),
        _ => fault,
    }
}

impl Handle<api::GetDataAccess> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::GetDataAccessRequest) -> Result<Permissions, Fault> {
        Ok(self.on_shared_instance::<api::GetDataAccess>(cx, &input.account_id)?.into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetDataAccessRequest) -> Result<api::GetDataAccessResult, Fault> {
        let scope = scope_of(cx, &input.account_id)?;
        self.grants_instance(&scope)?;
        let denied = || {
            FaultKind::sender("AccessDenied", 403)
                .says(format!("You do not have {} permissions to the requested S3 Prefix: {}", input.permission, input.target))
        };
        let target = Part::parse(&input.target).filter(|target| !target.is_everything()).ok_or_else(denied)?;
        let grant = self.matching_grant(cx, &scope, &target, &input.permission).ok_or_else(denied)?;
        let location = self.grants_location(&scope, &grant.location)?;
        let is_minimal = input.privilege.as_deref() == Some("Minimal");
        let matched = if is_minimal { input.target.clone() } else { grant.scope.clone() };
        let given = Part::parse(&matched).ok_or_else(denied)?;
        let request = AssumeRoleRequest {
            role_arn: location.role.clone(),
            role_session_name: format!("access-grants-{}", cx.ids().uuid()),
            policy: Some(session_policy(scope.partition(), &given, &input.permission)),
            duration_seconds: Some(input.duration_seconds.unwrap_or(DEFAULT_SECONDS)),
            // AWS: users and roles need a trust policy that allows it; which text it is, is unverified.
            source_identity: cx.caller.unique_id.split(':').next().map(str::to_owned),
            ..Default::default()
        };
        let service = Caller::service(PRINCIPAL, Some(instance_arn(&scope)));
        let session = cx.call::<AssumeRole>(service, scope.clone(), request).await.map_err(|fault| of_sts(fault, &location.role))?;
        let credentials = session.credentials.ok_or_else(|| Fault::internal("AssumeRole answered no session"))?;
        let all = input.instance_scope.as_deref() == Some("ALL");
        Ok(api::GetDataAccessResult {
            credentials: Some(api::Credentials {
                access_key_id: Some(credentials.access_key_id),
                secret_access_key: Some(credentials.secret_access_key),
                session_token: Some(credentials.session_token),
                expiration: Some(credentials.expiration),
            }),
            matched_grant_target: Some(matched),
            grantee: Some(grants::grantee(&grant)),
            // AWS: unverified that a request for one instance is not told its ARN.
            matched_instance_arn: all.then(|| instance_arn(&scope).to_string()),
        })
    }
}

impl Handle<api::ListCallerAccessGrants> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::ListCallerAccessGrantsRequest) -> Result<Permissions, Fault> {
        Ok(self.on_shared_instance::<api::ListCallerAccessGrants>(cx, &input.account_id)?.into())
    }

    async fn handle(&self, cx: &Cx, input: api::ListCallerAccessGrantsRequest) -> Result<api::ListCallerAccessGrantsResult, Fault> {
        let scope = scope_of(cx, &input.account_id)?;
        self.grants_instance(&scope)?;
        let paging = Paging::of::<api::ListCallerAccessGrants>(cx, &input);
        let who = principal(&cx.caller);
        let wanted = |row: &Grant| row.grantee == who && input.grant_scope.as_ref().is_none_or(|wanted| row.scope.starts_with(wanted.as_str()));
        let page = self.store.read(|state| {
            let rows = Key::all_of(&state.grants, &scope).filter(|(_, row)| wanted(row));
            paging.page_of(paging.length(MOST_LISTED, MOST_LISTED), rows.map(|(key, row)| (key.id.clone(), row.clone())))
        });
        let arn = instance_arn(&scope).to_string();
        let all = input.instance_scope.as_deref() == Some("ALL");
        let page = page.map_err(|_| invalid_token())?.map(|row| api::ListCallerAccessGrantsEntry {
            permission: Some(row.permission.clone()),
            grant_scope: Some(row.scope.clone()),
            // AWS: a grant that names no application is good for all.
            application_arn: Some("ALL".to_owned()),
            access_grants_instance_arn: all.then(|| arn.clone()),
        });
        Ok(api::ListCallerAccessGrantsResult { next_token: page.next_token, caller_access_grants_list: Some(page.items) })
    }
}

impl Handle<api::GetAccessGrantsInstanceForPrefix> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::GetAccessGrantsInstanceForPrefixRequest) -> Result<Permissions, Fault> {
        Ok(self.on_shared_instance::<api::GetAccessGrantsInstanceForPrefix>(cx, &input.account_id)?.into())
    }

    async fn handle(
        &self,
        cx: &Cx,
        input: api::GetAccessGrantsInstanceForPrefixRequest,
    ) -> Result<api::GetAccessGrantsInstanceForPrefixResult, Fault> {
        let scope = scope_of(cx, &input.account_id)?;
        self.grants_instance(&scope)?;
        // AWS: the fault for a text that is no prefix is unverified.
        Part::parse(&input.s3_prefix).ok_or_else(|| FaultKind::sender("InvalidRequest", 400).says("The S3 prefix is invalid."))?;
        Ok(api::GetAccessGrantsInstanceForPrefixResult {
            access_grants_instance_arn: Some(instance_arn(&scope).to_string()),
            access_grants_instance_id: Some(ID.to_owned()),
        })
    }
}
