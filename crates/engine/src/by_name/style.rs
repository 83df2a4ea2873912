//! Whose names and forms parameters and results have.

use serde_json::Value;

pub struct Style {
    /// Whether a member of the model is meant by a name.
    pub means: fn(member: &str, name: &str) -> bool,
    /// A member's name in a result.
    pub shown: fn(member: &str) -> String,
    pub instants: Instants,
    /// JSON becomes text where text is wanted.
    pub json_is_text: bool,
    /// A body is stored as JSON, strings in quotes.
    pub bodies_are_json: bool,
    /// JSON as text.
    pub text: fn(&Value) -> String,
    /// The message about a value of another type than the model's.
    pub wrong: fn(field: &str, wanted: ShapeKind, value: &Value) -> String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instants {
    Text,
    Millis,
}

/// What the model wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShapeKind {
    Boolean,
    Integer,
    Float,
    Text,
    Timestamp,
    List,
    Map,
    Structure,
}
