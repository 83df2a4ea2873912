//! Why a state could not do its work.

use super::state::Failure;
use crate::{
    jsonata::JsonataError,
    template::TemplateError,
    text::{to_text, type_name},
};
use serde_json::Value;

/// Why a state could not do its work.
#[derive(Debug)]
pub(super) enum Problem {
    /// States.Runtime, with a sentence that follows "An error occurred while executing the state …".
    Runtime(String),
    Named {
        error: &'static str,
        detail: String,
    },
    /// A JSONata expression of the field at `location`.
    Query {
        detail: String,
        location: String,
    },
    /// The items of a Map in JSONata; `location` is absent when no expression gave them.
    Items {
        detail: String,
        location: Option<String>,
    },
    /// An error with its own cause.
    Fails(Failure),
}

impl From<TemplateError> for Problem {
    fn from(error: TemplateError) -> Problem {
        Problem::Named { error: error.error, detail: error.message }
    }
}

impl Problem {
    /// A problem of Items, after which the Map itself fails.
    pub(super) fn of_items(self) -> Problem {
        match self {
            Problem::Query { detail, location } => Problem::Items { detail, location: Some(location) },
            other => other,
        }
    }

    pub(super) fn query(error: &JsonataError, expression: &str, field: &str) -> Problem {
        Problem::Query { detail: error.sentence(expression, field), location: field.to_owned() }
    }

    pub(super) fn unexpected(expression: &str, field: &str, expected: &str, value: &Value) -> Problem {
        let detail = format!(
            "The JSONata expression '{expression}' specified for the field '{field}' returned an unexpected result type. Expected '{expected}', but was '{}' for value: {}",
            type_name(value),
            to_text(value)
        );
        Problem::Query { detail, location: field.to_owned() }
    }
}
