//! `PermissionCheckResult`: whether the caller has the permissions of a request. AWS: "This is an approximate result."

use crate::Iam;
use cloudlet_aws::{Arn, Identity as Who};
use cloudlet_engine::Cx;
use cloudlet_identity::delegations::Delegation;
use cloudlet_policy::{Effect, Keys, Listing, Outcome, Policies, Principal, Request, StatementEffect, explain};

/// "The caller has sufficient permissions cover all the requested permissions."
const ALLOWED: &str = "ALLOWED";
const DENIED: &str = "DENIED";
/// "Most likely for cases when the caller has permissions with conditions."
const UNSURE: &str = "UNSURE";

impl Iam {
    /// Evaluates the caller's policies for each action and resource of the request. Patterns are taken literally: a caller that is allowed
    /// `s3:Get*` is not allowed `s3:*`.
    pub(super) fn check_permissions(&self, cx: &Cx, request: &Delegation) -> &'static str {
        let session = self.identity.session_of(&cx.caller);
        let effective_policies = self.identity.effective_policies(&cx.caller, session.as_deref());
        let policies = Policies {
            identity: &effective_policies.identity,
            groups: &effective_policies.groups,
            boundary: effective_policies.permissions_boundary.as_ref(),
            session: session.as_ref().map(|session| &*session.policies).unwrap_or_default(),
            service_control: effective_policies.membership.as_ref().map(|membership| membership.service_control.as_slice()).unwrap_or_default(),
            ..Policies::default()
        };
        let keys = Keys::default();
        let mut result = ALLOWED;
        for statement in request.policy.document.statements() {
            if statement.effect() != StatementEffect::Allow {
                continue;
            }
            let (listing, actions) = statement.actions();
            let resources: Vec<String> = match statement.resources() {
                Some((Listing::Only, resources)) => resources.map(str::to_owned).collect(),
                _ => vec!["*".to_owned()],
            };
            // NotAction is checked as all actions.
            let actions: Vec<&str> = if listing == Listing::Only { actions.collect() } else { vec!["*"] };
            for (action, resource) in actions.iter().flat_map(|action| resources.iter().map(move |resource| (*action, resource))) {
                let arn = Arn::parse(resource).unwrap_or_else(Arn::any);
                let request =
                    Request { principal: Principal::of(&cx.caller), action, resource: &arn, resource_account: cx.caller.account, keys: &keys };
                let explanation = explain(&request, &policies);
                let denies = explanation.gates.iter().any(|gate| gate.outcome == Outcome::Denies);
                match explanation.effect {
                    _ if cx.caller.identity == Who::Root && !denies => {}
                    _ if !explanation.missing_keys.is_empty() => result = UNSURE,
                    Effect::Allow => {}
                    Effect::ExplicitDeny | Effect::ImplicitDeny => return DENIED,
                }
            }
        }
        result
    }
}
