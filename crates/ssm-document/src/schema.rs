//! What a JSON schema says of a value, in the words of the validator that AWS uses: `object has missing required properties (["a"])`.

use serde_json::Value;
use std::fmt;

/// Something that a schema refuses, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub message: String,
    /// A JSON pointer: the object or list that has the fault.
    pub node: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = if self.node.is_empty() { "/" } else { &self.node };
        write!(f, "[message: {:?} - parent node: {node}]", self.message)
    }
}

/// A value at a place, which is asked whether it is as a schema wants it.
#[derive(Clone)]
pub struct Node<'v> {
    pub value: &'v Value,
    pub place: String,
}

pub type Checked<T> = Result<T, Violation>;

impl<'v> Node<'v> {
    pub fn root(value: &'v Value) -> Node<'v> {
        Node { value, place: String::new() }
    }

    pub fn refuse<T>(&self, message: impl Into<String>) -> Checked<T> {
        Err(Violation { message: message.into(), node: self.place.clone() })
    }

    fn wrong_type<T>(&self, allowed: &[&str]) -> Checked<T> {
        self.refuse(format!("instance type ({}) does not match any allowed primitive type (allowed: {})", kind(self.value), list(allowed)))
    }

    fn below(&self, name: impl fmt::Display, value: &'v Value) -> Node<'v> {
        Node { value, place: format!("{}/{name}", self.place) }
    }

    /// An object that has these properties, and no others unless `open`.
    pub fn object(&self, required: &[&str], optional: &[&str], open: Others) -> Checked<()> {
        let Some(fields) = self.value.as_object() else { return self.wrong_type(&["object"]) };
        let mut missing: Vec<&str> = required.iter().copied().filter(|name| !fields.contains_key(*name)).collect();
        missing.sort_unstable();
        if !missing.is_empty() {
            return self.refuse(format!("object has missing required properties ({})", list(&missing)));
        }
        let unknown: Vec<&str> = fields.keys().map(String::as_str).filter(|name| !required.contains(name) && !optional.contains(name)).collect();
        if open == Others::Refused && !unknown.is_empty() {
            return self.refuse(format!("object instance has properties which are not allowed by the schema: {}", list(&unknown)));
        }
        Ok(())
    }

    pub fn get(&self, name: &str) -> Option<Node<'v>> {
        self.value.get(name).map(|value| self.below(name, value))
    }

    pub fn fields(&self) -> Checked<impl Iterator<Item = (&'v String, Node<'v>)> + use<'v>> {
        match self.value.as_object() {
            Some(fields) => {
                let place = self.place.clone();
                Ok(fields.iter().map(move |(name, value)| (name, Node { value, place: format!("{place}/{name}") })))
            }
            None => self.wrong_type(&["object"]),
        }
    }

    pub fn items(&self) -> Checked<impl Iterator<Item = Node<'v>> + use<'v>> {
        match self.value.as_array() {
            Some(items) => {
                let place = self.place.clone();
                Ok(items.iter().enumerate().map(move |(index, value)| Node { value, place: format!("{place}/{index}") }))
            }
            None => self.wrong_type(&["array"]),
        }
    }

    pub fn text(&self) -> Checked<&'v str> {
        match self.value.as_str() {
            Some(text) => Ok(text),
            None => self.wrong_type(&["string"]),
        }
    }

    /// A number, or a text that is one.
    pub fn count(&self) -> Checked<u64> {
        let number = self.value.as_u64().or_else(|| self.value.as_str().and_then(|text| text.trim().parse().ok()));
        match number {
            Some(number) => Ok(number),
            None => self.wrong_type(&["integer", "string"]),
        }
    }

    /// A text that is one of several.
    pub fn one_of(&self, allowed: &[&str]) -> Checked<&'v str> {
        let text = self.text()?;
        if allowed.contains(&text) {
            return Ok(text);
        }
        self.refuse(format!("instance value ({}) not found in enum (possible values: {})", self.value, list(allowed)))
    }
}

/// Whether an object may have properties that its schema does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    Allowed,
    Refused,
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn list(names: &[&str]) -> String {
    serde_json::to_string(names).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn violations_are_worded_as_the_validator_does() {
        let said = |value: Value| Node::root(&value).object(&["schemaVersion", "templateBody"], &[], Others::Refused).unwrap_err().to_string();
        assert_eq!(said(json!({})), r#"[message: "object has missing required properties ([\"schemaVersion\",\"templateBody\"])" - parent node: /]"#);
        assert_eq!(
            said(json!([])),
            r#"[message: "instance type (array) does not match any allowed primitive type (allowed: [\"object\"])" - parent node: /]"#
        );
    }
}
