//! Choice states.

use super::{
    evaluate::object,
    problem::Problem,
    run::{Run, Work},
};
use crate::{
    definition::{Comparison, Language, Operand, Operation, Order, PathField, Rule, State, Test},
    jsonpath::Path,
    scope::Scope,
    template::Template,
    time,
};
use serde_json::{Map, Value, json};
use std::{cmp::Ordering, sync::Arc};

impl Run<'_> {
    pub(super) fn choose(&mut self, thread: u64, state: &State, rules: &[Rule], default: Option<&str>) -> Result<Work, Problem> {
        match state.language {
            Language::Jsonata => self.choose_jsonata(thread, state, rules, default),
            Language::JsonPath => self.choose_jsonpath(thread, state, rules, default),
        }
    }

    fn choose_jsonpath(&mut self, thread: u64, state: &State, rules: &[Rule], default: Option<&str>) -> Result<Work, Problem> {
        let input = self.raw_input(thread, state)?;
        let context = self.context(thread, state, None);
        let chosen = self.with_scope(thread, &input, &context, |scope| {
            for rule in rules {
                if holds(&rule.test, scope)? {
                    return Ok::<_, Problem>(Some(rule));
                }
            }
            Ok::<_, Problem>(None)
        })?;
        let assign = chosen.map_or(state.assign.as_ref(), |rule| rule.assign.as_ref());
        let assigned = match assign {
            None => None,
            Some(assign) => Some(self.with_scope(thread, &input, &context, |scope| assign.fill(scope))?),
        };
        let next = chosen.map(|rule| rule.next.as_str()).or(default).ok_or_else(no_match)?;
        let output = match &state.output_path {
            PathField::Absent => input,
            PathField::Null => Arc::new(json!({})),
            PathField::Path(path) => {
                let value = self.with_scope(thread, &input, &context, |scope| scope.value(path));
                Arc::new(value.map_err(|error| Problem::Runtime(format!("Invalid path '{}' : {error}", path.text())))?)
            }
        };
        Ok(Work::Goto { next: Some(next.to_owned()), output, assigned: object(assigned) })
    }

    fn choose_jsonata(&mut self, thread: u64, state: &State, rules: &[Rule], default: Option<&str>) -> Result<Work, Problem> {
        let states = self.states(thread, state, None);
        let input = self.input(thread);
        let decided = self.with_session(thread, state, states, |session| {
            let mut chosen = None;
            for (index, rule) in rules.iter().enumerate() {
                let field = format!("Choices[{index}]/Condition");
                let holds = match &rule.test {
                    Test::Constant(constant) => *constant,
                    Test::Condition(expression) => {
                        let value = session.evaluate(expression).map_err(|error| Problem::query(&error, expression.text(), &field))?;
                        value.as_bool().ok_or_else(|| Problem::unexpected(expression.text(), &field, "boolean", &value))?
                    }
                    _ => false,
                };
                if holds {
                    chosen = Some((index, rule));
                    break;
                }
            }
            let at = chosen.map(|(index, _)| format!("Choices[{index}]/")).unwrap_or_default();
            let (assign, output) = chosen.map_or((&state.assign, &state.output), |(_, rule)| (&rule.assign, &rule.output));
            let mut filled = |template: &Option<Template>, name: &str| {
                let filled = template.as_ref().map(|template| session.fill(template, &format!("{at}{name}"))).transpose();
                filled.map_err(|(detail, location)| Problem::Query { detail, location })
            };
            let next = chosen.map(|(_, rule)| rule.next.as_str()).or(default).ok_or_else(no_match)?;
            Ok::<_, Problem>((next.to_owned(), filled(assign, "Assign")?, filled(output, "Output")?))
        });
        let (next, assigned, output): (String, Option<Value>, Option<Value>) = decided?;
        let assigned: Map<String, Value> = object(assigned);
        Ok(Work::Goto { next: Some(next), output: output.map_or(input, Arc::new), assigned })
    }
}

/// AWS: no rule holds and there is no Default.
fn no_match() -> Problem {
    Problem::Runtime("Failed to transition out of the state. The state does not point to a next state.".to_owned())
}

fn holds(test: &Test, scope: &mut Scope<'_>) -> Result<bool, Problem> {
    match test {
        Test::And(tests) => {
            for test in tests {
                if !holds(test, scope)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Test::Or(tests) => {
            for test in tests {
                if holds(test, scope)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Test::Not(test) => Ok(!holds(test, scope)?),
        Test::Compare(comparison) => compare(comparison, scope),
        Test::Constant(constant) => Ok(*constant),
        Test::Condition(_) => Ok(false),
    }
}

fn compare(comparison: &Comparison, scope: &Scope<'_>) -> Result<bool, Problem> {
    let invalid =
        |path: &Path| Problem::Runtime(format!("Invalid path '{}': The choice state's condition path references an invalid value.", path.text()));
    let value = scope.value(&comparison.variable);
    if comparison.operation == Operation::IsPresent {
        let wanted = matches!(&comparison.operand, Operand::Literal(Value::Bool(true)));
        return Ok(value.is_ok() == wanted);
    }
    let value = value.map_err(|_| invalid(&comparison.variable))?;
    let operand = match &comparison.operand {
        Operand::Literal(literal) => literal.clone(),
        Operand::Path(path) => scope.value(path).map_err(|_| invalid(path))?,
    };
    let is = |actual: bool| operand.as_bool() == Some(actual);
    Ok(match comparison.operation {
        Operation::String(order) => {
            let texts = value.as_str().zip(operand.as_str());
            texts.is_some_and(|(value, operand)| fits(value.encode_utf16().cmp(operand.encode_utf16()), order))
        }
        Operation::Numeric(order) => match (&value, &operand) {
            (Value::Number(value), Value::Number(operand)) => {
                let whole = value.as_i64().zip(operand.as_i64()).map(|(value, operand)| value.cmp(&operand));
                let ordering = whole.or_else(|| value.as_f64()?.partial_cmp(&operand.as_f64()?));
                ordering.is_some_and(|ordering| fits(ordering, order))
            }
            _ => false,
        },
        Operation::Timestamp(order) => {
            let instant = |value: &Value| value.as_str().and_then(time::nanoseconds);
            instant(&value).zip(instant(&operand)).is_some_and(|(value, operand)| fits(value.cmp(&operand), order))
        }
        Operation::BooleanEquals => value.is_boolean() && value == operand,
        Operation::StringMatches => value.as_str().zip(operand.as_str()).is_some_and(|(text, pattern)| glob(text, pattern)),
        Operation::IsNull => is(value.is_null()),
        Operation::IsNumeric => is(value.is_number()),
        Operation::IsString => is(value.is_string()),
        Operation::IsBoolean => is(value.is_boolean()),
        Operation::IsTimestamp => is(value.as_str().is_some_and(|text| time::parse(text).is_some())),
        Operation::IsPresent => false,
    })
}

fn fits(ordering: Ordering, order: Order) -> bool {
    match order {
        Order::Equals => ordering.is_eq(),
        Order::LessThan => ordering.is_lt(),
        Order::GreaterThan => ordering.is_gt(),
        Order::LessThanEquals => ordering.is_le(),
        Order::GreaterThanEquals => ordering.is_ge(),
    }
}

/// `*` is any text; a backslash makes the next character literal.
pub(super) fn glob(text: &str, pattern: &str) -> bool {
    let mut pieces = vec![String::new()];
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '*' => pieces.push(String::new()),
            other => {
                let literal = if other == '\\' { characters.next().unwrap_or('\\') } else { other };
                pieces.last_mut().into_iter().for_each(|piece| piece.push(literal));
            }
        }
    }
    let [first, middle @ .., last] = pieces.as_slice() else {
        return pieces.first().is_some_and(|only| only == text);
    };
    let Some(mut rest) = text.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str())) else { return false };
    for piece in middle {
        let Some(at) = rest.find(piece.as_str()) else { return false };
        rest = rest.get(at + piece.len()..).unwrap_or_default();
    }
    true
}
