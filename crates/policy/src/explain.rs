//! The reasons of a decision: AWS's error message for the caller, and the full trace.

use crate::decide::{By, Decision, Effect, Gate, Gates, Policies, Request, Source, decide};
use crate::evaluate::{Lowered, Match, evaluate};
use crate::{Document, PrincipalKind, Span, StatementEffect};
use serde::Serialize;
use std::fmt;

impl Decision {
    /// The end of AWS's access-denied message: "because no identity-based policy allows the s3:GetObject action".
    /// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>
    pub fn because(&self, request: &Request<'_>, policies: &Policies<'_>) -> String {
        match self.effect {
            Effect::Allow => String::new(),
            Effect::ImplicitDeny => format!("because no {} allows the {} action", self.gate.name(), request.action),
            Effect::ExplicitDeny => {
                let (article, name) = match self.gate {
                    Gate::Trust => ("the", "role trust policy"),
                    Gate::Identity => ("an", self.gate.name()),
                    _ => ("a", self.gate.name()),
                };
                let mut text = format!("with an explicit deny in {article} {name}");
                // AWS: since January 2026 the policy's ARN follows, where the caller's account or organization has it.
                // <https://aws.amazon.com/blogs/security/enhanced-access-denied-error-messages-with-policy-arns>
                let tells = matches!(self.gate, Gate::ServiceControl | Gate::ResourceControl | Gate::Boundary | Gate::Session | Gate::Identity);
                if let Some((policy, _)) = self.by.filter(|_| tells).and_then(|by| policies.statement(by))
                    && policy.name.starts_with("arn:")
                {
                    text.push_str(": ");
                    text.push_str(&policy.name);
                }
                text
            }
        }
    }

    /// AWS's whole access-denied message. Services that put the resource in quotes, or name none, write their own
    /// from [`Decision::because`].
    pub fn message(&self, request: &Request<'_>, policies: &Policies<'_>) -> String {
        let caller = if request.principal.kind == PrincipalKind::Anonymous { "anonymous" } else { request.principal.arn };
        format!(
            "User: {caller} is not authorized to perform: {} on resource: {} {}",
            request.action,
            request.resource,
            self.because(request, policies)
        )
    }
}

impl Gate {
    /// Its name in AWS's messages.
    pub fn name(self) -> &'static str {
        match self {
            Gate::ResourceControl => "resource control policy",
            Gate::ServiceControl => "service control policy",
            Gate::VpcEndpoint => "VPC endpoint policy",
            Gate::Resource => "resource-based policy",
            Gate::Trust => "role trust policy",
            Gate::Grant => "grant",
            Gate::Identity => "identity-based policy",
            Gate::Boundary => "permissions boundary",
            Gate::Session => "session policy",
            Gate::Root => "root user",
        }
    }
}

/// A decision with everything that was evaluated.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    pub effect: Effect,
    pub gate: Gate,
    pub by: Option<By>,
    pub gates: Vec<GateTrace>,
    /// The ACL or KMS grant, if there was one.
    pub grant: Option<String>,
    /// Condition keys that policies read and the request does not have.
    pub missing_keys: Vec<String>,
}

/// One source of policies and its result.
#[derive(Clone, Debug, Serialize)]
pub struct GateTrace {
    pub source: Source,
    pub outcome: Outcome,
    pub policies: Vec<PolicyTrace>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Outcome {
    Allows,
    Denies,
    Silent,
    /// It does not apply to the principal: root has no boundary, a service-linked role no SCP.
    NotAsked,
}

#[derive(Clone, Debug, Serialize)]
pub struct PolicyTrace {
    pub name: String,
    pub statements: Vec<StatementTrace>,
}

#[derive(Clone, Debug, Serialize)]
pub struct StatementTrace {
    pub sid: Option<String>,
    pub allows: bool,
    /// None: it applies. Otherwise the element that does not match.
    pub misses: Option<Miss>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Miss {
    Principal,
    Action,
    Resource,
    Condition { operator: String, key: String },
}

/// A statement that applies, as SimulateCustomPolicy lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchedStatement<'e> {
    pub source: Source,
    pub policy: &'e str,
    pub span: Span,
}

/// Decides as [`decide`] does, and evaluates every statement of every policy.
pub fn explain(request: &Request<'_>, policies: &Policies<'_>) -> Explanation {
    let decision = decide(request, policies);
    let gates = Gates::of(request, policies);
    let action = Lowered::of(request.action);
    let subject = request.subject(&action, policies);
    let mut traces = Vec::new();
    for source in sources(policies) {
        let asked = match source {
            Source::Identity | Source::Group => gates.identity,
            Source::Boundary => gates.boundary,
            Source::Session => gates.session,
            Source::ServiceControl(_) => gates.service_control,
            Source::ResourceControl(_) => gates.resource_control,
            Source::Resource | Source::VpcEndpoint => true,
        };
        let traced = policies.of(source).iter().map(|policy| PolicyTrace {
            name: policy.name.to_string(),
            statements: policy
                .document
                .statements()
                .iter()
                .map(|statement| {
                    let misses = match evaluate(statement, &subject) {
                        Match::Applies(_) => None,
                        Match::OtherPrincipal => Some(Miss::Principal),
                        Match::OtherAction => Some(Miss::Action),
                        Match::OtherResource => Some(Miss::Resource),
                        Match::Condition(at) => statement
                            .conditions()
                            .get(at)
                            .map(|condition| Miss::Condition { operator: condition.operator().to_owned(), key: condition.key().to_owned() }),
                    };
                    StatementTrace {
                        sid: statement.sid().map(str::to_owned),
                        allows: statement.effect() == StatementEffect::Allow,
                        misses,
                        span: statement.span(),
                    }
                })
                .collect(),
        });
        let traced: Vec<PolicyTrace> = traced.collect();
        let applies = |allows: bool| {
            traced.iter().flat_map(|policy| &policy.statements).any(|statement| statement.misses.is_none() && statement.allows == allows)
        };
        let outcome = match () {
            () if !asked => Outcome::NotAsked,
            () if applies(false) => Outcome::Denies,
            () if applies(true) => Outcome::Allows,
            () => Outcome::Silent,
        };
        traces.push(GateTrace { source, outcome, policies: traced });
    }
    Explanation {
        effect: decision.effect,
        gate: decision.gate,
        by: decision.by,
        gates: traces,
        grant: policies.grant.map(|grant| grant.name.to_owned()),
        missing_keys: missing_keys(request, policies),
    }
}

/// In the order of evaluation.
fn sources(policies: &Policies<'_>) -> Vec<Source> {
    let mut sources: Vec<Source> = (0..policies.resource_control.len()).map(Source::ResourceControl).collect();
    sources.extend((0..policies.service_control.len()).map(Source::ServiceControl));
    let rest = [Source::Resource, Source::Identity, Source::Group, Source::Boundary, Source::Session, Source::VpcEndpoint];
    sources.extend(rest.into_iter().filter(|source| !policies.of(*source).is_empty()));
    sources
}

fn missing_keys(request: &Request<'_>, policies: &Policies<'_>) -> Vec<String> {
    let documents: Vec<&Document> = sources(policies).into_iter().flat_map(|source| policies.of(source)).map(|policy| &policy.document).collect();
    let mut missing: Vec<String> =
        documents.iter().flat_map(|document| document.keys()).filter(|key| request.keys.get(key).is_none()).map(|key| key.to_string()).collect();
    missing.sort_by_key(|key| key.to_ascii_lowercase());
    missing.dedup_by(|a, b| a.eq_ignore_ascii_case(b));
    missing
}

impl Explanation {
    /// The statements that made the decision: its denies, or its allows; none for an implicit deny.
    /// AWS: "the deny statement is the only entry included in the result".
    pub fn matched_statements(&self) -> impl Iterator<Item = MatchedStatement<'_>> {
        let allows = self.effect == Effect::Allow;
        let gates: &[GateTrace] = if self.effect == Effect::ImplicitDeny { &[] } else { &self.gates };
        gates.iter().filter(|gate| gate.outcome != Outcome::NotAsked).flat_map(move |gate| {
            gate.policies.iter().flat_map(move |policy| {
                let applying = policy.statements.iter().filter(move |statement| statement.misses.is_none() && statement.allows == allows);
                applying.map(move |statement| MatchedStatement { source: gate.source, policy: &policy.name, span: statement.span })
            })
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Identity => f.write_str("identity-based policies"),
            Source::Group => f.write_str("policies of groups"),
            Source::Boundary => f.write_str("permissions boundary"),
            Source::Session => f.write_str("session policies"),
            Source::Resource => f.write_str("resource-based policy"),
            Source::VpcEndpoint => f.write_str("VPC endpoint policy"),
            Source::ServiceControl(level) => write!(f, "service control policies, level {level}"),
            Source::ResourceControl(level) => write!(f, "resource control policies, level {level}"),
        }
    }
}

/// For people: one line for the decision, one for each gate, and one for each statement about this action.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.effect {
            Effect::Allow => writeln!(f, "allowed by the {}", self.gate.name())?,
            Effect::ExplicitDeny => writeln!(f, "denied by the {}", self.gate.name())?,
            Effect::ImplicitDeny => writeln!(f, "denied: no {} allows it", self.gate.name())?,
        }
        for gate in &self.gates {
            let outcome = match gate.outcome {
                Outcome::Allows => "allows",
                Outcome::Denies => "denies",
                Outcome::Silent => "says nothing",
                Outcome::NotAsked => "does not apply to this principal",
            };
            writeln!(f, "  {}: {outcome}", gate.source)?;
            for policy in &gate.policies {
                for (at, statement) in policy.statements.iter().enumerate() {
                    let what = if statement.allows { "Allow" } else { "Deny" };
                    let sid = statement.sid.as_deref().map_or_else(|| format!("statement {at}"), |sid| format!("statement {at} ({sid})"));
                    match &statement.misses {
                        // Statements about other actions are left out.
                        Some(Miss::Action) => continue,
                        None => writeln!(f, "    {}, {sid}: {what} applies", policy.name)?,
                        Some(Miss::Principal) => writeln!(f, "    {}, {sid}: {what} is for other principals", policy.name)?,
                        Some(Miss::Resource) => writeln!(f, "    {}, {sid}: {what} is for other resources", policy.name)?,
                        Some(Miss::Condition { operator, key }) => writeln!(f, "    {}, {sid}: {what} needs {operator} {key}", policy.name)?,
                    }
                }
            }
        }
        if let Some(grant) = &self.grant {
            writeln!(f, "  granted besides: {grant}")?;
        }
        if !self.missing_keys.is_empty() {
            writeln!(f, "  keys the request does not have: {}", self.missing_keys.join(", "))?;
        }
        Ok(())
    }
}
