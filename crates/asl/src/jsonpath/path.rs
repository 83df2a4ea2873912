//! A path that was read: its steps, the filters and functions in them.

use regex::Regex;
use serde_json::Value;
use std::fmt;

/// A path that was read once and is evaluated often.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    pub(super) text: String,
    pub(super) root: Root,
    pub(super) steps: Vec<Step>,
}

/// What the path starts at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    Input,
    Context,
    Variable(String),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Fields(Vec<String>),
    Indexes(Vec<i64>),
    Slice(Option<i64>, Option<i64>),
    Wildcard,
    Descend,
    Filter(Expression),
    Function(Function, Vec<Value>),
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
}

impl Step {
    pub fn is_definite(&self) -> bool {
        match self {
            Step::Fields(_) | Step::Function(..) => true,
            Step::Indexes(indexes) => indexes.len() == 1,
            Step::Slice(..) | Step::Wildcard | Step::Descend | Step::Filter(_) => false,
        }
    }
}

/// The path as Jayway prints it: `$['a'][0]`.
pub(super) fn canonical(steps: &[Step]) -> String {
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

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Or(Vec<Expression>),
    And(Vec<Expression>),
    Not(Box<Expression>),
    Exists(Operand),
    Compare(Operand, Operator, Operand),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    /// Below the item that is looked at (`@`), or below the document (`$`).
    Path {
        of_item: bool,
        steps: Vec<Step>,
    },
    Literal(Value),
    Pattern(Pattern),
}

#[derive(Clone, Debug)]
pub(super) struct Pattern(pub(super) Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Matches,
    In,
    NotIn,
    SubsetOf,
    AnyOf,
    NoneOf,
    Contains,
    Size,
    Empty,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Min,
    Max,
    Average,
    Deviation,
    Sum,
    Length,
    Keys,
    Concat,
    Append,
    First,
    Last,
    Index,
}

const NAMES: [(&str, Function); 13] = [
    ("min", Function::Min),
    ("max", Function::Max),
    ("avg", Function::Average),
    ("stddev", Function::Deviation),
    ("sum", Function::Sum),
    ("length", Function::Length),
    ("size", Function::Length),
    ("keys", Function::Keys),
    ("concat", Function::Concat),
    ("append", Function::Append),
    ("first", Function::First),
    ("last", Function::Last),
    ("index", Function::Index),
];

impl Function {
    pub fn named(name: &str) -> Option<Function> {
        NAMES.into_iter().find(|(known, _)| *known == name).map(|(_, function)| function)
    }

    pub fn name(self) -> &'static str {
        NAMES.into_iter().find(|(_, function)| *function == self).map_or("", |(name, _)| name)
    }
}
