//! The question every call is asked before it is performed, and how a refusal is worded.

use crate::{Cloud, Mode, keys};
use cloudlet_aws::{Fault, Identity};
use cloudlet_engine::{Ask, Cx, Denial, Effect, Service, Verdict};
use cloudlet_policy::{Policies, Principal, Request, decide};
use std::borrow::Cow;

impl Cloud {
    /// Decides each ask; all must be allowed. The first denial is the answer.
    pub(crate) fn authorize(&self, service: &Service, cx: &Cx, asks: &[Ask]) -> Result<(), Fault> {
        for ask in asks {
            let (effect, reason) = match self.mode {
                Mode::Off => (Effect::Unasked, Cow::Borrowed("authorization is off")),
                Mode::Enforce | Mode::Soft => match self.decide_ask(cx, ask) {
                    Ok(reason) => (Effect::Allowed, reason),
                    Err(because) if self.mode == Mode::Soft => (Effect::Tolerated, because.into()),
                    Err(because) => (Effect::Denied, because.into()),
                },
            };
            let refusal = (effect == Effect::Denied).then(|| refuse(service, cx, ask, &reason));
            cx.verdicts.lock().push(Verdict { action: ask.action, on: ask.on.clone(), effect, reason });
            if let Some(fault) = refusal {
                return Err(fault);
            }
        }
        Ok(())
    }

    /// Why it is allowed, or AWS's words for why it is not.
    fn decide_ask(&self, cx: &Cx, ask: &Ask) -> Result<Cow<'static, str>, String> {
        // Unmapped is denied, even for root.
        if ask.action.is_empty() {
            return Err("because the operation has no action in the table".to_owned());
        }
        // The root of an account in its own account, where no policy can say otherwise: most calls of most days.
        let at_home = cx.caller.identity == Identity::Root && (ask.owner.is_none() || ask.owner == cx.caller.account);
        if at_home && ask.resource_policy.is_none() {
            return Ok(Cow::Borrowed("root of the account"));
        }
        let keys = keys::of(cx, ask);
        let request =
            Request { principal: Principal::of(&cx.caller), action: ask.action, resource: &ask.on, resource_account: ask.owner, keys: &keys };
        let policies = Policies { resource: ask.resource_policy.as_slice(), grant: ask.grant, ..Policies::default() };
        let decision = decide(&request, &policies);
        if decision.is_allowed() { Ok(Cow::Borrowed(decision.gate.name())) } else { Err(decision.because(&request, &policies)) }
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
        Denial::Small => {
            let small = action.to_ascii_lowercase();
            format!("User: {who} is not authorized to perform: {small} on resource: {on} {}", reason.replace(action, &small))
        }
        Denial::Quoted => format!("User: {who} is not authorized to perform: {action} on resource: \"{on}\" {reason}"),
        Denial::Encoded => {
            format!("You are not authorized to perform this operation. User: {who} is not authorized to perform: {action} on resource: {on} {reason}")
        }
    };
    dialect.access_denied.says(message)
}
