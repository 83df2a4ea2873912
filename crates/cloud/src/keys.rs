//! The global condition keys of a call.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>

use cloudlet_aws::{Caller, Identity, Scope, Timestamp, TimestampFormat};
use cloudlet_engine::{Ask, Keys, Origin};
use cloudlet_identity::{Membership, Session, Standing};
use std::borrow::Cow;

/// Who calls, when, where and how.
#[derive(Clone, Copy)]
pub struct Circumstances<'a> {
    pub now: Timestamp,
    pub scope: &'a Scope,
    pub caller: &'a Caller,
    pub origin: &'a Origin,
}

/// What the house knows of a call, added to what the engine said of its ask.
pub fn of(cx: &Circumstances<'_>, ask: &Ask, standing: &Standing, session: Option<&Session>, resource: Option<&Membership>) -> Keys {
    let mut keys = ask.keys.clone();
    keys.set("aws:CurrentTime", cx.now.text(TimestampFormat::DateTime));
    keys.set("aws:EpochTime", cx.now.secs());
    keys.set("aws:RequestedRegion", cx.scope.region.as_str().to_owned());
    if let Some(owner) = ask.owner {
        keys.set("aws:ResourceAccount", owner);
    }
    if let Some(membership) = resource {
        keys.set("aws:ResourceOrgID", &membership.organization);
        keys.set_many("aws:ResourceOrgPaths", [&membership.path]);
    }
    let origin = cx.origin;
    keys.set("aws:ViaAWSService", !origin.via.is_empty());
    if let (Some(first), Some(last)) = (origin.via.first(), origin.via.last()) {
        keys.set_many("aws:CalledVia", &origin.via);
        keys.set("aws:CalledViaFirst", first);
        keys.set("aws:CalledViaLast", last);
    } else if let Some(ip) = origin.source_ip {
        keys.set("aws:SourceIp", ip.to_canonical().to_string());
    }
    // Policies that refuse plain HTTP are everywhere, and a local endpoint speaks it: the way here is as safe as TLS makes the real one.
    keys.set("aws:SecureTransport", true);
    if let Some(agent) = &origin.user_agent {
        keys.set("aws:UserAgent", agent);
    }
    if let Some(referer) = &origin.referer {
        keys.set("aws:Referer", referer);
    }
    principal(cx, &mut keys);
    if let Some(membership) = &standing.membership {
        keys.set("aws:PrincipalOrgID", &membership.organization);
        keys.set_many("aws:PrincipalOrgPaths", [&membership.path]);
    }
    for (key, value) in &standing.tags {
        keys.set(Cow::Owned(format!("aws:PrincipalTag/{key}")), value);
    }
    if let Some(session) = session {
        of_session(session, cx, &mut keys);
    }
    keys
}

/// What only temporary credentials have. AWS: "not present for long-term credentials", not even as `false`.
fn of_session(session: &Session, cx: &Circumstances<'_>, keys: &mut Keys) {
    // A session's tag outweighs the role's of the same name.
    for (key, value) in &session.tags {
        keys.set(Cow::Owned(format!("aws:PrincipalTag/{key}")), value);
    }
    keys.set("aws:TokenIssueTime", session.issued.text(TimestampFormat::DateTime));
    if keys.get("aws:MultiFactorAuthPresent").is_none() {
        keys.set("aws:MultiFactorAuthPresent", session.mfa.is_some());
        if let Some(since) = session.mfa {
            keys.set("aws:MultiFactorAuthAge", cx.now.secs().saturating_sub(since.secs()));
        }
    }
    if let Some(source) = &session.source_identity {
        keys.set("aws:SourceIdentity", source);
    }
    if let Some(provider) = &session.provider {
        keys.set("aws:FederatedProvider", provider);
    }
    keys.set("aws:AssumedRoot", session.origin == cloudlet_identity::Origin::AssumeRoot);
    for (key, values) in &session.claims {
        if keys.get(key).is_none() {
            keys.set_many(Cow::Owned(key.to_string()), values);
        }
    }
}

fn principal(cx: &Circumstances<'_>, keys: &mut Keys) {
    let caller = cx.caller;
    keys.set("aws:PrincipalIsAWSService", matches!(caller.identity, Identity::Service { .. }));
    let kind = match &caller.identity {
        Identity::Root => "Account",
        Identity::User { name } => {
            keys.set("aws:username", name);
            "User"
        }
        Identity::AssumedRole { .. } => "AssumedRole",
        Identity::FederatedUser { .. } => "FederatedUser",
        Identity::Anonymous => {
            keys.set("aws:PrincipalType", "Anonymous");
            return;
        }
        Identity::Service { principal, source } => {
            keys.set("aws:PrincipalServiceName", principal);
            keys.set_many("aws:PrincipalServiceNamesList", [principal]);
            if let Some(source) = source {
                keys.set("aws:SourceArn", source);
            }
            if let Some(account) = caller.account {
                keys.set("aws:SourceAccount", account);
            }
            return;
        }
    };
    keys.set("aws:PrincipalType", kind);
    match &caller.identity {
        Identity::AssumedRole { role, .. } => keys.set("aws:PrincipalArn", role),
        _ => keys.set("aws:PrincipalArn", &caller.arn),
    }
    keys.set("aws:userid", &caller.unique_id);
    if let Some(account) = caller.account {
        keys.set("aws:PrincipalAccount", account);
    }
}
