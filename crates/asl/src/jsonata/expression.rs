//! An expression that was read, and why one has no value.

use jsonata_core::ast::AstNode;
use std::fmt;

/// An expression that was read once: what stands between `{%` and `%}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    pub(super) text: String,
    pub(super) ast: AstNode,
    pub(super) uses: Uses,
}

/// What an expression refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// Variables that it does not bind itself, `states` excepted.
    pub variables: Vec<String>,
    /// The fields of `$states`: `input`, `result`, `errorOutput`, `context`.
    pub states: Vec<String>,
}

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonataError {
    /// It evaluates to nothing.
    Undefined,
    /// Its value is a function or holds one.
    Unsupported,
    /// It failed, with JSONata's code and text.
    Threw(String),
}

/// What stands between the delimiters, if a string is an expression.
pub fn expression_text(text: &str) -> Option<&str> {
    text.strip_prefix("{%").and_then(|text| text.strip_suffix("%}")).map(str::trim)
}

impl Expression {
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn uses(&self) -> &Uses {
        &self.uses
    }
}

impl JsonataError {
    /// AWS's sentence about the expression of a field.
    pub fn sentence(&self, expression: &str, field: &str) -> String {
        let what = format!("The JSONata expression '{expression}' specified for the field '{field}'");
        match self {
            JsonataError::Undefined => format!("{what} returned nothing (undefined)."),
            JsonataError::Unsupported => format!("{what} returned an unsupported result type."),
            JsonataError::Threw(message) => format!("{what} threw an error during evaluation. {message}"),
        }
    }
}

impl fmt::Display for JsonataError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self:?}")
    }
}
