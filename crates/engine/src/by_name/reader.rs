//! Parameters as JSON, read into an operation's input.

use super::style::{ShapeKind, Style};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_shape::{Blob, Body, Document, Events, Mismatch, Read, Reader, Schema, Target, Timestamp};
use parking_lot::Mutex;
use serde_json::Value;
use std::sync::Arc;

/// What is wrong with parameters.
#[derive(Clone, Debug, Default)]
pub struct Problem {
    /// Fields that the operation does not have.
    pub unknown: Vec<String>,
    /// The members where the last of them was.
    pub known: Vec<&'static str>,
    /// Required members that are absent, by the model's names.
    pub missing: Vec<String>,
    /// Where the reader is: for messages.
    field: String,
}

/// A value of the parameters.
pub struct Parameters<'v> {
    value: &'v Value,
    problem: Arc<Mutex<Problem>>,
    style: &'static Style,
}

impl<'v> Parameters<'v> {
    pub fn new(value: &'v Value, style: &'static Style) -> Parameters<'v> {
        Parameters { value, problem: Arc::default(), style }
    }

    pub fn problem(&self) -> Problem {
        self.problem.lock().clone()
    }

    fn inner(&self, value: &'v Value) -> Parameters<'v> {
        Parameters { value, problem: self.problem.clone(), style: self.style }
    }

    fn wrong<T>(&self, wanted: ShapeKind) -> Read<T> {
        Err(Mismatch::Malformed((self.style.wrong)(&self.problem.lock().field, wanted, self.value)))
    }
}

impl Reader for Parameters<'_> {
    fn boolean(&mut self) -> Read<bool> {
        self.value.as_bool().map_or_else(|| self.wrong(ShapeKind::Boolean), Ok)
    }

    fn integer(&mut self) -> Read<i64> {
        let number = self.value.as_i64().or_else(|| self.value.as_f64().filter(|number| number.fract() == 0.0).map(|number| number as i64));
        number.map_or_else(|| self.wrong(ShapeKind::Integer), Ok)
    }

    fn float(&mut self) -> Read<f64> {
        self.value.as_f64().map_or_else(|| self.wrong(ShapeKind::Float), Ok)
    }

    fn text(&mut self) -> Read<String> {
        match self.value {
            Value::String(text) => Ok(text.clone()),
            Value::Object(_) | Value::Array(_) if self.style.json_is_text => Ok((self.style.text)(self.value)),
            _ => self.wrong(ShapeKind::Text),
        }
    }

    fn blob(&mut self) -> Read<Blob> {
        // AWS: base64 where it is that, and the bytes of the text where not.
        match self.value {
            Value::String(text) => Ok(STANDARD.decode(text).map_or_else(|_| Blob::from(text.clone()), Blob::from)),
            other => Ok(Blob::from((self.style.text)(other))),
        }
    }

    fn timestamp(&mut self, _: &'static Target) -> Read<Timestamp> {
        let read = match self.value {
            Value::Number(number) => number.as_f64().and_then(Timestamp::from_epoch),
            Value::String(text) => Timestamp::parse_any(text),
            _ => None,
        };
        read.map_or_else(|| self.wrong(ShapeKind::Timestamp), Ok)
    }

    fn document(&mut self) -> Read<Document> {
        Ok(self.value.clone())
    }

    fn body(&mut self) -> Read<Body> {
        let text = match self.value {
            Value::String(text) if !self.style.bodies_are_json => text.clone(),
            other => (self.style.text)(other),
        };
        Ok(Body::whole(text.into_bytes()))
    }

    fn events(&mut self) -> Read<Events> {
        Ok(Events::default())
    }

    fn list(&mut self, _: &'static Target, each: &mut dyn FnMut(&mut dyn Reader) -> Read<()>) -> Read<()> {
        let Some(items) = self.value.as_array() else { return self.wrong(ShapeKind::List) };
        items.iter().filter(|item| !item.is_null()).try_for_each(|item| each(&mut self.inner(item)))
    }

    fn map(&mut self, _: &'static Target, each: &mut dyn FnMut(String, &mut dyn Reader) -> Read<()>) -> Read<()> {
        let Some(fields) = self.value.as_object() else { return self.wrong(ShapeKind::Map) };
        fields.iter().filter(|(_, value)| !value.is_null()).try_for_each(|(name, value)| each(name.clone(), &mut self.inner(value)))
    }

    fn structure(&mut self, schema: &'static Schema, each: &mut dyn FnMut(usize, &mut dyn Reader) -> Read<()>) -> Read<()> {
        let Some(fields) = self.value.as_object() else { return self.wrong(ShapeKind::Structure) };
        for (name, value) in fields {
            let found = schema.members.iter().position(|member| (self.style.means)(member.name, name));
            let Some(index) = found else {
                let mut problem = self.problem.lock();
                problem.unknown.push(name.clone());
                problem.known = schema.members.iter().map(|member| member.name).collect();
                continue;
            };
            if value.is_null() {
                continue;
            }
            self.problem.lock().field.clone_from(name);
            each(index, &mut self.inner(value))?;
        }
        Ok(())
    }

    fn missing(&mut self, schema: &'static Schema, index: usize) {
        if let Some(member) = schema.members.get(index) {
            self.problem.lock().missing.push(member.name.to_owned());
        }
    }
}
