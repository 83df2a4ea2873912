//! Parameters of a document, and the values that a request gives them.

use super::{Problem, fields::Fields};
use crate::types::{Type, shown};
use cloudlet_ssm_document::Pattern;
use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    pub of: Type,
    /// The type as it is written: `AWS::IAM::Role::Arn`.
    pub type_name: String,
    pub description: Option<String>,
    pub default: Option<Value>,
    pub allowed_values: Vec<Value>,
    pub allowed_pattern: Option<String>,
    pub min_items: Option<i64>,
    pub max_items: Option<i64>,
    pub min_chars: Option<i64>,
    pub max_chars: Option<i64>,
}

const MEMBERS: [&str; 11] =
    ["type", "description", "default", "allowedValues", "allowedPattern", "minItems", "maxItems", "minChars", "maxChars", "displayType", "assumedBy"];

/// Why a value is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParameterProblem {
    Type(Type),
    NotAllowed(Vec<String>),
    Pattern(String),
    Items,
    Characters,
}

impl Parameter {
    pub fn read(name: &str, value: &Value) -> Result<Parameter, Problem> {
        let fields = Fields::of(value, format!("parameter: {name}"))?;
        fields.only(&MEMBERS)?;
        let type_name = fields.required("type")?.as_str().ok_or_else(|| fields.wrong("type", "a string"))?.to_owned();
        let of = Type::parse(&type_name).ok_or_else(|| Problem::new(format!("Parameter \"{name}\" has an unsupported type: {type_name}.")))?;
        let pattern = fields.text("allowedPattern")?.map(str::to_owned);
        if let Some(pattern) = &pattern
            && Pattern::parse(pattern).is_none()
        {
            return Err(fields.wrong("allowedPattern", "a valid regular expression"));
        }
        let parameter = Parameter {
            of,
            type_name,
            description: fields.text("description")?.map(str::to_owned),
            default: None,
            allowed_values: fields.list("allowedValues")?.cloned().unwrap_or_default(),
            allowed_pattern: pattern,
            min_items: fields.number("minItems")?,
            max_items: fields.number("maxItems")?,
            min_chars: fields.number("minChars")?,
            max_chars: fields.number("maxChars")?,
        };
        let default = match fields.get("default") {
            None => None,
            Some(value) => Some(parameter.default_of(value).ok_or_else(|| fields.wrong("default", &format!("a {}", of.name())))?),
        };
        Ok(Parameter { default, ..parameter })
    }

    /// AWS: a default of another form is taken as far as it can be read as the type: numbers of YAML, lists as text.
    fn default_of(&self, value: &Value) -> Option<Value> {
        if self.of.fits(value) {
            return Some(value.clone());
        }
        match (self.of, value) {
            (Type::String, Value::Number(_) | Value::Bool(_)) => Some(Value::String(shown(value))),
            // A list with one element, or none.
            (Type::String, Value::Array(items)) if items.len() < 2 => Some(Value::String(items.first().map(shown).unwrap_or_default())),
            (Type::StringList, Value::Array(items)) => Some(items.iter().map(|item| Value::String(shown(item))).collect()),
            (Type::StringList, Value::String(text)) => self.of.read(std::slice::from_ref(text)),
            (Type::MapList, Value::Array(items)) if items.is_empty() => Some(Value::Array(Vec::new())),
            (Type::Boolean | Type::Integer | Type::StringMap | Type::MapList, Value::String(text)) => {
                // The value of a Parameter Store parameter is read later.
                if crate::template::references(text).next().is_some() { Some(value.clone()) } else { self.of.read(std::slice::from_ref(text)) }
            }
            _ => None,
        }
    }

    /// A value of a request, checked.
    pub fn value(&self, texts: &[String]) -> Result<Value, ParameterProblem> {
        let value = self.of.read(texts).ok_or(ParameterProblem::Type(self.of))?;
        self.check(&value)?;
        Ok(value)
    }

    /// Whether a value may be used.
    pub fn check(&self, value: &Value) -> Result<(), ParameterProblem> {
        let items: Vec<&Value> = match value {
            Value::Array(items) => items.iter().collect(),
            other => vec![other],
        };
        let outside = |length: usize, least: Option<i64>, most: Option<i64>| {
            let length = i64::try_from(length).unwrap_or(i64::MAX);
            least.is_some_and(|least| length < least) || most.is_some_and(|most| length > most)
        };
        if value.is_array() && outside(items.len(), self.min_items, self.max_items) {
            return Err(ParameterProblem::Items);
        }
        if !self.allowed_values.is_empty() {
            let allowed: Vec<String> = self.allowed_values.iter().map(shown).collect();
            if items.iter().any(|item| !allowed.contains(&shown(item))) {
                return Err(ParameterProblem::NotAllowed(allowed));
            }
        }
        if let Some(pattern) = &self.allowed_pattern {
            let pattern_of = Pattern::parse(pattern);
            let matches = |item: &&Value| item.as_str().is_none_or(|text| pattern_of.as_ref().is_some_and(|pattern| pattern.matches(text)));
            if !items.iter().all(matches) {
                return Err(ParameterProblem::Pattern(pattern.clone()));
            }
        }
        let wrong_length = |item: &&Value| item.as_str().is_some_and(|text| outside(text.chars().count(), self.min_chars, self.max_chars));
        if items.iter().any(wrong_length) {
            return Err(ParameterProblem::Characters);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: &Value) -> Parameter {
        Parameter::read("p", value).unwrap()
    }

    #[test]
    fn values_are_checked() {
        let parameter = read(&json!({"type": "StringList", "maxItems": 2, "allowedPattern": "^i-[0-9a-f]+$"}));
        let value = |texts: &[&str]| parameter.value(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(value(&["i-1", "i-2"]), Ok(json!(["i-1", "i-2"])));
        assert_eq!(value(&["i-1", "i-2", "i-3"]), Err(ParameterProblem::Items));
        assert_eq!(value(&["x"]), Err(ParameterProblem::Pattern("^i-[0-9a-f]+$".into())));
        let parameter = read(&json!({"type": "Boolean", "allowedValues": [true, false], "default": "true"}));
        assert_eq!(parameter.default, Some(json!(true)));
        assert_eq!(parameter.value(&["1".into()]), Err(ParameterProblem::Type(Type::Boolean)));
    }

    #[test]
    fn patterns_that_look_ahead_are_taken() {
        let parameter = read(&json!({"type": "String", "allowedPattern": r"^(?!aws)[\w+=,.@_-]{1,128}$"}));
        assert!(parameter.check(&json!("abc")).is_ok() && parameter.check(&json!("awsx")).is_err() && parameter.check(&json!("ä")).is_err());
        assert!(Parameter::read("p", &json!({"type": "String", "allowedPattern": "(("})).is_err());
    }
}
