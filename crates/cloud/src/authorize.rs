//! The question every call is asked before it is performed, and how a refusal is worded.

use crate::{
    Cloud, Mode,
    decisions::DecisionRecord,
    encoded,
    keys::{self, Wanted},
};
use cloudlet_aws::{Caller, Fault, FaultKind, Identity};
use cloudlet_engine::{AuthOutcome, AuthRecord, Cx, Denial, Permission, Permissions, RequestContext, Service};
use cloudlet_identity::{EffectivePolicies, Membership, Session, SessionKind};
use cloudlet_policy::{By, Decision, Effect, Explanation, Gate, Keys, Policies, Principal, Request, Source, decide, explain};
use cloudlet_shape::OperationSchema;
use smallvec::SmallVec;
use std::{borrow::Cow, sync::Arc};

/// Services whose resources RCPs protect.
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html>
const UNDER_RESOURCE_CONTROL: [&str; 12] =
    ["s3", "sqs", "sts", "kms", "secretsmanager", "dynamodb", "logs", "ecr", "events", "firehose", "cognito-idp", "aoss"];

/// The caller of a call, with all that applies to it.
pub(crate) struct Subject<'a> {
    pub about: &'a RequestContext,
    pub session: Option<Arc<Session>>,
    pub effective_policies: Arc<EffectivePolicies>,
}

/// AWS: "The security token included in the request is invalid", whatever the policies say.
const INVALID_TOKEN: FaultKind = FaultKind::sender("InvalidClientTokenId", 403);

impl Cloud {
    /// What no policy can open: tokens of GetSessionToken and GetFederationToken do not reach IAM, nor most of STS.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_sts-comparison.html>
    pub(crate) fn admits(&self, operation: &OperationSchema, caller: &Caller) -> Result<(), Fault> {
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

    /// Decides each ask; all must be allowed. The first denial is the answer.
    pub(crate) fn authorize(&self, service: &Service, cx: &Cx, permissions: Permissions) -> Result<(), Fault> {
        let mut subject = None;
        for permission in permissions {
            let resource = permission.owner.or(cx.caller.account).and_then(|owner| self.identity.membership(owner));
            let (effect, reason) = match self.mode {
                Mode::Off => (AuthOutcome::NotChecked, Cow::Borrowed("authorization is off")),
                Mode::Enforce | Mode::Soft => match self.decide_ask(cx, &mut subject, &permission, resource.as_deref()) {
                    Ok(reason) => (AuthOutcome::Allowed, reason),
                    Err(because) if self.mode == Mode::Soft => (AuthOutcome::Tolerated, because.into()),
                    Err(because) => (AuthOutcome::Denied, because.into()),
                },
            };
            let refusal = (effect == AuthOutcome::Denied).then(|| refuse(service, cx, &permission, &reason));
            cx.auth_records.lock().push(AuthRecord {
                action: permission.action,
                resource: permission.resource.clone(),
                effect,
                reason: reason.clone(),
            });
            // What the decision was made from is kept, for whoever wants it explained.
            if self.decisions.remembers() {
                let (session, effective_policies) =
                    subject.as_ref().map(|subject| (subject.session.clone(), subject.effective_policies.clone())).unzip();
                let about = cx.request.clone();
                self.decisions.add(DecisionRecord { about, permission, session: session.flatten(), effective_policies, resource, effect, reason });
            }
            if let Some(fault) = refusal {
                return Err(fault);
            }
        }
        Ok(())
    }

    /// Why it is allowed, or AWS's words for why it is not.
    fn decide_ask<'a>(
        &self,
        cx: &'a Cx,
        subject: &mut Option<Subject<'a>>,
        permission: &Permission,
        resource: Option<&Membership>,
    ) -> Result<Cow<'static, str>, String> {
        // Unmapped is denied, even for root.
        if permission.action.is_empty() {
            return Err("because the operation has no action in the table".to_owned());
        }
        // The root of an account in its own account, where no policy can say otherwise: most calls of most days.
        let at_home = cx.caller.identity == Identity::Root && (permission.owner.is_none() || permission.owner == cx.caller.account);
        // An organization's policies can, and a session of AssumeRoot.
        if at_home && permission.resource_policy.is_none() && resource.is_none() && self.identity.session_of(&cx.caller).is_none() {
            return Ok(Cow::Borrowed("root of the account"));
        }
        subject.get_or_insert_with(|| self.subject(cx)).decide(permission, resource)
    }

    pub(crate) fn subject<'a>(&self, cx: &'a Cx) -> Subject<'a> {
        let session = self.identity.session_of(&cx.caller);
        let effective_policies = self.identity.effective_policies(&cx.caller, session.as_deref());
        Subject { about: cx, session, effective_policies }
    }
}

impl Subject<'_> {
    fn decide(&self, permission: &Permission, resource: Option<&Membership>) -> Result<Cow<'static, str>, String> {
        let keys = self.keys(permission, resource);
        self.with_request(permission, &keys, resource, |request, policies| {
            let mut decision = decide(request, policies);
            if decision.is_allowed() && self.is_assumed_root() {
                decision = self.within_task(request);
            }
            if decision.is_allowed()
                && let Some(beyond) = self.beyond_delegation(request)
            {
                decision = beyond;
            }
            if decision.is_allowed() { Ok(Cow::Borrowed(decision.gate.name())) } else { Err(decision.because(request, policies)) }
        })
    }

    /// As much of the context as the policies read: nothing, mostly.
    fn keys(&self, permission: &Permission, resource: Option<&Membership>) -> Keys {
        let sessions = self.session.iter().flat_map(|session| session.policies.iter());
        let controls = resource.into_iter().flat_map(|membership| membership.resource_control.iter().flatten());
        let documents = sessions.chain(&permission.resource_policy).chain(controls).map(|policy| policy.document.keys());
        let reads: SmallVec<[&[Box<str>]; 4]> =
            documents.chain([self.effective_policies.condition_keys.as_slice()]).filter(|keys| !keys.is_empty()).collect();
        if reads.is_empty() {
            return Keys::default();
        }
        keys::of(self.about, permission, &self.effective_policies, self.session.as_deref(), resource, Wanted::Only(&reads))
    }

    pub(crate) fn all_keys(&self, permission: &Permission, resource: Option<&Membership>) -> Keys {
        keys::of(self.about, permission, &self.effective_policies, self.session.as_deref(), resource, Wanted::All)
    }

    pub(crate) fn explain(&self, permission: &Permission, resource: Option<&Membership>) -> Explanation {
        self.with_request(permission, &self.all_keys(permission, resource), resource, explain)
    }

    /// Puts request and policies together, as the evaluator wants them.
    fn with_request<R>(
        &self,
        permission: &Permission,
        keys: &Keys,
        resource: Option<&Membership>,
        then: impl FnOnce(&Request<'_>, &Policies<'_>) -> R,
    ) -> R {
        let caller = &self.about.caller;
        let effective_policies = &*self.effective_policies;
        let mut principal = permission.federated.as_deref().map_or_else(|| Principal::of(caller), Principal::federated);
        if let Some(issuer) = self.session.as_ref().and_then(|session| session.issuer.as_ref()) {
            principal = principal.issued_by(&issuer.arn);
        }
        let service = permission.action.split(':').next().unwrap_or_default();
        let request = Request {
            principal,
            action: permission.action,
            resource: &permission.resource,
            resource_account: permission.owner.or(caller.account),
            keys,
        };
        let policies = Policies {
            identity: &effective_policies.identity,
            groups: &effective_policies.groups,
            boundary: effective_policies.permissions_boundary.as_ref(),
            session: self.session.as_ref().map(|session| &*session.policies).unwrap_or_default(),
            resource: permission.resource_policy.as_slice(),
            grant: permission.grant,
            vpc_endpoint: None,
            service_control: effective_policies.membership.as_ref().map(|membership| membership.service_control.as_slice()).unwrap_or_default(),
            resource_control: resource
                .filter(|_| UNDER_RESOURCE_CONTROL.contains(&service))
                .map(|membership| membership.resource_control.as_slice())
                .unwrap_or_default(),
        };
        then(&request, &policies)
    }

    fn is_assumed_root(&self) -> bool {
        self.about.caller.identity == Identity::Root
            && self.session.as_ref().is_some_and(|session| session.kind == SessionKind::AssumeRoot && !session.policies.is_empty())
    }

    /// What session policies alone do not hold back: a delegate may do what was delegated, though the approver is root, or named by the resource
    /// itself; and no more than the session in which the approver accepted.
    /// "The policies limit the capability of the underlying user, but do not grant any additional access."
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/temporary-delegation-understanding-permissions.html>
    fn beyond_delegation(&self, request: &Request<'_>) -> Option<Decision> {
        let session = self.session.as_ref().filter(|session| session.kind == SessionKind::Delegation)?;
        let user = Caller { identity: Identity::User { name: "delegate".into() }, ..self.about.caller.clone() };
        let request = Request { principal: Principal::of(&user), resource_account: user.account, ..*request };
        let limits = [&session.policies, &session.approver_policies];
        limits.into_iter().filter(|limit| !limit.is_empty()).find_map(|limit| {
            let decision = decide(&request, &Policies { identity: limit, ..Policies::default() });
            (!decision.is_allowed()).then_some(Decision { gate: Gate::Session, by: None, ..decision })
        })
    }

    /// A root session of AssumeRoot may do what its task policy says, and nothing else.
    fn within_task(&self, request: &Request<'_>) -> Decision {
        let session = self.session.as_ref().map(|session| &*session.policies).unwrap_or_default();
        let user = Caller { identity: Identity::User { name: "root".into() }, ..self.about.caller.clone() };
        // AWS's task policies only deny: all but the task.
        let decision = decide(&Request { principal: Principal::of(&user), ..*request }, &Policies { identity: session, ..Policies::default() });
        let by = decision.by.map(|by| By { source: Source::Session, ..by });
        match decision.effect {
            Effect::ExplicitDeny => Decision { gate: Gate::Session, by, ..decision },
            Effect::Allow | Effect::ImplicitDeny => Decision { effect: Effect::Allow, gate: Gate::Root, by: None },
        }
    }
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>
fn refuse(service: &Service, cx: &Cx, permission: &Permission, reason: &str) -> Fault {
    let dialect = &service.dialect;
    if let Some(unseen) = dialect.unseen.filter(|unseen| unseen.action == permission.action) {
        return unseen.fault.says(unseen.sentence);
    }
    let (who, action) = (&cx.caller.arn, permission.action);
    let on = permission.shown.as_deref().unwrap_or(permission.resource.as_str());
    let message = match dialect.denial {
        Denial::Quoted if cx.caller.is_anonymous() => "Access Denied".to_owned(),
        Denial::Named => format!("User: {who} is not authorized to perform: {action} on resource: {on} {reason}"),
        Denial::Small => {
            let small = action.to_ascii_lowercase();
            format!("User: {who} is not authorized to perform: {small} on resource: {on} {}", reason.replace(action, &small))
        }
        Denial::Quoted => format!("User: {who} is not authorized to perform: {action} on resource: \"{on}\" {reason}"),
        Denial::Encoded => format!(
            "You are not authorized to perform this operation. User: {who} is not authorized to perform: {action} on resource: {on} {reason}. \
             Encoded authorization failure message: {}",
            encoded::message(cx, permission, reason)
        ),
    };
    dialect.access_denied.says(message)
}
