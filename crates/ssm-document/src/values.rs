//! The values that somebody gives for the parameters of a document: texts, checked against what the document declares.

use crate::{Parameter, ParameterType, Parameters};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, fmt};

/// As requests have them: a list of texts for each name.
pub type Given = BTreeMap<String, Vec<String>>;

/// The value of every parameter of a document, by name.
pub type Values = Map<String, Value>;

/// Why values are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidValue {
    /// The document declares no parameters at all.
    NoParameters,
    Undeclared(Vec<String>),
    Missing(Vec<String>),
    NotAllowed {
        name: String,
        value: String,
        allowed: Vec<String>,
    },
    Pattern {
        name: String,
        value: String,
        pattern: String,
    },
    Type {
        name: String,
        kind: String,
    },
    /// Too short, too long, too few, too many.
    Bounds {
        name: String,
        bound: &'static str,
        limit: u64,
    },
}

impl fmt::Display for InvalidValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidValue::NoParameters => f.write_str("The document does not support parameters."),
            InvalidValue::Undeclared(names) => write!(f, "Parameters {names:?} are not defined in the document."),
            InvalidValue::Missing(names) => write!(f, "Parameters {names:?} are required and have no value."),
            InvalidValue::NotAllowed { name, value, allowed } => {
                write!(f, "Parameter \"{name}\" has value \"{value}\" not found in [{}].", allowed.join(", "))
            }
            InvalidValue::Pattern { name, value, pattern } => {
                write!(f, "Parameter \"{name}\" has value \"{value}\" not matching \"{pattern}\".")
            }
            InvalidValue::Type { name, kind } => write!(f, "Parameter \"{name}\" has a value that is not of type {kind}."),
            InvalidValue::Bounds { name, bound, limit } => write!(f, "Parameter \"{name}\" has a value outside of {bound} {limit}."),
        }
    }
}

impl Parameters {
    /// The value of every parameter: what is given, or its default.
    pub fn values(&self, given: &Given) -> Result<Values, InvalidValue> {
        if self.0.is_empty() && !given.is_empty() {
            return Err(InvalidValue::NoParameters);
        }
        let undeclared: Vec<String> = given.keys().filter(|name| self.get(name).is_none()).cloned().collect();
        if !undeclared.is_empty() {
            return Err(InvalidValue::Undeclared(undeclared));
        }
        let missing: Vec<String> =
            self.0.iter().filter(|(name, parameter)| parameter.is_required() && !given.contains_key(name)).map(|(name, _)| name.clone()).collect();
        if !missing.is_empty() {
            return Err(InvalidValue::Missing(missing));
        }
        let mut values = Values::new();
        for (name, parameter) in &self.0 {
            let value = match given.get(name) {
                Some(texts) => parameter.value(name, texts)?,
                None => parameter.default.clone().unwrap_or_default(),
            };
            values.insert(name.clone(), value);
        }
        Ok(values)
    }
}

impl Parameter {
    /// The value that texts stand for, checked. A reference to Parameter Store is checked when it has been looked up (`check`).
    pub fn value(&self, name: &str, texts: &[String]) -> Result<Value, InvalidValue> {
        let wrong = || InvalidValue::Type { name: name.to_owned(), kind: self.kind.name() };
        let single = || match texts {
            [text] => Ok(text.as_str()),
            _ => Err(wrong()),
        };
        let value = match &self.kind {
            ParameterType::String | ParameterType::Aws(_) => Value::String(single()?.to_owned()),
            ParameterType::StringList | ParameterType::AwsList(_) => Value::from(texts.to_vec()),
            ParameterType::Boolean => Value::Bool(single()?.trim().to_ascii_lowercase().parse().map_err(|_| wrong())?),
            ParameterType::Integer => Value::from(single()?.trim().parse::<i64>().map_err(|_| wrong())?),
            ParameterType::StringMap => match serde_json::from_str(single()?) {
                Ok(Value::Object(fields)) => Value::Object(fields),
                _ => return Err(wrong()),
            },
            ParameterType::MapList => Value::Array(maps(texts).ok_or_else(wrong)?),
        };
        self.check(name, &value)?;
        Ok(value)
    }

    /// Whether a value of the right type is one that the document allows.
    pub fn check(&self, name: &str, value: &Value) -> Result<(), InvalidValue> {
        let items = match value {
            Value::Array(items) => items.as_slice(),
            single => std::slice::from_ref(single),
        };
        let bounds = |bound: &'static str, limit: Option<u64>, is_right: &dyn Fn(u64) -> bool| match limit {
            Some(limit) if !is_right(limit) => Err(InvalidValue::Bounds { name: name.to_owned(), bound, limit }),
            _ => Ok(()),
        };
        if value.is_array() {
            let count = items.len() as u64;
            bounds("minItems", self.min_items, &|limit| count >= limit)?;
            bounds("maxItems", self.max_items, &|limit| count <= limit)?;
        }
        for item in items {
            let text = text_of(item);
            let length = text.chars().count() as u64;
            bounds("minChars", self.min_chars, &|limit| length >= limit)?;
            bounds("maxChars", self.max_chars, &|limit| length <= limit)?;
            if let Some(allowed) = &self.allowed_values
                && !allowed.iter().any(|known| text_of(known) == text)
                && !allowed.contains(value)
            {
                return Err(InvalidValue::NotAllowed { name: name.to_owned(), value: text, allowed: allowed.iter().map(text_of).collect() });
            }
            if let Some(pattern) = &self.allowed_pattern
                && !pattern.matches(&text)
            {
                return Err(InvalidValue::Pattern { name: name.to_owned(), value: text, pattern: pattern.text().to_owned() });
            }
        }
        Ok(())
    }
}

/// Each text is a map, or one text is a list of maps.
fn maps(texts: &[String]) -> Option<Vec<Value>> {
    let mut maps = Vec::new();
    for text in texts {
        match serde_json::from_str(text).ok()? {
            Value::Array(several) => maps.extend(several),
            single => maps.push(single),
        }
    }
    maps.iter().all(Value::is_object).then_some(maps)
}

/// A value in a text: a text as it is, another value as JSON.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parameters() -> Parameters {
        Parameters::of(&json!({"parameters": {
            "commands": {"type": "StringList", "minItems": 1},
            "count": {"type": "Integer", "default": 3},
            "action": {"type": "String", "default": "Install", "allowedValues": ["Install", "Uninstall"]},
            "seconds": {"type": "String", "default": "3600", "allowedPattern": "([1-9][0-9]{0,4})"},
            "id": {"type": "AWS::EC2::Instance::Id", "default": ""},
            "map": {"type": "StringMap", "default": {}},
        }}))
    }

    fn values(given: &[(&str, &[&str])]) -> Result<Values, String> {
        let given = given.iter().map(|(name, texts)| ((*name).to_owned(), texts.iter().map(|text| (*text).to_owned()).collect())).collect();
        parameters().values(&given).map_err(|refused| refused.to_string())
    }

    #[test]
    fn values_have_the_types_that_are_declared() {
        let values = values(&[("commands", &["a", "b"]), ("count", &["7"]), ("map", &[r#"{"a":1}"#])]).unwrap();
        let expected = json!({"commands": ["a", "b"], "count": 7, "action": "Install", "seconds": "3600", "id": "", "map": {"a": 1}});
        assert_eq!(Value::Object(values), expected);
    }

    #[test]
    fn what_is_refused() {
        let commands: (&str, &[&str]) = ("commands", &["a"]);
        assert_eq!(values(&[]).unwrap_err(), r#"Parameters ["commands"] are required and have no value."#);
        assert_eq!(values(&[commands, ("x", &["1"])]).unwrap_err(), r#"Parameters ["x"] are not defined in the document."#);
        assert_eq!(
            values(&[commands, ("action", &["install"])]).unwrap_err(),
            r#"Parameter "action" has value "install" not found in [Install, Uninstall]."#
        );
        assert!(values(&[commands, ("seconds", &["1s"])]).unwrap_err().contains("not matching"));
        assert!(values(&[commands, ("count", &["x"])]).unwrap_err().contains("type Integer"));
        assert!(values(&[("commands", &[])]).unwrap_err().contains("minItems 1"));
    }
}
