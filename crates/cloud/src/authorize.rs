//! The question every call is asked before it is performed, and how a refusal is worded.

use crate::{Cloud, Mode, keys};
use cloudlet_aws::{Fault, Identity};
use cloudlet_engine::{Ask, Cx, Denial, Effect, Service, Verdict};
use cloudlet_policy::{Decision, Effect as Decided, Gate, Policies, Principal, Request, decide};

impl Cloud {
    /// Decides each ask; all must be allowed. The first denial is the answer.
    pub(crate) fn authorize(&self, service: &Service, cx: &Cx, asks: &[Ask]) -> Result<(), Fault> {
        for ask in asks {
            let (effect, reason, refusal) = match self.mode {
                Mode::Off => (Effect::Unasked, "authorization is off".into(), None),
                Mode::Enforce | Mode::Soft => match self.decide_ask(cx, ask) {
                    None => (Effect::Allowed, "root of the account".into(), None),
                    Some(decision) if decision.effect == Decided::Allow => (Effect::Allowed, reason(decision, ask.action).into(), None),
                    Some(decision) if self.mode == Mode::Soft => (Effect::Tolerated, reason(decision, ask.action).into(), None),
                    Some(decision) => {
                        let reason = reason(decision, ask.action);
                        let fault = refuse(service, cx, ask, &reason);
                        (Effect::Denied, reason.into(), Some(fault))
                    }
                },
            };
            cx.verdicts.lock().push(Verdict { action: ask.action, on: ask.on.clone(), effect, reason });
            if let Some(fault) = refusal {
                return Err(fault);
            }
        }
        Ok(())
    }

    /// `None`: the root of an account in its own account, where no policy can say otherwise.
    fn decide_ask(&self, cx: &Cx, ask: &Ask) -> Option<Decision> {
        let root = cx.caller.identity == Identity::Root && (ask.owner.is_none() || ask.owner == cx.caller.account);
        if root && ask.resource_policy.is_none() && !ask.action.is_empty() {
            return None;
        }
        let keys = keys::of(cx, ask);
        let request =
            Request { principal: Principal::of(&cx.caller), action: ask.action, resource: &ask.on, resource_account: ask.owner, keys: &keys };
        let policies = Policies { resource: ask.resource_policy.as_slice(), grant: ask.grant, ..Policies::default() };
        Some(decide(&request, &policies))
    }
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>
fn refuse(service: &Service, cx: &Cx, ask: &Ask, reason: &str) -> Fault {
    let dialect = &service.dialect;
    let (who, action) = (&cx.caller.arn, ask.action);
    let on = ask.shown.as_deref().unwrap_or(ask.on.as_str());
    let message = match dialect.denial {
        Denial::Quoted if cx.caller.is_anonymous() => "Access Denied".to_owned(),
        Denial::Named => format!("User: {who} is not authorized to perform: {action} on resource: {on} {reason}"),
        Denial::Quoted => format!("User: {who} is not authorized to perform: {action} on resource: \"{on}\" {reason}"),
        Denial::Encoded => {
            format!("You are not authorized to perform this operation. User: {who} is not authorized to perform: {action} on resource: {on} {reason}")
        }
    };
    dialect.access_denied.says(message)
}

/// The last part of a denial, as AWS words it.
fn reason(decision: Decision, action: &str) -> String {
    let (a, an) = match decision.gate {
        Gate::ResourceControl => ("resource control policy", "a resource control policy"),
        Gate::ServiceControl => ("service control policy", "a service control policy"),
        Gate::VpcEndpoint => ("VPC endpoint policy", "a VPC endpoint policy"),
        Gate::Resource => ("resource-based policy", "a resource-based policy"),
        Gate::Trust => ("role trust policy", "the role trust policy"),
        Gate::Identity => ("identity-based policy", "an identity-based policy"),
        Gate::Boundary => ("permissions boundary", "a permissions boundary"),
        Gate::Session => ("session policy", "a session policy"),
    };
    match decision.effect {
        Decided::Allow => format!("{an} allows it"),
        Decided::ExplicitDeny => format!("with an explicit deny in {an}"),
        Decided::ImplicitDeny => format!("because no {a} allows the {action} action"),
    }
}
