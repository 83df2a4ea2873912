//! Event patterns: which messages a mapping takes. A text and a document in, yes or no out.
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html>

use serde_json::Value;

/// The deepest pattern that is read.
const DEEPEST: usize = 32;

/// A pattern that was checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern(Value);

impl Pattern {
    /// `None`: it is no pattern.
    pub fn parse(text: &str) -> Option<Pattern> {
        let value: Value = serde_json::from_str(text).ok()?;
        is_object(&value, 0).then_some(Pattern(value))
    }

    pub fn matches(&self, document: &Value) -> bool {
        object(&self.0, document)
    }
}

fn is_object(pattern: &Value, depth: usize) -> bool {
    let Value::Object(members) = pattern else { return false };
    depth < DEEPEST
        && members.iter().all(|(name, member)| match member {
            Value::Array(alternatives) if name == "$or" => alternatives.len() > 1 && alternatives.iter().all(|each| is_object(each, depth + 1)),
            Value::Array(rules) => !rules.is_empty() && rules.iter().all(is_rule),
            Value::Object(_) => is_object(member, depth + 1),
            _ => false,
        })
}

fn is_rule(rule: &Value) -> bool {
    match rule {
        Value::Object(operator) => {
            operator.len() == 1
                && operator.iter().all(|(name, operand)| match name.as_str() {
                    "exists" => operand.is_boolean(),
                    "prefix" | "suffix" | "equals-ignore-case" | "wildcard" => operand.is_string() || (operand.is_object() && name != "wildcard"),
                    "anything-but" => !operand.is_null(),
                    "numeric" => operand.as_array().is_some_and(|parts| is_numeric(parts)),
                    _ => false,
                })
        }
        Value::Array(_) => false,
        _ => true,
    }
}

fn is_numeric(parts: &[Value]) -> bool {
    !parts.is_empty()
        && parts.len().is_multiple_of(2)
        && parts.chunks(2).all(|pair| match pair {
            [Value::String(operator), operand] => matches!(operator.as_str(), "=" | "<" | "<=" | ">" | ">=") && operand.is_number(),
            _ => false,
        })
}

fn object(pattern: &Value, document: &Value) -> bool {
    let Value::Object(members) = pattern else { return false };
    members.iter().all(|(name, member)| match member {
        Value::Array(alternatives) if name == "$or" => alternatives.iter().any(|each| object(each, document)),
        Value::Array(rules) => rules.iter().any(|rule| field(rule, document.get(name))),
        nested => document.get(name).is_some_and(|inner| object(nested, inner)),
    })
}

/// A value of the document. One of a list suffices.
fn field(rule: &Value, value: Option<&Value>) -> bool {
    if let Some(exists) = rule.get("exists").and_then(Value::as_bool) {
        // AWS: only leaves exist.
        return value.is_some_and(|value| !value.is_object()) == exists;
    }
    match value {
        None => false,
        Some(Value::Array(values)) => values.iter().any(|value| one(rule, value)),
        Some(value) => one(rule, value),
    }
}

fn one(rule: &Value, value: &Value) -> bool {
    let Value::Object(operator) = rule else { return equal(rule, value) };
    let Some((name, operand)) = operator.iter().next() else { return false };
    match name.as_str() {
        "anything-but" => match operand {
            Value::Array(values) => !values.iter().any(|each| equal(each, value)),
            Value::Object(_) => !one(operand, value),
            single => !equal(single, value),
        },
        "numeric" => value.as_f64().is_some_and(|number| operand.as_array().is_some_and(|parts| parts.chunks(2).all(|pair| compare(pair, number)))),
        _ => text(name, operand, value),
    }
}

fn text(operator: &str, operand: &Value, value: &Value) -> bool {
    let Some(value) = value.as_str() else { return false };
    if let Some(inner) = operand.get("equals-ignore-case").and_then(Value::as_str) {
        let (value, inner) = (value.to_lowercase(), inner.to_lowercase());
        return text(operator, &Value::String(inner), &Value::String(value));
    }
    let Some(operand) = operand.as_str() else { return false };
    match operator {
        "prefix" => value.starts_with(operand),
        "suffix" => value.ends_with(operand),
        "equals-ignore-case" => value.to_lowercase() == operand.to_lowercase(),
        "wildcard" => wildcard(operand, value),
        _ => false,
    }
}

/// `*` stands for any text.
fn wildcard(pattern: &str, value: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| value.strip_prefix(first)) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(part) = last.replace(part) {
            match rest.find(part) {
                Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
                None => return false,
            }
        }
    }
    last.map_or(rest.is_empty(), |last| rest.ends_with(last))
}

fn equal(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

fn compare(pair: &[Value], number: f64) -> bool {
    let [Value::String(operator), operand] = pair else { return false };
    let Some(operand) = operand.as_f64() else { return false };
    match operator.as_str() {
        "=" => number == operand,
        "<" => number < operand,
        "<=" => number <= operand,
        ">" => number > operand,
        _ => number >= operand,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn documents_match_as_aws_says() {
        for (pattern, document, expected) in [
            (json!({"body": {"a": ["x"]}}), json!({"body": {"a": "x"}}), true),
            (json!({"body": {"a": ["x"]}}), json!({"body": {"a": ["y", "x"]}}), true),
            (json!({"body": {"a": ["x"]}}), json!({"body": {"b": "x"}}), false),
            (json!({"a": [{"exists": false}]}), json!({}), true),
            (json!({"a": [{"exists": true}]}), json!({"a": null}), true),
            (json!({"a": [{"prefix": "x"}]}), json!({"a": "xyz"}), true),
            (json!({"a": [{"prefix": {"equals-ignore-case": "X"}}]}), json!({"a": "xyz"}), true),
            (json!({"a": [{"anything-but": ["x"]}]}), json!({"a": "x"}), false),
            (json!({"a": [{"anything-but": {"prefix": "x"}}]}), json!({"a": "yz"}), true),
            (json!({"a": [{"numeric": [">", 0, "<=", 5]}]}), json!({"a": 5.0}), true),
            (json!({"a": [{"numeric": [">", 0, "<=", 5]}]}), json!({"a": 6}), false),
            (json!({"a": [{"wildcard": "x*z*"}]}), json!({"a": "xyzzy"}), true),
            (json!({"a": [{"wildcard": "x*z"}]}), json!({"a": "xyzzy"}), false),
            (json!({"$or": [{"a": [1]}, {"b": [2]}]}), json!({"b": 2}), true),
            (json!({"a": [null]}), json!({"a": null}), true),
            (json!({"a": [1]}), json!({"a": 1.0}), true),
        ] {
            let pattern = Pattern::parse(&pattern.to_string()).unwrap();
            assert_eq!(pattern.matches(&document), expected, "{pattern:?} {document}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["", "[]", r#"{"a":"x"}"#, r#"{"a":[]}"#, r#"{"a":[{"unknown":1}]}"#, r#"{"a":[{"numeric":[">"]}]}"#, r#"{"$or":[{"a":[1]}]}"#] {
            assert_eq!(Pattern::parse(text), None, "{text}");
        }
    }
}
