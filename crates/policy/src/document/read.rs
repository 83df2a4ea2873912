//! The parser of all kinds of policy. The order of the checks is IAM's: it determines which of several mistakes is reported.
//!
//! AWS: texts and order for identity policies follow answers of IAM that moto's authors recorded
//! (tests/test_iam/test_iam_policies.py); those for trust policies are collected from users' reports.

use super::{Action, Document, Kind, List, Listing, Parsed, Resource, Span, Start, Statement, StatementEffect, Version};
use crate::arns::ResourcePattern;
use crate::conditions::Condition;
use crate::json::{self, Object, text};
use crate::malformed::{Malformed, Reason};
use crate::template::Variables;
use crate::wildcard::Pattern;
use elements::{Elements, Wording, read_elements};
use serde_json::value::RawValue;
use spans::spans;
use std::sync::Arc;

mod checks;
mod elements;
mod principals;
mod spans;

/// Which rules a document must satisfy beside the grammar.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rules {
    All,
    /// For a document that was accepted before, perhaps under other rules.
    GrammarOnly,
}

impl Document {
    pub fn parse(text: &str, kind: Kind) -> Result<Document, Malformed> {
        document(text, kind).map(|parsed| Document(Arc::new(parsed)))
    }

    /// Reads a document that was accepted and stored before. It never fails: a document that today's rules would refuse keeps its meaning,
    /// one that cannot be read at all allows nothing.
    pub fn stored(text: &str, kind: Kind) -> Document {
        Document(Arc::new(stored(text, kind)))
    }
}

fn stored(whole: &str, kind: Kind) -> Parsed {
    let parsed = read(whole, kind, Rules::All).or_else(|_| read(whole, kind, Rules::GrammarOnly));
    // What cannot be read at all allows nothing.
    parsed.unwrap_or_else(|_| Parsed { kind, version: Version::V2012_10_17, id: None, statements: Box::default(), keys: Box::default() })
}

fn document(whole: &str, kind: Kind) -> Result<Parsed, Malformed> {
    read(whole, kind, Rules::All).map_err(|malformed| match kind.wording() {
        Wording::Organizations => {
            Malformed::new(Reason::PolicyType, "The provided policy document does not meet the requirements of the specified policy type.")
        }
        _ => malformed,
    })
}

fn read(whole: &str, kind: Kind, rules: Rules) -> Result<Parsed, Malformed> {
    let wording = kind.wording();
    let no_json = || match wording {
        Wording::Resource => Malformed::new(Reason::Json, "This policy contains invalid Json"),
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
        Some(_) if wording == Wording::Resource => return Err(Malformed::new(Reason::Version, "The policy must contain a valid version string")),
        Some(_) => return Err(Malformed { reason: Reason::Version, ..Malformed::syntax() }),
    };
    let id = top.get("Id").map(|raw| text(raw).ok_or_else(Malformed::syntax)).transpose()?;
    let (statements, spans) = statements(whole, top.get("Statement"), wording)?;
    if rules == Rules::All {
        if wording != Wording::Resource && version != Some(Version::V2012_10_17) {
            return Err(Malformed::new(Reason::Version, "Policy document must be version 2012-10-17 or greater."));
        }
        checks::statements(&statements, kind)?;
    }

    let version = version.unwrap_or(Version::V2008_10_17);
    let variables = if version == Version::V2012_10_17 { Variables::Live } else { Variables::Literal };
    let built = statements.into_iter().zip(spans).map(|(elements, span)| build(elements, span, variables)).collect::<Result<Box<[_]>, _>>()?;
    Ok(Parsed { kind, version, id: id.map(Into::into), keys: super::keys_of(&built), statements: built })
}

fn statements<'a>(whole: &str, raw: Option<&'a RawValue>, wording: Wording) -> Result<(Vec<Elements<'a>>, Vec<Span>), Malformed> {
    let empty = || match wording {
        Wording::Resource => Malformed::new(Reason::Syntax, "Could not parse the policy: Statement is empty!"),
        _ => Malformed::syntax(),
    };
    let raw = raw.ok_or_else(empty)?;
    let list = match raw.get().as_bytes().first() {
        Some(b'{') => vec![raw],
        Some(b'[') => json::elements(raw).ok_or_else(Malformed::syntax)?,
        _ => return Err(Malformed::syntax()),
    };
    if list.is_empty() {
        return Err(empty());
    }
    let spans = spans(whole, raw, &list);
    Ok((list.into_iter().map(|statement| read_elements(statement, wording)).collect::<Result<_, _>>()?, spans))
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
