//! Walks the steps of a path over a value.

use super::path::{Path, PathError, Step, canonical};
use crate::text::{java_text, to_text};
use serde_json::{Map, Value};

/// So many values may be visited: `$..*..*..*` grows without bound.
const MOST_VISITS: usize = 2_000_000;

impl Path {
    /// The value below `root`, which is what [`Path::root`] names.
    pub fn evaluate(&self, root: &Value) -> Result<Value, PathError> {
        // AWS: an indefinite path never fails, not even below a missing field.
        evaluate(&self.steps, root).or_else(|error| if self.is_definite() { Err(error) } else { Ok(Value::Array(Vec::new())) })
    }
}

fn evaluate(steps: &[Step], root: &Value) -> Result<Value, PathError> {
    evaluate_in(steps, root, root)
}

/// `document` is what `$` means inside filters.
pub(super) fn evaluate_in(steps: &[Step], from: &Value, document: &Value) -> Result<Value, PathError> {
    let (steps, function) = match steps.split_last() {
        Some((Step::Function(function, arguments), rest)) => (rest, Some((function, arguments))),
        _ => (steps, None),
    };
    let definite = steps.iter().all(Step::is_definite);
    let mut walk = Walk { steps, document, found: Vec::new(), visits: 0 };
    walk.from(from, 0, true)?;
    let mut found = walk.found;
    let value = match found.pop() {
        None if definite => return Err(PathError(format!("No results for path: {}", canonical(steps)))),
        Some(value) if definite => value,
        last => {
            found.extend(last);
            Value::Array(found)
        }
    };
    match function {
        Some((function, arguments)) => function.apply(value, arguments),
        None => Ok(value),
    }
}

struct Walk<'a> {
    steps: &'a [Step],
    document: &'a Value,
    found: Vec<Value>,
    visits: usize,
}

impl Walk<'_> {
    fn from(&mut self, value: &Value, position: usize, definite: bool) -> Result<(), PathError> {
        self.visits += 1;
        if self.visits > MOST_VISITS {
            return Err(PathError("The path visits too many values".to_owned()));
        }
        let steps = self.steps;
        let Some(step) = steps.get(position) else {
            self.found.push(value.clone());
            return Ok(());
        };
        let definite_after = definite && step.is_definite();
        match step {
            Step::Fields(names) => self.fields(value, names, position, definite)?,
            Step::Indexes(indexes) => {
                let Some(items) = self.array(value, position, definite)? else { return Ok(()) };
                for index in indexes {
                    if let Some(item) = at(items, *index) {
                        self.from(item, position + 1, definite_after)?;
                    }
                }
            }
            Step::Slice(from, to) => {
                let Some(items) = self.array(value, position, definite)? else { return Ok(()) };
                for item in slice(items, *from, *to) {
                    self.from(item, position + 1, false)?;
                }
            }
            Step::Wildcard => {
                for child in children(value) {
                    self.from(child, position + 1, false)?;
                }
            }
            Step::Descend => self.descend(value, position)?,
            Step::Filter(expression) => match value {
                Value::Array(items) => {
                    for item in items {
                        if expression.accepts(item, self.document) {
                            self.from(item, position + 1, false)?;
                        }
                    }
                }
                Value::Object(_) if expression.accepts(value, self.document) => self.from(value, position + 1, false)?,
                _ => {}
            },
            Step::Function(..) => {}
        }
        Ok(())
    }

    fn fields(&mut self, value: &Value, names: &[String], position: usize, definite: bool) -> Result<(), PathError> {
        let Value::Object(fields) = value else {
            if !definite {
                return Ok(());
            }
            let fragment = canonical(self.steps.get(position..=position).unwrap_or_default());
            return Err(PathError(format!(
                "Expected to find an object with property {} in path {} but found '{}'. This is not a json object according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonNodeJsonProvider'.",
                fragment.trim_start_matches('$'),
                self.before(position),
                node_class(value),
            )));
        };
        let leaf = position + 1 == self.steps.len();
        match names {
            [name] => match fields.get(name) {
                Some(child) => self.from(child, position + 1, definite),
                None if leaf || !definite => Ok(()),
                None => Err(PathError(format!("Missing property in path {}['{name}']", self.before(position)))),
            },
            _ if leaf => {
                let merged: Map<String, Value> =
                    names.iter().filter_map(|name| fields.get(name).map(|value| (name.clone(), value.clone()))).collect();
                self.found.push(Value::Object(merged));
                Ok(())
            }
            _ => names.iter().filter_map(|name| fields.get(name)).try_for_each(|child| self.from(child, position + 1, false)),
        }
    }

    fn array<'v>(&self, value: &'v Value, position: usize, definite: bool) -> Result<Option<&'v [Value]>, PathError> {
        match value {
            Value::Array(items) => Ok(Some(items)),
            _ if !definite => Ok(None),
            Value::Null => Err(PathError(format!("The path {} is null", self.before(position)))),
            other => {
                let step = canonical(self.steps.get(position..=position).unwrap_or_default());
                let context = if other.is_string() { to_text(other) } else { java_text(other) };
                Err(PathError(format!("Filter: {} can only be applied to arrays. Current context is: {context}", step.trim_start_matches('$'))))
            }
        }
    }

    fn descend(&mut self, value: &Value, position: usize) -> Result<(), PathError> {
        let applies = match self.steps.get(position + 1) {
            Some(Step::Fields(names)) => value.as_object().is_some_and(|fields| names.iter().all(|name| fields.contains_key(name))),
            Some(Step::Indexes(_) | Step::Slice(..)) => value.is_array(),
            Some(Step::Filter(_)) => value.is_array(),
            _ => value.is_array() || value.is_object(),
        };
        if applies {
            self.from(value, position + 1, false)?;
        }
        for child in children(value) {
            self.visits += 1;
            if self.visits > MOST_VISITS {
                return Err(PathError("The path visits too many values".to_owned()));
            }
            self.descend(child, position)?;
        }
        Ok(())
    }

    fn before(&self, position: usize) -> String {
        canonical(self.steps.get(..position).unwrap_or_default())
    }
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(fields) => fields.values().collect(),
        _ => Vec::new(),
    }
}

pub(super) fn at(items: &[Value], index: i64) -> Option<&Value> {
    let length = i64::try_from(items.len()).ok()?;
    let index = if index < 0 { index.checked_add(length)? } else { index };
    items.get(usize::try_from(index).ok()?)
}

fn slice(items: &[Value], from: Option<i64>, to: Option<i64>) -> &[Value] {
    let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let bound = |bound: i64| (if bound < 0 { bound.saturating_add(length) } else { bound }).clamp(0, length);
    let (from, to) = (bound(from.unwrap_or(0)), bound(to.unwrap_or(length)));
    let (from, to) = (usize::try_from(from).unwrap_or(0), usize::try_from(to).unwrap_or(0));
    items.get(from..to).unwrap_or_default()
}

fn node_class(value: &Value) -> &'static str {
    match value {
        Value::Null => "com.fasterxml.jackson.databind.node.NullNode",
        Value::Bool(_) => "com.fasterxml.jackson.databind.node.BooleanNode",
        Value::Number(number) if number.is_f64() => "com.fasterxml.jackson.databind.node.DoubleNode",
        Value::Number(_) => "com.fasterxml.jackson.databind.node.IntNode",
        Value::String(_) => "com.fasterxml.jackson.databind.node.TextNode",
        Value::Array(_) => "com.fasterxml.jackson.databind.node.ArrayNode",
        Value::Object(_) => "com.fasterxml.jackson.databind.node.ObjectNode",
    }
}
