//! A parsed policy document.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>

use crate::Named;
use crate::arns::ResourcePattern;
use crate::conditions::Condition;
use crate::wildcard::Pattern;
use std::collections::BTreeMap;
use std::sync::Arc;

mod normalize;
mod read;
mod rewrite;

pub use rewrite::rewrite_principals;

/// What a document is for. This determines its required, optional and forbidden elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Attached to users, groups, roles; also permissions boundaries and session policies.
    Identity,
    /// Attached to a resource, naming principals: buckets, queues, topics, functions.
    Resource,
    /// A role's trust policy.
    Trust,
    /// A KMS key's policy: like a role's trust, identity policies alone are never enough.
    Key,
    VpcEndpoint,
    /// SCP
    ServiceControl,
    /// RCP
    ResourceControl,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// The default. Its documents have no variables.
    V2008_10_17,
    V2012_10_17,
}

impl Version {
    pub fn as_str(self) -> &'static str {
        match self {
            Version::V2008_10_17 => "2008-10-17",
            Version::V2012_10_17 => "2012-10-17",
        }
    }
}

/// A parsed policy, cheap to clone.
#[derive(Clone, Debug)]
pub struct Document(Arc<Parsed>);

#[derive(Debug)]
struct Parsed {
    kind: Kind,
    version: Version,
    id: Option<Box<str>>,
    statements: Box<[Statement]>,
    /// The condition keys they read: collected once, used on every call.
    keys: Box<[Box<str>]>,
}

fn keys_of(statements: &[Statement]) -> Box<[Box<str>]> {
    let mut seen = BTreeMap::new();
    for statement in statements {
        let resources = statement.resources.iter().flat_map(|list| list.items.iter()).flat_map(|resource| resource.pattern.keys());
        for key in statement.conditions.iter().flat_map(Condition::keys).chain(resources) {
            seen.entry(key.to_ascii_lowercase()).or_insert(key);
        }
    }
    seen.into_values().map(Into::into).collect()
}

impl Document {
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    pub fn version(&self) -> Version {
        self.0.version
    }

    pub fn id(&self) -> Option<&str> {
        self.0.id.as_deref()
    }

    pub fn statements(&self) -> &[Statement] {
        &self.0.statements
    }

    /// The same without its allows.
    #[must_use]
    pub fn only_denies(&self) -> Document {
        let Parsed { kind, version, ref id, ref statements, .. } = *self.0;
        let statements: Box<[Statement]> = statements.iter().filter(|statement| statement.effect == StatementEffect::Deny).cloned().collect();
        Document(Arc::new(Parsed { kind, version, id: id.clone(), keys: keys_of(&statements), statements }))
    }

    /// Every condition key that the document reads, in conditions or variables, once, as it is first spelled.
    pub fn keys(&self) -> &[Box<str>] {
        &self.0.keys
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Document) -> bool {
        let (a, b) = (&*self.0, &*other.0);
        (a.kind, a.version, &a.id) == (b.kind, b.version, &b.id)
            && a.statements.len() == b.statements.len()
            && a.statements.iter().zip(&b.statements).all(|(a, b)| a.is_same(b))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatementEffect {
    Allow,
    Deny,
}

/// Whether an element lists what it matches (`Action`), or what it does not (`NotAction`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Listing {
    Only,
    AllBut,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct List<T> {
    pub listing: Listing,
    pub items: Box<[T]>,
}

/// An action and its pattern in lower case.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Action {
    pub text: Box<str>,
    pub pattern: Pattern,
    /// The first bytes up to a wildcard, which exclude most patterns in one comparison.
    pub start: Start,
}

/// Up to eight bytes with which a text starts, as one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    bytes: u64,
    mask: u64,
}

impl Start {
    pub fn of(text: &str) -> Start {
        let mut bytes = [0; 8];
        let mut mask = [0; 8];
        for ((to, known), byte) in bytes.iter_mut().zip(&mut mask).zip(text.bytes().take_while(|b| !matches!(b, b'*' | b'?'))) {
            (*to, *known) = (byte, u8::MAX);
        }
        Start { bytes: u64::from_ne_bytes(bytes), mask: u64::from_ne_bytes(mask) }
    }

    /// Whether a text that starts like `other` can start like this.
    pub fn may_match(self, other: Start) -> bool {
        other.bytes & self.mask == self.bytes
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Resource {
    pub text: Box<str>,
    pub pattern: ResourcePattern,
}

/// Line and column, both from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

/// The position of a statement in its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Span {
    /// In bytes, from its opening to behind its closing brace.
    pub bytes: (u32, u32),
    /// As SimulateCustomPolicy reports it.
    pub start: Position,
    pub end: Position,
}

/// One statement of a policy.
#[derive(Clone, Debug)]
pub struct Statement {
    pub(crate) sid: Option<Box<str>>,
    pub(crate) effect: StatementEffect,
    pub(crate) principals: Option<List<Named>>,
    pub(crate) actions: List<Action>,
    /// None: the resource that the policy is attached to.
    pub(crate) resources: Option<List<Resource>>,
    pub(crate) conditions: Box<[Condition]>,
    pub(crate) span: Span,
}

impl Statement {
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    pub fn effect(&self) -> StatementEffect {
        self.effect
    }

    /// The values of Principal or NotPrincipal, if the statement has either.
    pub fn principals(&self) -> Option<(Listing, &[Named])> {
        self.principals.as_ref().map(|list| (list.listing, &*list.items))
    }

    /// The values of Action or NotAction, as written.
    pub fn actions(&self) -> (Listing, impl Iterator<Item = &str>) {
        (self.actions.listing, self.actions.items.iter().map(|action| &*action.text))
    }

    /// The values of Resource or NotResource, as written, if the statement has either.
    pub fn resources(&self) -> Option<(Listing, impl Iterator<Item = &str>)> {
        self.resources.as_ref().map(|list| (list.listing, list.items.iter().map(|resource| &*resource.text)))
    }

    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    pub fn span(&self) -> Span {
        self.span
    }

    fn is_same(&self, other: &Statement) -> bool {
        (&self.sid, self.effect, &self.principals, &self.actions) == (&other.sid, other.effect, &other.principals, &other.actions)
            && (&self.resources, &self.conditions) == (&other.resources, &other.conditions)
    }
}

#[cfg(test)]
mod tests;
