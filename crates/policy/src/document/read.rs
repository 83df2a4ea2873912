//! The one parser of all kinds of policy. The order of the checks is IAM's: it decides which of several mistakes is named.
//!
//! AWS: texts and order for identity policies follow answers of IAM that moto's authors recorded
//! (tests/test_iam/test_iam_policies.py); those for trust policies are collected from users' reports.

use super::{Action, Kind, List, Listing, Parsed, Position, Resource, Span, Start, Statement, StatementEffect, Version};
use crate::arns::ResourcePattern;
use crate::conditions::{Condition, Operation};
use crate::json::{Object, elements, offset, scalars, text, texts};
use crate::malformed::{Malformed, Reason};
use crate::template::Variables;
use crate::values::instant;
use crate::wildcard::Pattern;
use serde_json::value::RawValue;
use std::collections::HashSet;

mod checks;
mod principals;

/// A statement's elements, before anything is judged.
struct Elements<'a> {
    raw: &'a RawValue,
    sid: Option<String>,
    effect: Option<String>,
    principal: Option<(Listing, &'a RawValue)>,
    actions: Option<(Listing, Vec<String>)>,
    resources: Option<(Listing, Vec<String>)>,
    conditions: Vec<Test>,
}

/// One operator on one key.
struct Test {
    name: String,
    operation: Operation,
    key: String,
    values: Vec<String>,
}

/// The wording of a kind's errors.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    Identity,
    /// Trust policies, and with them all that is attached to resources.
    Resource,
    Organizations,
}

impl Kind {
    fn voice(self) -> Voice {
        match self {
            Kind::Identity => Voice::Identity,
            Kind::Resource | Kind::Trust | Kind::Key | Kind::VpcEndpoint => Voice::Resource,
            Kind::ServiceControl | Kind::ResourceControl => Voice::Organizations,
        }
    }

    fn names_principals(self) -> bool {
        !matches!(self, Kind::Identity | Kind::ServiceControl)
    }
}

/// Which rules a document must satisfy beside the grammar.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rules {
    All,
    /// For a document that was accepted before, perhaps under other rules.
    GrammarOnly,
}

/// A document that was stored: the rules of today do not apply to it.
pub(super) fn stored(whole: &str, kind: Kind) -> Parsed {
    let parsed = read(whole, kind, Rules::All).or_else(|_| read(whole, kind, Rules::GrammarOnly));
    // What cannot be read at all allows nothing.
    parsed.unwrap_or_else(|_| Parsed { kind, version: Version::V2012_10_17, id: None, statements: Box::default(), keys: Box::default() })
}

pub(super) fn document(whole: &str, kind: Kind) -> Result<Parsed, Malformed> {
    read(whole, kind, Rules::All).map_err(|malformed| match kind.voice() {
        Voice::Organizations => {
            Malformed::new(Reason::PolicyType, "The provided policy document does not meet the requirements of the specified policy type.")
        }
        _ => malformed,
    })
}

fn read(whole: &str, kind: Kind, rules: Rules) -> Result<Parsed, Malformed> {
    let voice = kind.voice();
    let no_json = || match voice {
        Voice::Resource => Malformed::new(Reason::Json, "This policy contains invalid Json"),
        _ => Malformed { reason: Reason::Json, ..Malformed::syntax() },
    };
    let raw: &RawValue = serde_json::from_str(whole).map_err(|_| no_json())?;
    if !raw.get().starts_with('{') {
        return Err(no_json());
    }
    let top = Object::of(raw).ok_or_else(Malformed::syntax)?;
    if top.0.iter().any(|(key, _)| !matches!(key.as_str(), "Version" | "Id" | "Statement")) {
        return Err(Malformed::syntax());
    }
    let version = match top.get("Version").map(text) {
        None => None,
        Some(Some(text)) if text == "2012-10-17" => Some(Version::V2012_10_17),
        Some(Some(text)) if text == "2008-10-17" => Some(Version::V2008_10_17),
        Some(_) if voice == Voice::Resource => return Err(Malformed::new(Reason::Version, "The policy must contain a valid version string")),
        Some(_) => return Err(Malformed { reason: Reason::Version, ..Malformed::syntax() }),
    };
    let id = top.get("Id").map(|raw| text(raw).ok_or_else(Malformed::syntax)).transpose()?;
    let (statements, spans) = statements(whole, top.get("Statement"), voice)?;
    if rules == Rules::All {
        if voice != Voice::Resource && version != Some(Version::V2012_10_17) {
            return Err(Malformed::new(Reason::Version, "Policy document must be version 2012-10-17 or greater."));
        }
        checks::statements(&statements, kind)?;
    }

    let version = version.unwrap_or(Version::V2008_10_17);
    let variables = if version == Version::V2012_10_17 { Variables::Live } else { Variables::Literal };
    let built = statements.into_iter().zip(spans).map(|(elements, span)| build(elements, span, variables)).collect::<Result<Box<[_]>, _>>()?;
    Ok(Parsed { kind, version, id: id.map(Into::into), keys: super::keys_of(&built), statements: built })
}

fn statements<'a>(whole: &str, raw: Option<&'a RawValue>, voice: Voice) -> Result<(Vec<Elements<'a>>, Vec<Span>), Malformed> {
    let empty = || match voice {
        Voice::Resource => Malformed::new(Reason::Syntax, "Could not parse the policy: Statement is empty!"),
        _ => Malformed::syntax(),
    };
    let raw = raw.ok_or_else(empty)?;
    let list = match raw.get().as_bytes().first() {
        Some(b'{') => vec![raw],
        Some(b'[') => elements(raw).ok_or_else(Malformed::syntax)?,
        _ => return Err(Malformed::syntax()),
    };
    if list.is_empty() {
        return Err(empty());
    }
    let spans = spans(whole, raw, &list);
    Ok((list.into_iter().map(|statement| read_elements(statement, voice)).collect::<Result<_, _>>()?, spans))
}

/// AWS: SimulateCustomPolicy reports where its parser stood when it began a statement: behind the brace of a single one,
/// behind the bracket or the statement before in a list. Recorded for a single statement and the first of a list (the
/// examples of `aws iam simulate-custom-policy`); for later ones unverified.
fn spans(whole: &str, raw: &RawValue, list: &[&RawValue]) -> Vec<Span> {
    let mut at = Walk { text: whole, offset: 0, position: Position { line: 1, column: 1 } };
    let mut before = at.go(offset(whole, raw.get()) + 1);
    let mut spans = Vec::with_capacity(list.len());
    for statement in list {
        let start = offset(whole, statement.get());
        let end = start + statement.get().len();
        let behind = at.go(end);
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        spans.push(Span { bytes: (number(start), number(end)), start: before, end: behind });
        before = behind;
    }
    spans
}

struct Walk<'a> {
    text: &'a str,
    offset: usize,
    position: Position,
}

impl Walk<'_> {
    fn go(&mut self, to: usize) -> Position {
        for c in self.text.get(self.offset..to).unwrap_or_default().chars() {
            match c {
                '\n' => self.position = Position { line: self.position.line + 1, column: 1 },
                _ => self.position.column += 1,
            }
        }
        self.offset = self.offset.max(to);
        self.position
    }
}

/// Shape only: which elements there are, and of which JSON type.
fn read_elements(raw: &RawValue, voice: Voice) -> Result<Elements<'_>, Malformed> {
    let object = Object::of(raw).ok_or_else(Malformed::syntax)?;
    let mut out = Elements { raw, sid: None, effect: None, principal: None, actions: None, resources: None, conditions: Vec::new() };
    for (key, value) in object.0 {
        let once = |free: bool| if free { Ok(()) } else { Err(Malformed::syntax()) };
        match key.as_str() {
            "Sid" => out.sid = Some(text(value).ok_or_else(Malformed::syntax)?),
            "Effect" => out.effect = Some(text(value).ok_or_else(Malformed::syntax)?),
            "Principal" | "NotPrincipal" => {
                once(out.principal.is_none())?;
                out.principal = Some((listing(&key), value));
            }
            "Action" | "NotAction" => {
                once(out.actions.is_none())?;
                out.actions = Some((listing(&key), texts(value).ok_or_else(Malformed::syntax)?));
            }
            "Resource" | "NotResource" => {
                once(out.resources.is_none())?;
                out.resources = Some((listing(&key), texts(value).ok_or_else(Malformed::syntax)?));
            }
            "Condition" => out.conditions = conditions(value, voice)?,
            _ => return Err(Malformed::syntax()),
        }
    }
    Ok(out)
}

fn listing(key: &str) -> Listing {
    if key.starts_with("Not") { Listing::AllBut } else { Listing::Only }
}

fn conditions(raw: &RawValue, voice: Voice) -> Result<Vec<Test>, Malformed> {
    let syntax = || Malformed { reason: Reason::Condition, ..Malformed::syntax() };
    let mut out = Vec::new();
    for (name, keys) in Object::of(raw).ok_or_else(syntax)?.0 {
        // AWS: an unknown operator without keys is ignored.
        for (key, values) in Object::of(keys).ok_or_else(syntax)?.0 {
            // AWS: operators are case-sensitive. S3 names the unknown one; IAM's answer for identity policies is recorded too.
            let unknown = || match voice {
                Voice::Resource => Malformed::new(Reason::Condition, format!("Invalid Condition type : {name}")),
                Voice::Identity | Voice::Organizations => syntax(),
            };
            let operation = Operation::parse(&name).ok_or_else(unknown)?;
            out.push(Test { name: name.clone(), operation, key, values: scalars(values).ok_or_else(syntax)? });
        }
    }
    Ok(out)
}

fn build(elements: Elements<'_>, span: Span, variables: Variables) -> Result<Statement, Malformed> {
    let effect = if elements.effect.as_deref() == Some("Allow") { StatementEffect::Allow } else { StatementEffect::Deny };
    let principals =
        elements.principal.map(|(listing, raw)| principals::named(raw).map(|items| List { listing, items: items.into() })).transpose()?;
    let (listing, actions) = elements.actions.unwrap_or((Listing::Only, Vec::new()));
    let action = |text: String| {
        let lower = text.to_ascii_lowercase();
        Action { pattern: Pattern::parse(&lower), start: Start::of(&lower), text: text.into() }
    };
    let resource = |text: String| Resource { pattern: ResourcePattern::parse(&text, variables), text: text.into() };
    Ok(Statement {
        sid: elements.sid.filter(|sid| !sid.is_empty()).map(Into::into),
        effect,
        principals,
        actions: List { listing, items: actions.into_iter().map(action).collect() },
        resources: elements.resources.map(|(listing, texts)| List { listing, items: texts.into_iter().map(resource).collect() }),
        conditions: elements
            .conditions
            .into_iter()
            .map(|test| Condition::new(test.operation, &test.name, &test.key, test.values, variables))
            .collect(),
        span,
    })
}

/// Sids must differ within a policy.
fn sids_differ(statements: &[Elements<'_>]) -> bool {
    let mut seen = HashSet::new();
    statements.iter().filter_map(|statement| statement.sid.as_deref()).filter(|sid| !sid.is_empty()).all(|sid| seen.insert(sid))
}

fn dates_are_readable(statement: &Elements<'_>) -> bool {
    statement.conditions.iter().filter(|test| test.operation.is_date()).flat_map(|test| &test.values).all(|text| instant(text).is_some())
}
