//! The whole decision over all policies that apply to a request.

use crate::{Document, Keys, Principal};
use cloudlet_aws::{Account, Arn};
use std::sync::Arc;

/// May this principal do this, here?
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub principal: Principal<'a>,
    /// `sqs:SendMessage`; its case does not matter.
    pub action: &'a str,
    /// `*` for actions that have no resource.
    pub resource: &'a Arn,
    /// Whose the resource is, when its ARN does not say (a bucket's). Nobody's: the caller's.
    pub resource_account: Option<Account>,
    pub keys: &'a Keys,
}

/// A policy with the name by which a trace and a message call it.
#[derive(Clone, Debug)]
pub struct Policy {
    /// A managed policy's ARN, an inline policy's name, a resource's ARN.
    pub name: Arc<str>,
    pub document: Document,
}

/// How a principal is named by whoever allows it. It decides which other policies still limit it.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// By account: identity policies must allow too.
    Account,
    /// By role, or by the user behind a federated session: boundary and session policies still limit.
    Issuer,
    /// By the very user or session: nothing else needs to allow.
    Direct,
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
    /// The user's or role's own, inline and managed.
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
    /// SCPs from the root to the caller's account; every level must allow.
    pub service_control: &'a [Vec<Policy>],
    /// RCPs from the root to the resource's account; every level must allow.
    pub resource_control: &'a [Vec<Policy>],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    Allow,
    ExplicitDeny,
    ImplicitDeny,
}

/// The kinds of policy a request must pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gate {
    ResourceControl,
    ServiceControl,
    VpcEndpoint,
    Resource,
    Trust,
    Identity,
    Boundary,
    Session,
}

/// What was decided, and by which gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    pub effect: Effect,
    pub gate: Gate,
}

pub fn decide(_request: &Request<'_>, _policies: &Policies<'_>) -> Decision {
    Decision { effect: Effect::ImplicitDeny, gate: Gate::Identity }
}
