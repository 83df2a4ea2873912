//! The condition operators, as a table, and the evaluation of one condition.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>

use crate::template::{Template, Variables, Wildcards, arn_parts};
use crate::values::{Network, instant, number, truth};
use crate::wildcard::Pattern;
use crate::{Keys, Value};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cloudlet_aws::cut;
use std::cmp::Ordering;

/// How one value of the request compares with one value of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    Equal,
    EqualIgnoringCase,
    Like,
    Number(Order),
    Date(Order),
    Bool,
    Binary,
    Network,
    Arn,
    /// Whether the key is absent.
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Whether an operator requires a match, or the absence of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sense {
    Positive,
    Negated,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Operator {
    name: &'static str,
    test: Test,
    sense: Sense,
}

const fn row(name: &'static str, test: Test, sense: Sense) -> Operator {
    Operator { name, test, sense }
}

use Sense::{Negated, Positive};

static OPERATORS: [Operator; 27] = [
    row("StringEquals", Test::Equal, Positive),
    row("StringNotEquals", Test::Equal, Negated),
    row("StringEqualsIgnoreCase", Test::EqualIgnoringCase, Positive),
    row("StringNotEqualsIgnoreCase", Test::EqualIgnoringCase, Negated),
    row("StringLike", Test::Like, Positive),
    row("StringNotLike", Test::Like, Negated),
    row("NumericEquals", Test::Number(Order::Equal), Positive),
    row("NumericNotEquals", Test::Number(Order::Equal), Negated),
    row("NumericLessThan", Test::Number(Order::Less), Positive),
    row("NumericLessThanEquals", Test::Number(Order::LessOrEqual), Positive),
    row("NumericGreaterThan", Test::Number(Order::Greater), Positive),
    row("NumericGreaterThanEquals", Test::Number(Order::GreaterOrEqual), Positive),
    row("DateEquals", Test::Date(Order::Equal), Positive),
    row("DateNotEquals", Test::Date(Order::Equal), Negated),
    row("DateLessThan", Test::Date(Order::Less), Positive),
    row("DateLessThanEquals", Test::Date(Order::LessOrEqual), Positive),
    row("DateGreaterThan", Test::Date(Order::Greater), Positive),
    row("DateGreaterThanEquals", Test::Date(Order::GreaterOrEqual), Positive),
    row("Bool", Test::Bool, Positive),
    row("BinaryEquals", Test::Binary, Positive),
    row("IpAddress", Test::Network, Positive),
    row("NotIpAddress", Test::Network, Negated),
    // AWS: ArnEquals and ArnLike behave identically.
    row("ArnEquals", Test::Arn, Positive),
    row("ArnLike", Test::Arn, Positive),
    row("ArnNotEquals", Test::Arn, Negated),
    row("ArnNotLike", Test::Arn, Negated),
    row("Null", Test::Null, Positive),
];

/// How many of the key's values must satisfy the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quantifier {
    /// No set operator. AWS leaves open what many values mean then; here the key satisfies when any value matches, and a
    /// negated operator when none does. AWS: unverified
    Unset,
    ForAllValues,
    ForAnyValue,
}

/// What an absent key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfAbsent {
    Usual,
    /// `…IfExists`: satisfied.
    Satisfied,
}

/// An operator's whole name: `ForAnyValue:StringLikeIfExists`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Operation {
    operator: &'static Operator,
    quantifier: Quantifier,
    if_absent: IfAbsent,
}

impl Operation {
    pub fn parse(name: &str) -> Option<Operation> {
        let (quantifier, name) = if let Some(name) = name.strip_prefix("ForAllValues:") {
            (Quantifier::ForAllValues, name)
        } else if let Some(name) = name.strip_prefix("ForAnyValue:") {
            (Quantifier::ForAnyValue, name)
        } else {
            (Quantifier::Unset, name)
        };
        let (if_absent, name) = match name.strip_suffix("IfExists") {
            // AWS: IfExists may follow any operator but Null.
            Some("Null") => return None,
            Some(name) => (IfAbsent::Satisfied, name),
            None => (IfAbsent::Usual, name),
        };
        let operator = OPERATORS.iter().find(|operator| operator.name == name)?;
        Some(Operation { operator, quantifier, if_absent })
    }

    pub fn is_date(self) -> bool {
        matches!(self.operator.test, Test::Date(_))
    }
}

/// A value of the policy, read once. Values that can never match stay as `Never`.
#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Text(Template),
    Number(f64),
    Date(i64),
    Truth(Template),
    Bytes(Vec<u8>),
    Network(Network),
    Arn(Box<[Template; 6]>),
    Never,
}

/// One operator, one key, and the values of the policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    operation: Operation,
    name: Box<str>,
    key: Box<str>,
    texts: Box<[Box<str>]>,
    operands: Box<[Operand]>,
}

impl Condition {
    pub(crate) fn new(operation: Operation, name: &str, key: &str, values: Vec<String>, variables: Variables) -> Condition {
        let operands = values.iter().map(|text| operand(operation.operator.test, text, variables)).collect();
        Condition { operation, name: name.into(), key: key.into(), texts: values.into_iter().map(Into::into).collect(), operands }
    }

    /// The operator as written: `ForAnyValue:StringLike`.
    pub fn operator(&self) -> &str {
        &self.name
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(|text| &**text)
    }

    /// The keys that this condition reads: its own, and those of its variables.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        let variables = self.operands.iter().flat_map(|operand| -> Vec<&str> {
            match operand {
                Operand::Text(template) | Operand::Truth(template) => template.keys().collect(),
                Operand::Arn(parts) => parts.iter().flat_map(Template::keys).collect(),
                _ => Vec::new(),
            }
        });
        std::iter::once(&*self.key).chain(variables)
    }

    pub(crate) fn holds(&self, keys: &Keys) -> bool {
        let Operation { operator, quantifier, if_absent } = self.operation;
        let values = keys.get(&self.key).filter(|values| !values.is_empty());
        if operator.test == Test::Null {
            return self.operands.iter().any(|operand| matches!(operand, Operand::Truth(wanted) if says(wanted, keys) == Some(values.is_none())));
        }
        let Some(values) = values else {
            return match (if_absent, quantifier) {
                (IfAbsent::Satisfied, _) | (_, Quantifier::ForAllValues) => true,
                (_, Quantifier::ForAnyValue) => false,
                (_, Quantifier::Unset) => operator.sense == Sense::Negated,
            };
        };
        let found = |value: &Value| self.operands.iter().any(|operand| matches(operator.test, operand, value, keys));
        match (quantifier, operator.sense) {
            (Quantifier::ForAllValues, Sense::Positive) => values.iter().all(found),
            (Quantifier::ForAnyValue, Sense::Negated) => !values.iter().all(found),
            (_, Sense::Positive) => values.iter().any(found),
            (_, Sense::Negated) => !values.iter().any(found),
        }
    }
}

fn operand(test: Test, text: &str, variables: Variables) -> Operand {
    match test {
        Test::Equal | Test::EqualIgnoringCase => Operand::Text(Template::parse(text, Wildcards::Literal, variables)),
        Test::Like => Operand::Text(Template::parse(text, Wildcards::Live, variables)),
        Test::Number(_) => number(text).map_or(Operand::Never, Operand::Number),
        Test::Date(_) => instant(text).map_or(Operand::Never, Operand::Date),
        Test::Bool => Operand::Truth(Template::parse(text, Wildcards::Literal, variables)),
        Test::Null => Operand::Truth(Template::parse(text, Wildcards::Literal, Variables::Literal)),
        Test::Binary => STANDARD.decode(text).map_or(Operand::Never, Operand::Bytes),
        Test::Network => Network::parse(text).map_or(Operand::Never, Operand::Network),
        Test::Arn => {
            let parts: Vec<Template> = arn_parts(text).into_iter().map(|part| Template::parse(part, Wildcards::Live, variables)).collect();
            <[Template; 6]>::try_from(parts).map_or(Operand::Never, |parts| Operand::Arn(Box::new(parts)))
        }
    }
}

fn says(wanted: &Template, keys: &Keys) -> Option<bool> {
    match wanted {
        Template::Fixed(Pattern::Exact(text)) => truth(text),
        other => truth(&other.resolved(keys)?),
    }
}

fn matches(test: Test, operand: &Operand, value: &str, keys: &Keys) -> bool {
    match (test, operand) {
        (Test::EqualIgnoringCase, Operand::Text(template)) => template.matches_ignoring_case(value, keys),
        (_, Operand::Text(template)) => template.matches(value, keys),
        (Test::Number(order), Operand::Number(bound)) => number(value).and_then(|value| value.partial_cmp(bound)).is_some_and(|o| order.accepts(o)),
        (Test::Date(order), Operand::Date(bound)) => instant(value).is_some_and(|value| order.accepts(value.cmp(bound))),
        (_, Operand::Truth(wanted)) => truth(value).is_some_and(|value| says(wanted, keys) == Some(value)),
        (_, Operand::Bytes(bytes)) => STANDARD.decode(value).is_ok_and(|value| value == *bytes),
        (_, Operand::Network(network)) => network.contains(value),
        (_, Operand::Arn(parts)) => {
            let [head @ .., last] = &**parts;
            let mut rest = value;
            let head = head.iter().all(|part| {
                let Some((own, after)) = cut::split_once(rest, b':') else { return false };
                rest = after;
                part.matches(own, keys)
            });
            head && last.matches(rest, keys)
        }
        _ => false,
    }
}

impl Order {
    fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Order::Equal => ordering.is_eq(),
            Order::Less => ordering.is_lt(),
            Order::LessOrEqual => ordering.is_le(),
            Order::Greater => ordering.is_gt(),
            Order::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

#[cfg(test)]
mod tests;
