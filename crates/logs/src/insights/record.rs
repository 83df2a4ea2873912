//! An event while a query works on it: its own fields, those of its JSON, and those that commands have made.

use super::{lambda_fields, values::Value};
use serde_json::Value as Json;
use std::{cell::OnceCell, sync::Arc};

/// How many fields are found in one event, and how deep.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html>
const MOST_FIELDS: usize = 200;
const DEEPEST: usize = 16;

#[derive(Clone, Debug, Default)]
pub struct Record {
    pub timestamp: i64,
    pub ingested: i64,
    pub message: String,
    pub stream: Arc<str>,
    /// `000000000000:group`
    pub log: Arc<str>,
    pub pointer: String,
    /// What commands have made; the last of a name counts.
    pub made: Vec<(Arc<str>, Value)>,
    /// The message as JSON, once it was asked for.
    pub json: OnceCell<Option<Arc<Json>>>,
    /// Rows of stats have nothing but what was made.
    pub is_event: bool,
}

impl Record {
    pub fn row(made: Vec<(Arc<str>, Value)>) -> Record {
        Record { made, ..Record::default() }
    }

    fn json(&self) -> Option<&Json> {
        let parse = || {
            // JSON may follow other text: AWS finds the first object.
            let text = self.message.get(self.message.find('{')?..)?;
            let mut values = serde_json::Deserializer::from_str(text).into_iter::<Json>();
            values.next()?.ok().map(Arc::new)
        };
        self.json.get_or_init(parse).as_deref()
    }

    pub fn get(&self, name: &str) -> Value {
        if let Some((_, value)) = self.made.iter().rev().find(|(made, _)| **made == *name) {
            return value.clone();
        }
        if !self.is_event {
            return Value::Missing;
        }
        match name {
            "@timestamp" => Value::Time(self.timestamp),
            "@ingestionTime" => Value::Time(self.ingested),
            "@message" => Value::Text(self.message.clone()),
            "@logStream" => Value::Text(self.stream.to_string()),
            "@log" => Value::Text(self.log.to_string()),
            "@ptr" => Value::Text(self.pointer.clone()),
            _ if name.starts_with('@') && lambda_fields::is_of_lambda(&self.log) => {
                lambda_fields::find(&self.message, name).unwrap_or(Value::Missing)
            }
            _ => self.json().and_then(|json| find(json, name)).map_or(Value::Missing, value),
        }
    }

    pub fn set(&mut self, name: &Arc<str>, value: Value) {
        self.made.push((name.clone(), value));
    }

    /// The text that a filter without a field looks at.
    pub fn text(&self) -> &str {
        &self.message
    }
}

fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Missing,
        Json::String(text) => Value::Text(text.clone()),
        Json::Number(number) => number.as_f64().map_or(Value::Missing, Value::Number),
        // AWS: truths of JSON show as numbers.
        Json::Bool(truth) => Value::Bool(*truth),
        other => Value::Text(other.to_string()),
    }
}

/// `a.b.0`: a path of names, any of which may have points itself.
fn find<'j>(json: &'j Json, path: &str) -> Option<&'j Json> {
    let get = |name: &str| match json {
        Json::Array(list) => list.get(name.parse::<usize>().ok()?),
        other => other.get(name),
    };
    if let Some(found) = get(path) {
        return Some(found);
    }
    path.match_indices('.').take(DEEPEST).find_map(|(at, _)| find(get(path.get(..at)?)?, path.get(at + 1..)?))
}

/// The fields of an event's JSON, by their paths.
pub fn json_fields(message: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let record = Record { message: message.to_owned(), is_event: true, ..Record::default() };
    if let Some(json) = record.json() {
        collect(json, String::new(), DEEPEST, &mut fields);
    }
    fields
}

fn collect(json: &Json, path: String, depth: usize, into: &mut Vec<(String, String)>) {
    if into.len() >= MOST_FIELDS {
        return;
    }
    let joined = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match json {
        Json::Object(members) if depth > 0 => members.iter().for_each(|(name, inner)| collect(inner, joined(name), depth - 1, into)),
        Json::Array(items) if depth > 0 => {
            items.iter().enumerate().for_each(|(index, inner)| collect(inner, joined(&index.to_string()), depth - 1, into));
        }
        other => into.push((path, value(other).text().into_owned())),
    }
}
