//! Whether a mocked result has the shape of the answer it stands in for.
//! <https://docs.aws.amazon.com/step-functions/latest/apireference/API_MockInput.html>

use super::names;
use cloudlet_shape::{Blob, Body, Document, Events, Kind, Mismatch, Read, Reader, Schema, Target, Timestamp};
use serde_json::{Map, Value};

/// How much of a mocked result is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// What is required must be there, and all that is there must fit.
    Strict,
    Present,
}

/// A value of a mocked result.
pub struct MockResult<'v> {
    value: &'v Value,
    field: &'v str,
    strictness: Strictness,
}

impl<'v> MockResult<'v> {
    pub fn new(value: &'v Value, strictness: Strictness) -> MockResult<'v> {
        MockResult { value, field: "", strictness }
    }

    fn inner<'i>(&self, value: &'i Value, field: &'i str) -> MockResult<'i> {
        MockResult { value, field, strictness: self.strictness }
    }

    fn wrong<T>(&self, wanted: &str) -> Read<T> {
        refused(format!("Field '{}' {wanted}", self.field))
    }

    /// Enumerations and bounds of numbers. AWS: unverified whether lengths and patterns are looked at.
    fn check(&self, of: &'static Target) -> Read<()> {
        match of.kind {
            Kind::Text if !of.values.is_empty() => match self.value.as_str() {
                Some(text) if !of.values.contains(&text) => self.wrong("is not an expected value"),
                _ => Ok(()),
            },
            Kind::Integer | Kind::Float => match self.value.as_f64() {
                Some(number) if of.min.is_some_and(|least| number < least as f64) => self.wrong("is less than the minimum value"),
                Some(number) if of.max.is_some_and(|most| number > most as f64) => self.wrong("exceeds the maximum value"),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

fn refused<T>(text: String) -> Read<T> {
    Err(Mismatch::Malformed(text))
}

impl Reader for MockResult<'_> {
    fn boolean(&mut self) -> Read<bool> {
        self.value.as_bool().map_or_else(|| self.wrong("must be a boolean"), Ok)
    }

    fn integer(&mut self) -> Read<i64> {
        let number = self.value.as_i64().or_else(|| self.value.as_f64().map(|number| number as i64));
        number.map_or_else(|| self.wrong("must be a number"), Ok)
    }

    fn float(&mut self) -> Read<f64> {
        self.value.as_f64().map_or_else(|| self.wrong("must be a number"), Ok)
    }

    fn text(&mut self) -> Read<String> {
        self.value.as_str().map_or_else(|| self.wrong("must be a string"), |text| Ok(text.to_owned()))
    }

    fn blob(&mut self) -> Read<Blob> {
        self.text().map(Blob::from)
    }

    fn timestamp(&mut self, _: &'static Target) -> Read<Timestamp> {
        self.text().map(|_| Timestamp::from_millis(0))
    }

    fn document(&mut self) -> Read<Document> {
        Ok(self.value.clone())
    }

    fn body(&mut self) -> Read<Body> {
        self.text().map(|text| Body::whole(text.into_bytes()))
    }

    fn events(&mut self) -> Read<Events> {
        Ok(Events::default())
    }

    fn list(&mut self, of: &'static Target, each: &mut dyn FnMut(&mut dyn Reader) -> Read<()>) -> Read<()> {
        let Some(items) = self.value.as_array() else { return self.wrong("must be an array") };
        items.iter().try_for_each(|item| {
            let mut inner = self.inner(item, self.field);
            inner.check(of.item())?;
            each(&mut inner)
        })
    }

    fn map(&mut self, of: &'static Target, each: &mut dyn FnMut(String, &mut dyn Reader) -> Read<()>) -> Read<()> {
        let Some(fields) = self.value.as_object() else { return self.wrong("must be an object") };
        fields.iter().try_for_each(|(name, value)| {
            let mut inner = self.inner(value, self.field);
            inner.check(of.item())?;
            each(name.clone(), &mut inner)
        })
    }

    fn structure(&mut self, schema: &'static Schema, each: &mut dyn FnMut(usize, &mut dyn Reader) -> Read<()>) -> Read<()> {
        let Some(fields) = self.value.as_object() else { return self.wrong("must be an object") };
        if self.strictness == Strictness::Strict {
            let missing = schema.members.iter().filter(|member| member.required()).map(|member| names::member(member.name));
            for name in missing {
                if !fields.contains_key(&name) {
                    return refused(format!("Required field '{name}' is missing"));
                }
            }
        }
        // What the service does not answer is let through.
        for (name, value) in fields {
            let found = schema.members.iter().enumerate().find(|(_, member)| names::member(member.name) == *name);
            let Some((index, member)) = found else { continue };
            let mut inner = self.inner(value, name);
            inner.check(member.of)?;
            each(index, &mut inner)?;
        }
        Ok(())
    }

    fn missing(&mut self, _: &'static Schema, _: usize) {}
}

/// The answers of optimised integrations whose services have no engine.
enum Form {
    Text,
    Number,
    List(&'static Form),
    Map(&'static Form),
    Object(&'static [(&'static str, Form)]),
    Any,
}

const CAPACITY: Form = Form::Object(&[("CapacityUnits", Form::Number), ("ReadCapacityUnits", Form::Number), ("WriteCapacityUnits", Form::Number)]);
const CONSUMED: Form = Form::Object(&[
    ("TableName", Form::Text),
    ("CapacityUnits", Form::Number),
    ("ReadCapacityUnits", Form::Number),
    ("WriteCapacityUnits", Form::Number),
    ("Table", CAPACITY),
    ("LocalSecondaryIndexes", Form::Map(&CAPACITY)),
    ("GlobalSecondaryIndexes", Form::Map(&CAPACITY)),
]);
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutItem.html>
const WRITTEN: Form = Form::Object(&[
    ("Attributes", Form::Map(&Form::Any)),
    ("ConsumedCapacity", CONSUMED),
    ("ItemCollectionMetrics", Form::Object(&[("ItemCollectionKey", Form::Map(&Form::Any)), ("SizeEstimateRangeGB", Form::List(&Form::Number))])),
]);
const FORMS: [(&str, &str, Form); 5] = [
    ("dynamodb", "getItem", Form::Object(&[("Item", Form::Map(&Form::Any)), ("ConsumedCapacity", CONSUMED)])),
    ("dynamodb", "putItem", WRITTEN),
    ("dynamodb", "updateItem", WRITTEN),
    ("dynamodb", "deleteItem", WRITTEN),
    // <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>
    (
        "events",
        "putEvents",
        Form::Object(&[
            ("FailedEntryCount", Form::Number),
            ("Entries", Form::List(&Form::Object(&[("EventId", Form::Text), ("ErrorCode", Form::Text), ("ErrorMessage", Form::Text)]))),
        ]),
    ),
];

/// The same for an answer of a service that has no engine here, as far as its form is known.
pub fn check_known(service: &str, action: &str, result: &Value) -> Result<(), String> {
    let form = FORMS.iter().find(|(of, name, _)| *of == service && *name == action);
    form.map_or(Ok(()), |(_, _, form)| fits(form, result, ""))
}

fn fits(form: &Form, value: &Value, field: &str) -> Result<(), String> {
    let wrong = |wanted: &str| Err(format!("Field '{field}' must be {wanted}"));
    match (form, value) {
        (Form::Any, _) | (Form::Text, Value::String(_)) | (Form::Number, Value::Number(_)) => Ok(()),
        (Form::Text, _) => wrong("a string"),
        (Form::Number, _) => wrong("a number"),
        (Form::List(of), Value::Array(items)) => items.iter().try_for_each(|item| fits(of, item, field)),
        (Form::List(_), _) => wrong("an array"),
        (Form::Map(of), Value::Object(fields)) => fields.values().try_for_each(|value| fits(of, value, field)),
        (Form::Object(of), Value::Object(fields)) => of.iter().try_for_each(|(name, form)| known_field(fields, name, form)),
        (Form::Map(_) | Form::Object(_), _) => wrong("an object"),
    }
}

fn known_field(fields: &Map<String, Value>, name: &str, form: &Form) -> Result<(), String> {
    fields.get(name).map_or(Ok(()), |value| fits(form, value, name))
}
