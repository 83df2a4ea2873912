//! JSONPath with the meaning of Jayway's library, whose messages AWS shows.
//!
//! A definite path gives the value itself, an indefinite one always an array. Beside `$` a path may start at the context object
//! (`$$`) or at a variable (`$name`).

mod evaluate;
mod filter;
mod functions;
mod parse;
mod reference;

pub use parse::PathSyntaxError;
use serde_json::Value;
use std::fmt;

/// A path that was read once and is evaluated often.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    text: String,
    root: Root,
    steps: Vec<Step>,
}

/// What the path starts at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    Input,
    Context,
    Variable(String),
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Fields(Vec<String>),
    Indexes(Vec<i64>),
    Slice(Option<i64>, Option<i64>),
    Wildcard,
    Descend,
    Filter(filter::Expression),
    Function(functions::Function, Vec<Value>),
}

/// Why a path has no value. The text is Jayway's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathError(pub String);

impl fmt::Display for PathError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Path {
    pub fn parse(text: &str) -> Result<Path, PathSyntaxError> {
        parse::parse(text)
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn root(&self) -> &Root {
        &self.root
    }

    /// Whether it can point at one value only.
    pub fn is_definite(&self) -> bool {
        self.steps.iter().all(Step::is_definite)
    }

    /// Whether it is a reference path: one node, nothing computed.
    pub fn is_reference(&self) -> bool {
        self.steps.iter().all(|step| match step {
            Step::Fields(names) => names.len() == 1,
            Step::Indexes(indexes) => matches!(indexes.as_slice(), [index] if *index >= 0),
            _ => false,
        })
    }

    /// The value below `root`, which is what [`Path::root`] names.
    pub fn evaluate(&self, root: &Value) -> Result<Value, PathError> {
        // AWS: an indefinite path never fails, not even below a missing field.
        evaluate::evaluate(&self.steps, root).or_else(|error| if self.is_definite() { Err(error) } else { Ok(Value::Array(Vec::new())) })
    }

    /// Puts a value where this reference path points, making the objects on the way.
    pub fn insert(&self, target: Value, value: Value) -> Result<Value, PathError> {
        reference::insert(&self.text, &self.steps, target, value)
    }
}

impl Step {
    fn is_definite(&self) -> bool {
        match self {
            Step::Fields(_) | Step::Function(..) => true,
            Step::Indexes(indexes) => indexes.len() == 1,
            Step::Slice(..) | Step::Wildcard | Step::Descend | Step::Filter(_) => false,
        }
    }
}

/// The path as Jayway prints it: `$['a'][0]`.
fn canonical(steps: &[Step]) -> String {
    let mut out = "$".to_owned();
    for step in steps {
        match step {
            Step::Fields(names) => {
                let names: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
                out.push_str(&format!("[{}]", names.join(",")));
            }
            Step::Indexes(indexes) => {
                let indexes: Vec<_> = indexes.iter().map(i64::to_string).collect();
                out.push_str(&format!("[{}]", indexes.join(",")));
            }
            Step::Slice(from, to) => {
                let text = |bound: &Option<i64>| bound.map(|bound| bound.to_string()).unwrap_or_default();
                out.push_str(&format!("[{}:{}]", text(from), text(to)));
            }
            Step::Wildcard => out.push_str("[*]"),
            Step::Descend => out.push_str(".."),
            Step::Filter(_) => out.push_str("[?]"),
            Step::Function(function, _) => out.push_str(&format!(".{}()", function.name())),
        }
    }
    out
}

#[cfg(test)]
mod tests;
