//! Evaluates one permission of a call: the request, its condition keys, and every policy that applies to it.

use crate::condition_keys::{self, Selection};
use cloudlet_aws::{Caller, Identity};
use cloudlet_engine::{Permission, RequestContext};
use cloudlet_identity::{EffectivePolicies, Membership, Session, SessionKind};
use cloudlet_policy::{By, Decision, Effect, Explanation, Gate, Keys, Policies, Principal, Request, Source, decide, explain};
use smallvec::SmallVec;
use std::{borrow::Cow, sync::Arc};

/// Services whose resources resource control policies protect.
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html>
const UNDER_RESOURCE_CONTROL: [&str; 12] =
    ["s3", "sqs", "sts", "kms", "secretsmanager", "dynamodb", "logs", "ecr", "events", "firehose", "cognito-idp", "aoss"];

/// A request with its caller's session and policies.
pub(crate) struct Evaluation<'a> {
    pub request: &'a RequestContext,
    pub session: Option<Arc<Session>>,
    pub policies: Arc<EffectivePolicies>,
}

impl Evaluation<'_> {
    /// The gate that allowed it, or AWS's text for why nothing did.
    pub(crate) fn decide(&self, permission: &Permission, resource: Option<&Membership>) -> Result<Cow<'static, str>, String> {
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

    /// The condition keys that the policies read: mostly none.
    fn keys(&self, permission: &Permission, resource: Option<&Membership>) -> Keys {
        let sessions = self.session.iter().flat_map(|session| session.policies.iter());
        let controls = resource.into_iter().flat_map(|membership| membership.resource_control.iter().flatten());
        let endpoint = self.request.origin.vpc_endpoint.iter().filter_map(|endpoint| endpoint.policy.as_ref());
        let documents = sessions.chain(&permission.resource_policy).chain(controls).chain(endpoint).map(|policy| policy.document.keys());
        let reads: SmallVec<[&[Box<str>]; 4]> = documents.chain([self.policies.condition_keys.as_slice()]).filter(|keys| !keys.is_empty()).collect();
        if reads.is_empty() {
            return Keys::default();
        }
        condition_keys::of(self.request, permission, &self.policies, self.session.as_deref(), resource, Selection::Only(&reads))
    }

    pub(crate) fn all_keys(&self, permission: &Permission, resource: Option<&Membership>) -> Keys {
        condition_keys::of(self.request, permission, &self.policies, self.session.as_deref(), resource, Selection::All)
    }

    pub(crate) fn explain(&self, permission: &Permission, resource: Option<&Membership>) -> Explanation {
        self.with_request(permission, &self.all_keys(permission, resource), resource, explain)
    }

    /// Calls `then` with the evaluator's request and policies.
    fn with_request<R>(
        &self,
        permission: &Permission,
        keys: &Keys,
        resource: Option<&Membership>,
        then: impl FnOnce(&Request<'_>, &Policies<'_>) -> R,
    ) -> R {
        let caller = &self.request.caller;
        let caller_policies = &*self.policies;
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
            identity: &caller_policies.identity,
            groups: &caller_policies.groups,
            boundary: caller_policies.permissions_boundary.as_ref(),
            session: self.session.as_ref().map(|session| &*session.policies).unwrap_or_default(),
            resource: permission.resource_policy.as_slice(),
            grant: permission.grant,
            vpc_endpoint: self.request.origin.vpc_endpoint.as_ref().and_then(|endpoint| endpoint.policy.as_ref()),
            service_control: caller_policies.membership.as_ref().map(|membership| membership.service_control.as_slice()).unwrap_or_default(),
            resource_control: resource
                .filter(|_| UNDER_RESOURCE_CONTROL.contains(&service))
                .map(|membership| membership.resource_control.as_slice())
                .unwrap_or_default(),
        };
        then(&request, &policies)
    }

    fn is_assumed_root(&self) -> bool {
        self.request.caller.identity == Identity::Root
            && self.session.as_ref().is_some_and(|session| session.kind == SessionKind::AssumeRoot && !session.policies.is_empty())
    }

    /// The denial of what exceeds a delegation, if the request does. Session policies alone do not limit an approver who is root, or whom the
    /// resource's policy names; a delegate is limited all the same, and to the permissions of the session in which the approver accepted.
    /// "The policies limit the capability of the underlying user, but do not grant any additional access."
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/temporary-delegation-understanding-permissions.html>
    fn beyond_delegation(&self, request: &Request<'_>) -> Option<Decision> {
        let session = self.session.as_ref().filter(|session| session.kind == SessionKind::Delegation)?;
        let user = Caller { identity: Identity::User { name: "delegate".into() }, ..self.request.caller.clone() };
        let request = Request { principal: Principal::of(&user), resource_account: user.account, ..*request };
        let limits = [&session.policies, &session.approver_policies];
        limits.into_iter().filter(|limit| !limit.is_empty()).find_map(|limit| {
            let decision = decide(&request, &Policies { identity: limit, ..Policies::default() });
            (!decision.is_allowed()).then_some(Decision { gate: Gate::Session, by: None, ..decision })
        })
    }

    /// A session of AssumeRoot may do what its task policy allows, and nothing else.
    fn within_task(&self, request: &Request<'_>) -> Decision {
        let session = self.session.as_ref().map(|session| &*session.policies).unwrap_or_default();
        let user = Caller { identity: Identity::User { name: "root".into() }, ..self.request.caller.clone() };
        // AWS's task policies only deny: all but the task.
        let decision = decide(&Request { principal: Principal::of(&user), ..*request }, &Policies { identity: session, ..Policies::default() });
        let by = decision.by.map(|by| By { source: Source::Session, ..by });
        match decision.effect {
            Effect::ExplicitDeny => Decision { gate: Gate::Session, by, ..decision },
            Effect::Allow | Effect::ImplicitDeny => Decision { effect: Effect::Allow, gate: Gate::Root, by: None },
        }
    }
}
