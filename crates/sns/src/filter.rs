//! Filter policies: which messages a subscription wants, by their attributes or by their body.
//! Deliberately no state, no clock and no service: text in, yes or no out.
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html>

mod jackson;
mod matching;
mod reading;
mod rules;
#[cfg(test)]
mod tests;

pub use jackson::{Token, Tokens};
pub use reading::Refusal;

use crate::limits;
use rules::Rule;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::Value;

/// What a policy is held against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FilterScope {
    #[default]
    MessageAttributes,
    MessageBody,
}

impl FilterScope {
    pub fn name(self) -> &'static str {
        match self {
            FilterScope::MessageAttributes => "MessageAttributes",
            FilterScope::MessageBody => "MessageBody",
        }
    }

    pub fn read(name: &str) -> Option<FilterScope> {
        [FilterScope::MessageAttributes, FilterScope::MessageBody].into_iter().find(|scope| scope.name() == name)
    }
}

/// All members must be satisfied, by one and the same object.
#[derive(Clone, Debug, PartialEq)]
struct Pattern {
    members: Vec<Member>,
}

#[derive(Clone, Debug, PartialEq)]
enum Member {
    Rules(String, Vec<Rule>),
    Nested(String, Pattern),
    Or(Vec<Pattern>),
}

/// A policy, read: alternatives, each with rules of which all must be satisfied.
#[derive(Clone, Debug, PartialEq)]
pub struct FilterPolicy {
    text: String,
    scope: FilterScope,
    alternatives: Vec<Vec<Leaf>>,
}

/// Rules, and the path of the value they are for.
#[derive(Clone, Debug, PartialEq)]
struct Leaf {
    /// AWS: keys joined by dots, so that `{"a": {"b": …}}` and `{"a.b": …}` are the same.
    path: String,
    rules: Vec<Rule>,
}

impl FilterPolicy {
    /// Reads a policy, or says in AWS's words why it is none.
    pub fn read(text: &str, scope: FilterScope) -> Result<FilterPolicy, Refusal> {
        let pattern = reading::read(text).map_err(|sentence| format!("FilterPolicy: {sentence}"))?;
        if scope == FilterScope::MessageAttributes && pattern.is_nested() {
            return Err("Filter policy scope MessageAttributes does not support nested filter policy".to_owned());
        }
        if pattern.keys() > limits::FILTER_KEYS {
            return Err("FilterPolicy: Filter policy can not have more than 5 keys".to_owned());
        }
        if pattern.combinations(1) > limits::FILTER_COMBINATIONS || text.len() > limits::FILTER_BYTES {
            return Err("FilterPolicy: Filter policy is too complex".to_owned());
        }
        Ok(FilterPolicy { text: text.to_owned(), scope, alternatives: pattern.spread("") })
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn scope(&self) -> FilterScope {
        self.scope
    }

    /// Whether a message passes: `subject` is its body, or an object of its attributes.
    pub fn takes(&self, subject: &Value) -> bool {
        subject.is_object() && self.alternatives.iter().any(|leaves| matching::fits(leaves, subject))
    }
}

impl Pattern {
    fn is_nested(&self) -> bool {
        self.members.iter().any(|member| match member {
            Member::Rules(..) => false,
            Member::Nested(..) => true,
            Member::Or(patterns) => patterns.iter().any(Pattern::is_nested),
        })
    }

    /// AWS: only the keys that have rules count.
    fn keys(&self) -> usize {
        let keys = |member: &Member| match member {
            Member::Rules(..) => 1,
            Member::Nested(_, pattern) => pattern.keys(),
            Member::Or(patterns) => patterns.iter().map(Pattern::keys).sum(),
        };
        self.members.iter().map(keys).sum()
    }

    /// The values of each key times its depth, multiplied.
    /// <https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html>
    fn combinations(&self, depth: usize) -> usize {
        let worth = |member: &Member| match member {
            Member::Rules(_, rules) => rules.len().saturating_mul(depth),
            Member::Nested(_, pattern) => pattern.combinations(depth + 1),
            // AWS: unverified: alternatives add up.
            Member::Or(patterns) => patterns.iter().map(|pattern| pattern.combinations(depth)).fold(0, usize::saturating_add),
        };
        self.members.iter().map(worth).fold(1, usize::saturating_mul)
    }

    /// The alternatives that `$or` makes of it. There are no more of them than there are combinations.
    fn spread(&self, prefix: &str) -> Vec<Vec<Leaf>> {
        let path = |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
        self.members.iter().fold(vec![vec![]], |alternatives, member| {
            let ways = match member {
                Member::Rules(name, rules) => vec![vec![Leaf { path: path(name), rules: rules.clone() }]],
                Member::Nested(name, pattern) => pattern.spread(&path(name)),
                Member::Or(patterns) => patterns.iter().flat_map(|pattern| pattern.spread(prefix)).collect(),
            };
            alternatives.iter().flat_map(|before| ways.iter().map(|way| [before.as_slice(), way.as_slice()].concat())).collect()
        })
    }
}

impl Serialize for FilterPolicy {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        (&self.text, self.scope).serialize(to)
    }
}

impl<'de> Deserialize<'de> for FilterPolicy {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (text, scope) = <(String, FilterScope)>::deserialize(from)?;
        FilterPolicy::read(&text, scope).map_err(D::Error::custom)
    }
}
