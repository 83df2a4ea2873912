//! The rules of a Choice state that was read.

use crate::{jsonata::Expression, jsonpath::Path, template::Template};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    pub test: Test,
    pub next: String,
    pub assign: Option<Template>,
    pub output: Option<Template>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    And(Vec<Test>),
    Or(Vec<Test>),
    Not(Box<Test>),
    Compare(Comparison),
    Condition(Expression),
    /// A Condition without an expression in it: `true` or `false`.
    Constant(bool),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    pub variable: Path,
    pub operation: Operation,
    pub operand: Operand,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    String(Order),
    Numeric(Order),
    Timestamp(Order),
    BooleanEquals,
    StringMatches,
    IsNull,
    IsPresent,
    IsNumeric,
    IsString,
    IsBoolean,
    IsTimestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Equals,
    LessThan,
    GreaterThan,
    LessThanEquals,
    GreaterThanEquals,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    Literal(Value),
    Path(Path),
}
