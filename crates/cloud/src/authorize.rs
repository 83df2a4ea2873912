//! Authorize: every permission of a call is decided before the call is performed; and the message of a denial.

use crate::{Cloud, Mode, decisions::DecisionRecord, encoded_message, evaluation::Evaluation};
use cloudlet_aws::{Caller, Fault, FaultKind, Identity};
use cloudlet_engine::{AuthOutcome, AuthRecord, Authorization, Denial, Ids, Permission, Permissions, Service};
use cloudlet_identity::{Membership, SessionKind};
use cloudlet_shape::OperationSchema;
use std::borrow::Cow;

/// AWS: "The security token included in the request is invalid", whatever the policies say.
const INVALID_TOKEN: FaultKind = FaultKind::sender("InvalidClientTokenId", 403);

impl Cloud {
    /// Refuses what no policy can allow: sessions of GetSessionToken and GetFederationToken may not call IAM, nor most of STS.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_sts-comparison.html>
    pub(crate) fn check_session_kind(&self, operation: &OperationSchema, caller: &Caller) -> Result<(), Fault> {
        let service = operation.service.name;
        if self.mode == Mode::Off || !matches!(service, "iam" | "sts") {
            return Ok(());
        }
        let Some(session) = self.identity.session_of(caller) else { return Ok(()) };
        let open = match (session.kind, service) {
            (SessionKind::SessionToken, "iam") => session.mfa_at.is_some(),
            (SessionKind::FederationToken, "iam") => false,
            (SessionKind::SessionToken, _) => matches!(operation.name, "AssumeRole" | "GetCallerIdentity" | "GetSessionToken" | "GetFederationToken"),
            (SessionKind::FederationToken, _) => matches!(operation.name, "GetCallerIdentity" | "GetSessionToken" | "GetFederationToken"),
            _ => true,
        };
        if open { Ok(()) } else { Err(INVALID_TOKEN.says("The security token included in the request is invalid")) }
    }

    /// Decides each permission; all must be allowed. The first denial is the answer.
    pub(crate) fn authorize(&self, service: &Service, cx: &Authorization, permissions: Permissions) -> Result<(), Fault> {
        let mut evaluation = None;
        for permission in permissions {
            let resource = permission.owner.or(cx.caller.account).and_then(|owner| self.identity.membership(owner));
            let (outcome, reason) = match self.mode {
                Mode::Off => (AuthOutcome::NotChecked, Cow::Borrowed("authorization is off")),
                Mode::Enforce | Mode::Soft => match self.decide_permission(cx, &mut evaluation, &permission, resource.as_deref()) {
                    Ok(reason) => (AuthOutcome::Allowed, reason),
                    Err(because) if self.mode == Mode::Soft => (AuthOutcome::Tolerated, because.into()),
                    Err(because) => (AuthOutcome::Denied, because.into()),
                },
            };
            let refusal = (outcome == AuthOutcome::Denied).then(|| {
                let known = self.nearness(cx, &permission, resource.as_deref());
                refuse(&self.runtime.ids, service, cx, &permission, &reason, known)
            });
            cx.auth_records.lock().push(AuthRecord {
                action: permission.action,
                resource: permission.resource.clone(),
                outcome,
                reason: reason.clone(),
            });
            // With all that the decision was made from, so that it can be explained later.
            if self.decisions.is_on() {
                let (session, policies) = evaluation.as_ref().map(|it| (it.session.clone(), it.policies.clone())).unzip();
                let request = cx.request.clone();
                self.decisions.add(DecisionRecord { request, permission, session: session.flatten(), policies, resource, outcome, reason });
            }
            if let Some(fault) = refusal {
                return Err(fault);
            }
        }
        Ok(())
    }

    /// Whether the caller is of the account of the resource, or of its organization.
    fn nearness(&self, cx: &Authorization, permission: &Permission, resource: Option<&Membership>) -> Nearness {
        let Some(account) = cx.caller.account.filter(|account| permission.owner.is_some_and(|owner| owner != *account)) else {
            return Nearness::Known;
        };
        let own = self.identity.membership(account);
        match (own, resource) {
            (Some(own), Some(resource)) if own.organization == resource.organization => Nearness::Known,
            _ => Nearness::Foreign,
        }
    }

    /// Why it is allowed, or AWS's text for why it is not.
    fn decide_permission<'a>(
        &self,
        cx: &'a Authorization,
        evaluation: &mut Option<Evaluation<'a>>,
        permission: &Permission,
        resource: Option<&Membership>,
    ) -> Result<Cow<'static, str>, String> {
        // An operation without an action is denied, even to root.
        if permission.action.is_empty() {
            return Err("because the operation has no action in the table".to_owned());
        }
        // Root in its own account, where no policy applies: most calls.
        let at_home = cx.caller.identity == Identity::Root && (permission.owner.is_none() || permission.owner == cx.caller.account);
        // The policies of an organization do apply, and those of an AssumeRoot session.
        let is_open = cx.origin.vpc_endpoint.as_ref().is_none_or(|endpoint| endpoint.policy.is_none());
        if at_home && is_open && permission.resource_policy.is_none() && resource.is_none() && self.identity.session_of(&cx.caller).is_none() {
            return Ok(Cow::Borrowed("root of the account"));
        }
        evaluation.get_or_insert_with(|| self.evaluation(cx)).decide(permission, resource)
    }

    fn evaluation<'a>(&self, cx: &'a Authorization) -> Evaluation<'a> {
        let session = self.identity.session_of(&cx.caller);
        let policies = self.identity.effective_policies(&cx.caller, session.as_deref());
        Evaluation { request: cx, session, policies }
    }
}

/// The relation of a caller to the resource that it may not use.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nearness {
    Known,
    Foreign,
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>
fn refuse(ids: &Ids, service: &Service, cx: &Authorization, permission: &Permission, reason: &str, nearness: Nearness) -> Fault {
    let dialect = &service.dialect;
    if let Some(unseen) = dialect.unseen.filter(|unseen| unseen.action == permission.action) {
        return unseen.fault.says(unseen.sentence);
    }
    let (who, action) = (&cx.caller.arn, permission.action);
    let on = permission.shown.as_deref().unwrap_or(permission.resource.as_str());
    let message = match dialect.denial {
        // AWS: S3 says why to callers of the account or the organization of the bucket only.
        // https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html
        Denial::Quoted if cx.caller.is_anonymous() || nearness == Nearness::Foreign => "Access Denied".to_owned(),
        Denial::Named => format!("User: {who} is not authorized to perform: {action} on resource: {on} {reason}"),
        Denial::Small => {
            let small = action.to_ascii_lowercase();
            format!("User: {who} is not authorized to perform: {small} on resource: {on} {}", reason.replace(action, &small))
        }
        Denial::Quoted => format!("User: {who} is not authorized to perform: {action} on resource: \"{on}\" {reason}"),
        Denial::Encoded => format!(
            "You are not authorized to perform this operation. User: {who} is not authorized to perform: {action} on resource: {on} {reason}. \
             Encoded authorization failure message: {}",
            encoded_message::encode(ids, cx, permission, reason)
        ),
    };
    dialect.access_denied.says(message)
}
