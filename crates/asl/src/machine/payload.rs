//! Details of history events.

use super::state::Failure;
use crate::text::to_text;
use serde_json::{Map, Value};

/// The text of a payload, and that it is whole.
pub(super) fn payload(name: &str, value: &Value) -> Map<String, Value> {
    payload_text(name, to_text(value))
}

pub(super) fn payload_text(name: &str, text: String) -> Map<String, Value> {
    let mut out = Map::with_capacity(2);
    add_payload(&mut out, name, text);
    out
}

/// The same beside others.
pub(super) fn add_payload(out: &mut Map<String, Value>, name: &str, text: String) {
    out.insert(name.to_owned(), Value::String(text));
    let mut whole = Map::with_capacity(1);
    whole.insert("truncated".to_owned(), Value::Bool(false));
    out.insert([name, "Details"].concat(), Value::Object(whole));
}

/// Error and cause, without those that are absent. AWS: at most 256 and 32,768 characters.
pub(super) fn failure_details(failure: &Failure) -> Map<String, Value> {
    let mut out = Map::new();
    let shortened = |text: &str, most: usize| Value::String(text.chars().take(most).collect());
    out.extend(failure.error.as_ref().map(|error| ("error".to_owned(), shortened(error, 256))));
    out.extend(failure.cause.as_ref().map(|cause| ("cause".to_owned(), shortened(cause, 32_768))));
    out
}
