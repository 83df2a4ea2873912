//! Filter policies: which messages a subscription receives, by their attributes or by their body.
//! Without state, clock or service: a text and a message in, yes or no out.
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html>

mod matching;
mod parser;
mod rules;
#[cfg(test)]
mod tests;

use crate::limits;
use rules::Rule;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::Value;

/// What a policy is matched against.
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

/// An object of a policy: one object of the message must satisfy all its members.
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

/// A parsed policy: alternatives, of which one must be satisfied, with all its fields.
#[derive(Clone, Debug, PartialEq)]
pub struct FilterPolicy {
    text: String,
    scope: FilterScope,
    alternatives: Vec<Vec<Field>>,
}

/// The rules for the value at a path: one of them must be satisfied.
#[derive(Clone, Debug, PartialEq)]
struct Field {
    /// AWS: names joined by dots, so that `{"a": {"b": …}}` and `{"a.b": …}` are the same.
    path: String,
    rules: Vec<Rule>,
}

impl FilterPolicy {
    /// Parses a policy. An error is AWS's message, without `Invalid parameter: `.
    pub fn parse(text: &str, scope: FilterScope) -> Result<FilterPolicy, String> {
        let pattern = parser::parse(text).map_err(|message| format!("FilterPolicy: {message}"))?;
        if scope == FilterScope::MessageAttributes && pattern.is_nested() {
            return Err("Filter policy scope MessageAttributes does not support nested filter policy".to_owned());
        }
        if pattern.keys() > limits::FILTER_KEYS {
            return Err("FilterPolicy: Filter policy can not have more than 5 keys".to_owned());
        }
        if pattern.combinations(1) > limits::FILTER_COMBINATIONS || text.len() > limits::FILTER_BYTES {
            return Err("FilterPolicy: Filter policy is too complex".to_owned());
        }
        Ok(FilterPolicy { text: text.to_owned(), scope, alternatives: pattern.alternatives("") })
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn scope(&self) -> FilterScope {
        self.scope
    }

    /// Whether a message matches: its body, or an object of its attributes.
    pub fn matches(&self, message: &Value) -> bool {
        message.is_object() && self.alternatives.iter().any(|fields| matching::matches_all(fields, message))
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

    /// AWS: only keys that have rules count.
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
        let count = |member: &Member| match member {
            Member::Rules(_, rules) => rules.len().saturating_mul(depth),
            Member::Nested(_, pattern) => pattern.combinations(depth + 1),
            // AWS: unverified: alternatives add up.
            Member::Or(patterns) => patterns.iter().map(|pattern| pattern.combinations(depth)).fold(0, usize::saturating_add),
        };
        self.members.iter().map(count).fold(1, usize::saturating_mul)
    }

    /// The alternatives that `$or` makes. There are no more of them than combinations.
    fn alternatives(&self, prefix: &str) -> Vec<Vec<Field>> {
        let path = |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
        self.members.iter().fold(vec![vec![]], |alternatives, member| {
            let options = match member {
                Member::Rules(name, rules) => vec![vec![Field { path: path(name), rules: rules.clone() }]],
                Member::Nested(name, pattern) => pattern.alternatives(&path(name)),
                Member::Or(patterns) => patterns.iter().flat_map(|pattern| pattern.alternatives(prefix)).collect(),
            };
            alternatives.iter().flat_map(|before| options.iter().map(|option| [before.as_slice(), option.as_slice()].concat())).collect()
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
        FilterPolicy::parse(&text, scope).map_err(D::Error::custom)
    }
}
