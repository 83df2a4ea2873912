//! The whole decision: every policy that applies, in AWS's order of evaluation.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html>

use crate::evaluate::{Bounded, EvaluatedRequest, Lowered, document_effect};
use crate::{Document, Keys, Kind, Principal, PrincipalKind, Reach, Statement};
use cloudlet_aws::{Account, Arn};
use std::sync::Arc;

/// The call to decide on.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub principal: Principal<'a>,
    /// `sqs:SendMessage`; its case does not matter.
    pub action: &'a str,
    /// `*` for actions that have no resource.
    pub resource: &'a Arn,
    /// The account of the resource, if its ARN has none (a bucket's). Without either it is the caller's.
    pub resource_account: Option<Account>,
    pub keys: &'a Keys,
}

/// A policy, with its name in traces and messages.
#[derive(Clone, Debug)]
pub struct Policy {
    /// A managed policy's ARN, an inline policy's name, a resource's ARN.
    pub name: Arc<str>,
    pub document: Document,
}

/// An allow on the resource's side that is no policy: an S3 ACL, a KMS grant.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    pub name: &'a str,
    pub reach: Reach,
}

/// All policies that apply to a request. What does not apply stays empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policies<'a> {
    /// The user's or role's own, inline and managed; for a federated user, those of the user behind it.
    pub identity: &'a [Policy],
    /// Those of the user's groups.
    pub groups: &'a [Policy],
    pub boundary: Option<&'a Policy>,
    /// The policies a session was made with; together they limit it.
    pub session: &'a [Policy],
    /// The resource's own policy, a role's trust policy, a key's policy.
    pub resource: &'a [Policy],
    /// What else the resource's side allows.
    pub grant: Option<Grant<'a>>,
    pub vpc_endpoint: Option<&'a Policy>,
    /// SCPs from the root to the caller's account; every level must allow. None for the management account.
    pub service_control: &'a [Vec<Policy>],
    /// RCPs from the root to the resource's account; every level must allow. None for the management account, and for
    /// services that do not support RCPs.
    pub resource_control: &'a [Vec<Policy>],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub enum Effect {
    Allow,
    ExplicitDeny,
    ImplicitDeny,
}

/// A step of the evaluation, which denies or allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub enum Gate {
    ResourceControl,
    ServiceControl,
    VpcEndpoint,
    Resource,
    /// A role's trust policy.
    Trust,
    /// An ACL or a KMS grant.
    Grant,
    Identity,
    Boundary,
    Session,
    /// The root user, who needs no policy in its own account.
    Root,
}

/// The position of a policy among the [`Policies`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub enum Source {
    Identity,
    Group,
    Boundary,
    Session,
    Resource,
    VpcEndpoint,
    /// With the level, from the organization's root.
    ServiceControl(usize),
    ResourceControl(usize),
}

/// The statement that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub struct By {
    pub source: Source,
    pub policy: usize,
    pub statement: usize,
}

/// The decision, the gate that made it, and the statement, unless the absence of one decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decision {
    pub effect: Effect,
    pub gate: Gate,
    pub by: Option<By>,
}

impl Decision {
    pub fn is_allowed(&self) -> bool {
        self.effect == Effect::Allow
    }
}

impl<'a> Policies<'a> {
    /// The policies of one source.
    pub fn of(&self, source: Source) -> &'a [Policy] {
        match source {
            Source::Identity => self.identity,
            Source::Group => self.groups,
            Source::Boundary => self.boundary.map(std::slice::from_ref).unwrap_or_default(),
            Source::Session => self.session,
            Source::Resource => self.resource,
            Source::VpcEndpoint => self.vpc_endpoint.map(std::slice::from_ref).unwrap_or_default(),
            Source::ServiceControl(level) => self.service_control.get(level).map(Vec::as_slice).unwrap_or_default(),
            Source::ResourceControl(level) => self.resource_control.get(level).map(Vec::as_slice).unwrap_or_default(),
        }
    }

    /// The policy and the statement that decided.
    pub fn statement(&self, by: By) -> Option<(&'a Policy, &'a Statement)> {
        let policy = self.of(by.source).get(by.policy)?;
        Some((policy, policy.document.statements().get(by.statement)?))
    }

    /// AWS: trust policies and key policies must name the caller or the caller's account; identity policies alone never do.
    fn identity_is_not_enough(&self) -> bool {
        self.resource.iter().any(|policy| matches!(policy.document.kind(), Kind::Trust | Kind::Key))
    }

    pub(crate) fn resource_gate(&self) -> Gate {
        if self.resource.iter().any(|policy| policy.document.kind() == Kind::Trust) { Gate::Trust } else { Gate::Resource }
    }
}

/// Which gates apply to a principal.
pub(crate) struct Gates {
    pub service_control: bool,
    pub resource_control: bool,
    pub identity: bool,
    pub boundary: bool,
    pub session: bool,
}

impl Gates {
    pub fn of(request: &Request<'_>, policies: &Policies<'_>) -> Gates {
        let principal = &request.principal;
        let linked = principal.is_service_linked();
        let of_account = principal.is_of_an_account();
        let limited = of_account && principal.kind != PrincipalKind::Root && !linked;
        Gates {
            service_control: of_account && !linked,
            resource_control: !linked,
            identity: principal.needs_identity_policies(),
            boundary: limited && policies.boundary.is_some(),
            // AWS: a federated user may only do what its session policies allow; without any, nothing.
            session: limited && (!policies.session.is_empty() || principal.kind == PrincipalKind::FederatedUser),
        }
    }
}

/// The effect of the policies of one source: the first deny, or the allow with the farthest reach.
#[derive(Clone, Copy, Default)]
struct Found {
    deny: Option<By>,
    allow: Option<(By, Reach)>,
}

impl Found {
    fn scan(policies: &Policies<'_>, source: Source, subject: &EvaluatedRequest<'_>) -> Found {
        let mut found = Found::default();
        for (at, policy) in policies.of(source).iter().enumerate() {
            let by = |statement| By { source, policy: at, statement };
            let said = document_effect(&policy.document, subject);
            if let Some(statement) = said.deny {
                return Found { deny: Some(by(statement)), allow: None };
            }
            if let Some((statement, reach)) = said.allow
                && found.allow.is_none_or(|(_, known)| known < reach)
            {
                found.allow = Some((by(statement), reach));
            }
        }
        found
    }

    /// Every level must allow: the first deny, or the first level without an allow.
    fn levels(policies: &Policies<'_>, count: usize, source: fn(usize) -> Source, subject: &EvaluatedRequest<'_>) -> (Option<By>, bool) {
        let mut all_allow = true;
        for level in 0..count {
            let found = Found::scan(policies, source(level), subject);
            if found.deny.is_some() {
                return (found.deny, false);
            }
            all_allow &= found.allow.is_some();
        }
        (None, all_allow)
    }
}

/// The relation of the caller to the resource.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Relation {
    SameAccount,
    CrossAccount,
    /// A caller without identity policies: a service, an anonymous caller.
    Outsider,
}

impl Request<'_> {
    fn relation(&self) -> Relation {
        if !self.principal.is_of_an_account() {
            return Relation::Outsider;
        }
        let owner = self.resource_account.or_else(|| Account::parse(self.resource.account()));
        if owner.is_none() || owner == self.principal.account { Relation::SameAccount } else { Relation::CrossAccount }
    }

    pub(crate) fn subject<'s>(&'s self, action: &'s Lowered, policies: &Policies<'_>) -> EvaluatedRequest<'s> {
        let bounded = if policies.boundary.is_some() { Bounded::Yes } else { Bounded::No };
        EvaluatedRequest::new(action, self.resource, self.keys, &self.principal, bounded)
    }
}

/// Decides. No allocation as long as actions and values are of usual length.
pub fn decide(request: &Request<'_>, policies: &Policies<'_>) -> Decision {
    let action = Lowered::of(request.action);
    let subject = &request.subject(&action, policies);
    let gates = Gates::of(request, policies);
    let scan = |source| Found::scan(policies, source, subject);
    let asked = |asked: bool, source| if asked { scan(source) } else { Found::default() };

    let (rcp_deny, rcp_allow) = if gates.resource_control {
        Found::levels(policies, policies.resource_control.len(), Source::ResourceControl, subject)
    } else {
        (None, true)
    };
    let (scp_deny, scp_allow) =
        if gates.service_control { Found::levels(policies, policies.service_control.len(), Source::ServiceControl, subject) } else { (None, true) };
    let resource = scan(Source::Resource);
    let identity = asked(gates.identity, Source::Identity);
    let group = asked(gates.identity, Source::Group);
    let boundary = asked(gates.boundary, Source::Boundary);
    let session = asked(gates.session, Source::Session);
    let endpoint = scan(Source::VpcEndpoint);

    // An explicit deny overrides everything. Which of several is reported, AWS does not document.
    let resource_gate = policies.resource_gate();
    let denies = [
        (rcp_deny, Gate::ResourceControl),
        (scp_deny, Gate::ServiceControl),
        (resource.deny, resource_gate),
        (identity.deny.or(group.deny), Gate::Identity),
        (boundary.deny, Gate::Boundary),
        (session.deny, Gate::Session),
        (endpoint.deny, Gate::VpcEndpoint),
    ];
    if let Some((by, gate)) = denies.into_iter().find(|(deny, _)| deny.is_some()) {
        return Decision { effect: Effect::ExplicitDeny, gate, by };
    }

    let silent = |gate| Decision { effect: Effect::ImplicitDeny, gate, by: None };
    let allowed = |gate, by| Decision { effect: Effect::Allow, gate, by };
    if !rcp_allow {
        return silent(Gate::ResourceControl);
    }
    if !scp_allow {
        return silent(Gate::ServiceControl);
    }

    // The resource's side: its policy, or an ACL or grant.
    let mut granted = resource.allow.map(|(by, reach)| (reach, allowed(resource_gate, Some(by))));
    if resource_gate == Gate::Trust && request.principal.kind == PrincipalKind::Anonymous {
        // AWS: `*` in a trust policy is any principal of any account, but not a caller without credentials.
        granted = None;
    }
    if let Some(grant) = policies.grant
        && granted.is_none_or(|(reach, _)| reach < grant.reach)
    {
        granted = Some((grant.reach, allowed(Gate::Grant, None)));
    }

    // The caller's side.
    let limits = || match () {
        () if gates.boundary && boundary.allow.is_none() => Some(silent(Gate::Boundary)),
        () if gates.session && session.allow.is_none() => Some(silent(Gate::Session)),
        () => None,
    };
    let own = identity.allow.or(group.allow);
    let own_side = || match () {
        () if gates.identity && own.is_none() => Err(silent(Gate::Identity)),
        () => match limits() {
            Some(limit) => Err(limit),
            None if gates.identity => Ok(allowed(Gate::Identity, own.map(|(by, _)| by))),
            None => Ok(allowed(Gate::Root, None)),
        },
    };

    let decision = match (request.relation(), granted) {
        (Relation::Outsider, None) => silent(resource_gate),
        (Relation::Outsider, Some((_, granted))) => granted,
        // How specifically the resource's side names the caller determines what may still limit it.
        (Relation::SameAccount, Some((Reach::Direct, granted))) => granted,
        (Relation::SameAccount, Some((Reach::Issuer, granted))) => limits().unwrap_or(granted),
        (Relation::SameAccount, None) if policies.identity_is_not_enough() => silent(resource_gate),
        (Relation::SameAccount, _) => own_side().unwrap_or_else(|limit| limit),
        // Both accounts must allow, however the caller is named.
        // AWS: which side is reported when neither allows is unverified.
        (Relation::CrossAccount, granted) => match (own_side(), granted) {
            (Err(limit), _) => limit,
            (Ok(_), None) => silent(resource_gate),
            (Ok(_), Some((_, granted))) => granted,
        },
    };
    if decision.is_allowed() && policies.vpc_endpoint.is_some() && endpoint.allow.is_none() { silent(Gate::VpcEndpoint) } else { decision }
}
