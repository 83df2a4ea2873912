//! Members of a document's objects, read with the reason when they are wrong.

use super::Problem;
use serde_json::{Map, Value};

/// An object, and what it is called in messages: `step: stopInstances`.
pub struct Fields<'v> {
    map: &'v Map<String, Value>,
    of: String,
}

impl<'v> Fields<'v> {
    pub fn of(value: &'v Value, of: impl Into<String>) -> Result<Fields<'v>, Problem> {
        let of = of.into();
        match value {
            Value::Object(map) => Ok(Fields { map, of }),
            // AWS: unverified wording, here and below.
            _ => Err(Problem::new(format!("A map is expected in {of}."))),
        }
    }

    pub fn called(&mut self, of: impl Into<String>) {
        self.of = of.into();
    }

    /// Refuses members that are not of these.
    pub fn only(&self, known: &[&str]) -> Result<(), Problem> {
        match self.map.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(Problem::new(format!("Unrecognized property \"{name}\" in {}.", self.of))),
            None => Ok(()),
        }
    }

    pub fn get(&self, name: &str) -> Option<&'v Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    pub fn wrong(&self, name: &str, wanted: &str) -> Problem {
        Problem::new(format!("The value of \"{name}\" in {} must be {wanted}.", self.of))
    }

    pub fn required(&self, name: &str) -> Result<&'v Value, Problem> {
        self.get(name).ok_or_else(|| Problem::new(format!("Missing required property \"{name}\" in {}.", self.of)))
    }

    pub fn text(&self, name: &str) -> Result<Option<&'v str>, Problem> {
        self.get(name).map(|value| value.as_str().ok_or_else(|| self.wrong(name, "a string"))).transpose()
    }

    /// A text, also where YAML made a number or a flag of it.
    pub fn scalar(&self, name: &str) -> Result<Option<String>, Problem> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other @ (Value::Number(_) | Value::Bool(_))) => Ok(Some(other.to_string())),
            Some(_) => Err(self.wrong(name, "a string")),
        }
    }

    pub fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::String(text)) => crate::types::boolean(text).map(Some).ok_or_else(|| self.wrong(name, "a boolean")),
            Some(_) => Err(self.wrong(name, "a boolean")),
        }
    }

    pub fn number(&self, name: &str) -> Result<Option<i64>, Problem> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => number(value).map(Some).ok_or_else(|| self.wrong(name, "an integer")),
        }
    }

    pub fn list(&self, name: &str) -> Result<Option<&'v Vec<Value>>, Problem> {
        self.get(name).map(|value| value.as_array().ok_or_else(|| self.wrong(name, "a list"))).transpose()
    }

    pub fn map(&self, name: &str) -> Result<Option<&'v Map<String, Value>>, Problem> {
        self.get(name).map(|value| value.as_object().ok_or_else(|| self.wrong(name, "a map"))).transpose()
    }
}

/// A whole number, also as text.
pub fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => {
            number.as_i64().or_else(|| number.as_f64().filter(|double| double.fract() == 0.0 && double.abs() < 9e15).map(|double| double as i64))
        }
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
