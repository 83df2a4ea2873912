//! Conditions of `aws:branch` and of loops.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-branch-condition.html>

use super::{Problem, fields::Fields};
use crate::{
    template::{Scope, Unresolved, resolve},
    types::{boolean, shown},
};
use serde_json::Value;

/// Conditions in conditions.
const DEEPEST: usize = 32;

/// Where a branch leads when a condition holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    pub next: String,
    pub condition: Condition,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Compare { variable: Value, operator: Operator, operand: Value },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    StringEquals,
    EqualsIgnoreCase,
    StartsWith,
    EndsWith,
    Contains,
    NumericEquals,
    NumericGreater,
    NumericLesser,
    NumericGreaterOrEquals,
    NumericLesserOrEquals,
    BooleanEquals,
}

const OPERATORS: [(&str, Operator); 11] = [
    ("StringEquals", Operator::StringEquals),
    ("EqualsIgnoreCase", Operator::EqualsIgnoreCase),
    ("StartsWith", Operator::StartsWith),
    ("EndsWith", Operator::EndsWith),
    ("Contains", Operator::Contains),
    ("NumericEquals", Operator::NumericEquals),
    ("NumericGreater", Operator::NumericGreater),
    ("NumericLesser", Operator::NumericLesser),
    ("NumericGreaterOrEquals", Operator::NumericGreaterOrEquals),
    ("NumericLesserOrEquals", Operator::NumericLesserOrEquals),
    ("BooleanEquals", Operator::BooleanEquals),
];

/// Why a condition has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undecided {
    Unresolved(Unresolved),
    Wrong(String),
}

impl Choice {
    pub fn read(value: &Value, step: &str) -> Result<Choice, Problem> {
        let fields = Fields::of(value, format!("the choices of step: {step}"))?;
        let next = fields.required("NextStep")?.as_str().ok_or_else(|| fields.wrong("NextStep", "a string"))?;
        Ok(Choice { next: next.to_owned(), condition: Condition::read_in(value, step, &["NextStep"], 0)? })
    }
}

impl Condition {
    pub fn read(value: &Value, step: &str) -> Result<Condition, Problem> {
        Condition::read_in(value, step, &[], 0)
    }

    fn read_in(value: &Value, step: &str, beside: &[&str], depth: usize) -> Result<Condition, Problem> {
        if depth > DEEPEST {
            return Err(Problem::new(format!("The conditions of step: {step} are nested too deeply.")));
        }
        let fields = Fields::of(value, format!("the conditions of step: {step}"))?;
        let members: Vec<(&String, &Value)> = value.as_object().into_iter().flatten().filter(|(name, _)| !beside.contains(&name.as_str())).collect();
        let inner = |value: &Value| Condition::read_in(value, step, &[], depth + 1);
        if let [(name, value)] = members.as_slice()
            && matches!(name.as_str(), "And" | "Or" | "Not")
        {
            if name.as_str() == "Not" {
                // AWS: a list of one is taken too.
                let only = value.as_array().filter(|items| items.len() == 1).and_then(|items| items.first()).unwrap_or(value);
                return inner(only).map(|condition| Condition::Not(Box::new(condition)));
            }
            let items = value.as_array().ok_or_else(|| fields.wrong(name, "a list"))?;
            if items.len() < 2 {
                let count = items.len();
                // AWS: verified, with its misspelling: <https://github.com/awsdocs/aws-systems-manager-user-guide/pull/186>
                return Err(Problem::new(format!("Expect at lease two expressions for operator: {name} in step: {step}. Provided: {count}")));
            }
            let conditions = items.iter().map(inner).collect::<Result<Vec<_>, _>>()?;
            return Ok(if name.as_str() == "And" { Condition::And(conditions) } else { Condition::Or(conditions) });
        }
        let variable = fields.required("Variable")?;
        if crate::template::references(variable.as_str().unwrap_or_default()).next().is_none() {
            return Err(fields.wrong("Variable", "a variable"));
        }
        let mut others = members.iter().filter(|(name, _)| name.as_str() != "Variable");
        let (Some((name, operand)), None) = (others.next(), others.next()) else {
            // AWS: unverified wording, here and below.
            return Err(Problem::new(format!("Exactly one operation is expected for a Variable in step: {step}.")));
        };
        let found = OPERATORS.iter().find(|(known, _)| known == name).map(|(_, operator)| *operator);
        let Some(operator) = found else {
            return Err(Problem::new(format!("Operation {name} is not supported in step: {step}.")));
        };
        if operand.is_array() || operand.is_object() || operand.is_null() {
            return Err(fields.wrong(name, "a single value"));
        }
        let is_variable = operand.as_str().is_some_and(|text| crate::template::references(text).next().is_some());
        let fits = match operator.kind() {
            Operand::Text => true,
            Operand::Number => is_variable || number(operand).is_some(),
            Operand::Flag => is_variable || flag(operand).is_some(),
        };
        if !fits {
            return Err(fields.wrong(name, operator.kind().name()));
        }
        Ok(Condition::Compare { variable: variable.clone(), operator, operand: (*operand).clone() })
    }

    /// Whether it holds.
    pub fn holds(&self, scope: &Scope<'_>) -> Result<bool, Undecided> {
        match self {
            Condition::And(all) => all.iter().try_fold(true, |holds, one| Ok(holds && one.holds(scope)?)),
            Condition::Or(any) => any.iter().try_fold(false, |holds, one| Ok(holds || one.holds(scope)?)),
            Condition::Not(condition) => condition.holds(scope).map(|holds| !holds),
            Condition::Compare { variable, operator, operand } => {
                let value = resolve(variable, scope).map_err(Undecided::Unresolved)?;
                let operand = resolve(operand, scope).map_err(Undecided::Unresolved)?;
                operator.compare(&value, &operand)
            }
        }
    }

    /// Every text in it that may have variables.
    pub fn each_text<'c>(&'c self, see: &mut dyn FnMut(&'c str)) {
        match self {
            Condition::And(all) | Condition::Or(all) => all.iter().for_each(|one| one.each_text(see)),
            Condition::Not(one) => one.each_text(see),
            Condition::Compare { variable, operand, .. } => {
                crate::template::each_text(variable, see);
                crate::template::each_text(operand, see);
            }
        }
    }
}

enum Operand {
    Text,
    Number,
    Flag,
}

impl Operand {
    fn name(&self) -> &'static str {
        match self {
            Operand::Text => "a string",
            Operand::Number => "a number",
            Operand::Flag => "a boolean",
        }
    }
}

impl Operator {
    fn kind(self) -> Operand {
        match self {
            Operator::StringEquals | Operator::EqualsIgnoreCase | Operator::StartsWith | Operator::EndsWith | Operator::Contains => Operand::Text,
            Operator::BooleanEquals => Operand::Flag,
            _ => Operand::Number,
        }
    }

    fn compare(self, value: &Value, operand: &Value) -> Result<bool, Undecided> {
        let wrong = |value: &Value, kind: &Operand| {
            // AWS: unverified wording.
            Undecided::Wrong(format!("The value {} cannot be compared: it must be {}", shown(value), kind.name()))
        };
        let kind = self.kind();
        match kind {
            Operand::Text => {
                let (text, other) = (shown(value), shown(operand));
                Ok(match self {
                    Operator::StringEquals => text == other,
                    Operator::EqualsIgnoreCase => text.to_lowercase() == other.to_lowercase(),
                    Operator::StartsWith => text.starts_with(&other),
                    Operator::EndsWith => text.ends_with(&other),
                    // A list contains its elements.
                    _ => value.as_array().is_some_and(|items| items.iter().any(|item| shown(item) == other)) || text.contains(&other),
                })
            }
            Operand::Number => {
                let number = |value| number(value).ok_or_else(|| wrong(value, &kind));
                let (one, other) = (number(value)?, number(operand)?);
                Ok(match self {
                    Operator::NumericGreater => one > other,
                    Operator::NumericLesser => one < other,
                    Operator::NumericGreaterOrEquals => one >= other,
                    Operator::NumericLesserOrEquals => one <= other,
                    _ => one == other,
                })
            }
            Operand::Flag => {
                let flag = |value| flag(value).ok_or_else(|| wrong(value, &kind));
                Ok(flag(value)? == flag(operand)?)
            }
        }
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => boolean(text),
        _ => None,
    }
}
