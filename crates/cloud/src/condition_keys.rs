//! The global condition keys of a call, as far as a policy reads them.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>

use cloudlet_aws::{Identity, TimestampFormat};
use cloudlet_engine::{Keys, Permission, RequestContext, Value};
use cloudlet_identity::{EffectivePolicies, Membership, Session};
use std::borrow::Cow;

/// Which keys are computed.
#[derive(Clone, Copy)]
pub enum Selection<'a> {
    All,
    /// Those that the policies read, a list each.
    Only(&'a [&'a [Box<str>]]),
}

impl Selection<'_> {
    fn has(&self, name: &str) -> bool {
        match self {
            Selection::All => true,
            Selection::Only(reads) => reads.iter().copied().flatten().any(|wanted| wanted.eq_ignore_ascii_case(name)),
        }
    }

    /// Whether any key of a family is selected: `aws:PrincipalTag/…`.
    fn has_family(&self, prefix: &str) -> bool {
        match self {
            Selection::All => true,
            Selection::Only(reads) => {
                reads.iter().copied().flatten().any(|wanted| wanted.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix)))
            }
        }
    }
}

struct Context<'a> {
    keys: Keys,
    selection: Selection<'a>,
}

impl Context<'_> {
    fn set<V: Into<Value>>(&mut self, name: &'static str, value: impl FnOnce() -> V) {
        if self.selection.has(name) {
            self.keys.set(name, value());
        }
    }

    fn set_if<V: Into<Value>>(&mut self, name: &'static str, value: Option<V>) {
        if let Some(value) = value {
            self.set(name, || value);
        }
    }
}

/// The global keys of a call, added to those that the engine gave with the permission.
pub fn of(
    cx: &RequestContext,
    permission: &Permission,
    effective_policies: &EffectivePolicies,
    session: Option<&Session>,
    resource: Option<&Membership>,
    selection: Selection<'_>,
) -> Keys {
    let mut context = Context { keys: permission.keys.clone(), selection };
    for key in permission.derived.iter().filter(|key| selection.has(key.name)) {
        if let Some(value) = (key.value)(cx, permission) {
            context.keys.set(key.name, value);
        }
    }
    context.set("aws:CurrentTime", || cx.now.text(TimestampFormat::DateTime));
    context.set("aws:EpochTime", || cx.now.secs());
    context.set("aws:RequestedRegion", || cx.scope.region.as_str().to_owned());
    context.set_if("aws:ResourceAccount", permission.owner);
    if let Some(membership) = resource {
        context.set("aws:ResourceOrgID", || &membership.organization);
        context.set("aws:ResourceOrgPaths", || &membership.path);
    }
    let origin = &cx.origin;
    context.set("aws:ViaAWSService", || !origin.via.is_empty());
    if let (Some(first), Some(last)) = (origin.via.first(), origin.via.last()) {
        if context.selection.has("aws:CalledVia") {
            context.keys.set_many("aws:CalledVia", &origin.via);
        }
        context.set("aws:CalledViaFirst", || first);
        context.set("aws:CalledViaLast", || last);
    } else if let (Some(ip), Some(_)) = (origin.source_ip, &origin.vpc_endpoint) {
        // AWS: a request through an endpoint has no aws:SourceIp.
        context.set("aws:VpcSourceIp", || ip.to_canonical().to_string());
    } else if let Some(ip) = origin.source_ip {
        context.set("aws:SourceIp", || ip.to_canonical().to_string());
    }
    if let Some(endpoint) = &origin.vpc_endpoint {
        context.set("aws:SourceVpce", || endpoint.id.clone());
        context.set("aws:SourceVpc", || endpoint.vpc.clone());
    }
    // Always true: policies that refuse plain HTTP are common, and a local endpoint speaks it.
    context.set("aws:SecureTransport", || true);
    context.set_if("aws:UserAgent", origin.user_agent.as_ref());
    context.set_if("aws:Referer", origin.referer.as_ref());
    if permission.federated.is_none() {
        principal(cx, &mut context);
    }
    if let Some(membership) = &effective_policies.membership {
        context.set("aws:PrincipalOrgID", || &membership.organization);
        context.set("aws:PrincipalOrgPaths", || &membership.path);
    }
    if let Some(source) = &effective_policies.source_membership {
        context.set("aws:SourceOrgID", || &source.organization);
        context.set("aws:SourceOrgPaths", || &source.path);
    }
    let tags = if selection.has_family("aws:PrincipalTag/") { effective_policies.tags.as_slice() } else { &[] };
    for (key, value) in tags {
        context.keys.set(Cow::Owned(format!("aws:PrincipalTag/{key}")), value);
    }
    if let Some(session) = session {
        of_session(session, cx, &mut context);
    }
    context.keys
}

/// Keys that only temporary credentials have. AWS: "not present for long-term credentials", not even as `false`.
fn of_session(session: &Session, cx: &RequestContext, context: &mut Context<'_>) {
    // A session's tag outweighs the role's of the same name.
    for (key, value) in &session.tags {
        context.keys.set(Cow::Owned(format!("aws:PrincipalTag/{key}")), value);
    }
    context.set("aws:TokenIssueTime", || session.issued.text(TimestampFormat::DateTime));
    // A call may bring an MFA code of its own: AssumeRole then sets the key with its permission.
    if context.keys.get("aws:MultiFactorAuthPresent").is_none() {
        context.set("aws:MultiFactorAuthPresent", || session.mfa_at.is_some());
        context.set_if("aws:MultiFactorAuthAge", session.mfa_at.map(|since| cx.now.secs().saturating_sub(since.secs())));
    }
    context.set_if("aws:SourceIdentity", session.source_identity.as_ref());
    context.set_if("aws:FederatedProvider", session.federated_provider.as_ref());
    context.set("aws:AssumedRoot", || session.kind == cloudlet_identity::SessionKind::AssumeRoot);
    for (key, values) in &session.claims {
        if context.keys.get(key).is_none() {
            context.keys.set_many(Cow::Owned(key.to_string()), values);
        }
    }
}

fn principal(cx: &RequestContext, context: &mut Context<'_>) {
    let caller = &cx.caller;
    context.set("aws:PrincipalIsAWSService", || matches!(caller.identity, Identity::Service { .. }));
    let kind = match &caller.identity {
        Identity::Root => "Account",
        Identity::User { name } => {
            context.set("aws:username", || name);
            "User"
        }
        Identity::AssumedRole { .. } => "AssumedRole",
        Identity::FederatedUser { .. } => "FederatedUser",
        Identity::Anonymous => return context.set("aws:PrincipalType", || "Anonymous"),
        Identity::Service { principal, source } => {
            context.set("aws:PrincipalServiceName", || principal);
            context.set("aws:PrincipalServiceNamesList", || principal);
            context.set_if("aws:SourceArn", source.as_ref());
            context.set_if("aws:SourceAccount", caller.account);
            return;
        }
    };
    context.set("aws:PrincipalType", || kind);
    match &caller.identity {
        Identity::AssumedRole { role, .. } => context.set("aws:PrincipalArn", || role),
        _ => context.set("aws:PrincipalArn", || &caller.arn),
    }
    context.set("aws:userid", || &caller.unique_id);
    context.set_if("aws:PrincipalAccount", caller.account);
}
