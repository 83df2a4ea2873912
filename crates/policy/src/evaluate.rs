//! The evaluation of one statement for one request.

use crate::arns::Parts;
use crate::document::{Listing, Start, Statement, StatementEffect};
use crate::principal::spares;
use crate::{Document, Keys, Principal, Reach};
use cloudlet_aws::Arn;
use smallvec::SmallVec;

/// The request, prepared for the evaluation of statements.
pub(crate) struct EvaluatedRequest<'a> {
    action: &'a str,
    start: Start,
    pub resource: Option<Parts<'a>>,
    pub keys: &'a Keys,
    pub principal: &'a Principal<'a>,
    pub bounded: Bounded,
}

/// Whether the principal has a permissions boundary, which matters for NotPrincipal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bounded {
    Yes,
    No,
}

/// The result of evaluating a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// It applies, with this reach. Statements without Principal have a direct reach.
    Applies(Reach),
    OtherPrincipal,
    OtherAction,
    OtherResource,
    /// The condition at this index does not hold.
    Condition(usize),
}

/// An action in lower case.
pub(crate) struct Lowered(SmallVec<[u8; 64]>);

impl Lowered {
    pub fn of(action: &str) -> Lowered {
        Lowered(action.bytes().map(|b| b.to_ascii_lowercase()).collect())
    }

    fn as_str(&self) -> &str {
        // INVARIANT: made from a text by changing ASCII characters to lower case.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl<'a> EvaluatedRequest<'a> {
    pub fn new(action: &'a Lowered, resource: &'a Arn, keys: &'a Keys, principal: &'a Principal<'a>, bounded: Bounded) -> EvaluatedRequest<'a> {
        let action = action.as_str();
        EvaluatedRequest { action, start: Start::of(action), resource: Parts::of(resource), keys, principal, bounded }
    }
}

pub(crate) fn evaluate(statement: &Statement, subject: &EvaluatedRequest<'_>) -> Match {
    let listed = statement.actions.items.iter().any(|item| item.start.may_match(subject.start) && item.pattern.matches(subject.action));
    if listed != (statement.actions.listing == Listing::Only) {
        return Match::OtherAction;
    }
    if let Some(resources) = &statement.resources {
        let listed = resources.items.iter().any(|item| item.pattern.matches(subject.resource.as_ref(), subject.keys));
        if listed != (resources.listing == Listing::Only) {
            return Match::OtherResource;
        }
    }
    let reach = match reach(statement, subject) {
        Some(reach) => reach,
        None => return Match::OtherPrincipal,
    };
    match statement.conditions.iter().position(|condition| !condition.holds(subject.keys)) {
        Some(at) => Match::Condition(at),
        None => Match::Applies(reach),
    }
}

fn reach(statement: &Statement, subject: &EvaluatedRequest<'_>) -> Option<Reach> {
    let Some(principals) = &statement.principals else { return Some(Reach::Direct) };
    let region = subject.resource.as_ref().map(Parts::region).unwrap_or_default();
    let principal = subject.principal;
    match (principals.listing, statement.effect) {
        (Listing::Only, _) => principals.items.iter().filter_map(|named| named.reaches(principal, region)).max(),
        // AWS: a principal with a boundary is never spared.
        (Listing::AllBut, StatementEffect::Deny) => {
            (subject.bounded == Bounded::Yes || !spares(&principals.items, principal, region)).then_some(Reach::Direct)
        }
        (Listing::AllBut, StatementEffect::Allow) => {
            principals.items.iter().all(|named| named.reaches(principal, region).is_none()).then_some(Reach::Direct)
        }
    }
}

/// The effect of a whole document: its first deny, or its allow with the farthest reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DocumentEffect {
    pub deny: Option<usize>,
    pub allow: Option<(usize, Reach)>,
}

pub(crate) fn document_effect(document: &Document, subject: &EvaluatedRequest<'_>) -> DocumentEffect {
    let mut document_effect = DocumentEffect::default();
    for (at, statement) in document.statements().iter().enumerate() {
        // Another allow could add nothing.
        let allowed = document_effect.allow.is_some_and(|(_, reach)| reach == Reach::Direct);
        if allowed && statement.effect == StatementEffect::Allow {
            continue;
        }
        if let Match::Applies(reach) = evaluate(statement, subject) {
            match statement.effect {
                StatementEffect::Deny => return DocumentEffect { deny: Some(at), allow: None },
                StatementEffect::Allow => {
                    if document_effect.allow.is_none_or(|(_, known)| known < reach) {
                        document_effect.allow = Some((at, reach));
                    }
                }
            }
        }
    }
    document_effect
}
