//! Variables in a document: `{{ name }}`, and `{{ssm:name}}` for a parameter of Parameter Store.
//!
//! A text that is one variable becomes the value itself; within a longer text, a value that is no text is JSON.

use crate::values::text_of;
use serde_json::Value;

/// What begins the name of a variable that Parameter Store has.
pub const PARAMETER_STORE: &str = "ssm:";

/// A variable in a text, and where it begins and ends.
struct Found<'t> {
    name: &'t str,
    begin: usize,
    end: usize,
}

/// The first variable at or after a place. What stands between the braces and is no name is none.
fn find(text: &str, from: usize) -> Option<Found<'_>> {
    let mut from = from;
    loop {
        let begin = from + text.get(from..)?.find("{{")?;
        let inner = text.get(begin + 2..)?;
        let name = inner.trim_start_matches([' ', '\t']);
        let length = name.find(|character: char| !is_of_name(character)).unwrap_or(name.len());
        let (name, rest) = name.split_at_checked(length)?;
        let closing = rest.trim_start_matches([' ', '\t']);
        if !name.is_empty() && closing.starts_with("}}") {
            return Some(Found { name, begin, end: text.len() - closing.len() + 2 });
        }
        from = begin + 1;
    }
}

fn is_of_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.' | ':' | '/' | '$' | '[' | ']')
}

/// A value with its variables replaced. `None` of `lookup`: the variable stays as it is written.
pub fn substitute(value: &Value, lookup: &dyn Fn(&str) -> Option<Value>) -> Value {
    match value {
        Value::String(text) => match find(text, 0) {
            Some(found) if found.begin == 0 && found.end == text.len() => lookup(found.name).unwrap_or_else(|| value.clone()),
            Some(_) => Value::String(substituted_text(text, lookup)),
            None => value.clone(),
        },
        Value::Array(items) => Value::Array(items.iter().map(|item| substitute(item, lookup)).collect()),
        Value::Object(fields) => Value::Object(fields.iter().map(|(name, value)| (name.clone(), substitute(value, lookup))).collect()),
        other => other.clone(),
    }
}

/// The same for what stays a text. Values are not looked through again.
pub fn substituted_text(text: &str, lookup: &dyn Fn(&str) -> Option<Value>) -> String {
    let mut out = String::new();
    let mut from = 0;
    while let Some(found) = find(text, from) {
        out.push_str(text.get(from..found.begin).unwrap_or_default());
        match lookup(found.name) {
            Some(value) => out.push_str(&text_of(&value)),
            None => out.push_str(text.get(found.begin..found.end).unwrap_or_default()),
        }
        from = found.end;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

/// The names of all variables in a value.
pub fn named_in(value: &Value) -> Vec<String> {
    let mut names = Vec::new();
    collect(value, &mut names);
    names
}

fn collect(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let mut from = 0;
            while let Some(found) = find(text, from) {
                if !names.iter().any(|known| known == found.name) {
                    names.push(found.name.to_owned());
                }
                from = found.end;
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        Value::Object(fields) => fields.values().for_each(|value| collect(value, names)),
        _ => {}
    }
}

/// The parameters of Parameter Store that a value names, with their selectors.
pub fn parameters_in(value: &Value) -> Vec<String> {
    named_in(value).into_iter().filter_map(|name| name.strip_prefix(PARAMETER_STORE).map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lookup(name: &str) -> Option<Value> {
        match name {
            "list" => Some(json!(["a", "b"])),
            "text" => Some(json!("it's {{ list }}")),
            "number" => Some(json!(5)),
            "ssm:/app/name:2" => Some(json!("stored")),
            _ => None,
        }
    }

    #[test]
    fn a_text_that_is_a_variable_becomes_its_value() {
        let value = json!({"a": "{{ list }}", "b": ["{{number}}", "x {{ number }}", "{{list}}!"], "c": "{{ssm:/app/name:2}}"});
        let expected = json!({"a": ["a", "b"], "b": [5, "x 5", "[\"a\",\"b\"]!"], "c": "stored"});
        assert_eq!(substitute(&value, &lookup), expected);
    }

    #[test]
    fn what_is_no_variable_stays_and_values_are_not_looked_through() {
        let value = json!(["{{ none }}", "{{.State}} {{text}}", "{{ a b }}", "{{{{number}}}}", "{{", "{{ number"]);
        let expected = json!(["{{ none }}", "{{.State}} it's {{ list }}", "{{ a b }}", "{{5}}", "{{", "{{ number"]);
        assert_eq!(substitute(&value, &lookup), expected);
    }

    #[test]
    fn names_are_found_once() {
        let value = json!({"a": "{{ x }} {{ y.z }} {{ x }}", "b": ["{{ssm:p}}"]});
        assert_eq!(named_in(&value), ["x", "y.z", "ssm:p"]);
        assert_eq!(parameters_in(&value), ["p"]);
    }
}
