//! The names and forms of parameters and results.

use super::names;
use cloudlet_asl::text::to_text;
use cloudlet_engine::by_name::{self, Instants, ShapeKind};
use serde_json::Value;

/// Whose names and forms a result has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `aws-sdk:`: the AWS SDK for Java 2. Instants are text.
    Sdk,
    /// The optimised integrations: the SDK before it. Instants are milliseconds, and the names of the model are taken too.
    Optimized,
}

impl Style {
    pub fn of_parameters(self) -> &'static by_name::Style {
        match self {
            Style::Sdk => &SDK,
            Style::Optimized => &OPTIMIZED,
        }
    }
}

// AWS: JSON becomes text where text is wanted, and a body is stored as JSON (both recorded).
static SDK: by_name::Style = by_name::Style {
    means: |member, name| names::member(member) == name,
    shown: names::member,
    instants: Instants::Text,
    json_is_text: true,
    bodies_are_json: true,
    text: to_text,
    wrong,
};

static OPTIMIZED: by_name::Style = by_name::Style {
    means: |member, name| names::member(member) == name || names::capitalized(member) == name,
    shown: names::capitalized,
    instants: Instants::Millis,
    ..SDK
};

fn wrong(field: &str, wanted: ShapeKind, _: &Value) -> String {
    let wanted = match wanted {
        ShapeKind::Boolean => "a BOOLEAN",
        ShapeKind::Integer => "an INTEGER",
        ShapeKind::Float => "a DOUBLE",
        ShapeKind::Text => "a STRING",
        ShapeKind::Timestamp => "a TIMESTAMP",
        ShapeKind::List => "an ARRAY",
        ShapeKind::Map => "a MAP",
        ShapeKind::Structure => "a STRUCTURE",
    };
    format!("The value for the field '{field}' must be {wanted}")
}
