//! An operation's output as JSON.

use super::style::{Instants, Style};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_shape::{Body, BodyContent, Document, Events, Flags, Struct, Target, Timestamp, TimestampFormat, Writer};
use futures_util::StreamExt;
use serde_json::{Map, Number, Value};

/// More of a body than this does not fit into a result.
const LARGEST_BODY: usize = 1 << 20;

pub async fn result(output: &dyn Struct, style: &'static Style) -> Value {
    let mut writer = Output { value: Value::Null, style, bodies: Vec::new() };
    writer.structure(output);
    let Output { mut value, bodies, .. } = writer;
    for (name, body) in bodies {
        if let Some(fields) = value.as_object_mut() {
            fields.insert(name, Value::String(text_of(&body).await));
        }
    }
    value
}

/// AWS: text as it is, other bytes in base64.
fn shown(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| STANDARD.encode(bytes), str::to_owned)
}

async fn text_of(body: &Body) -> String {
    let mut bytes = Vec::new();
    match body.take() {
        BodyContent::Whole(whole) => bytes.extend_from_slice(&whole),
        BodyContent::Stream(mut stream) => {
            while let Some(Ok(piece)) = stream.next().await {
                bytes.extend_from_slice(&piece);
                if bytes.len() > LARGEST_BODY {
                    break;
                }
            }
        }
    }
    shown(&bytes)
}

struct Output {
    value: Value,
    style: &'static Style,
    /// Bodies, which are read afterwards.
    bodies: Vec<(String, Body)>,
}

impl Output {
    fn inner(&mut self, write: impl FnOnce(&mut Output)) -> Value {
        let mut inner = Output { value: Value::Null, style: self.style, bodies: Vec::new() };
        write(&mut inner);
        inner.value
    }
}

impl Writer for Output {
    fn boolean(&mut self, value: bool) {
        self.value = value.into();
    }

    fn integer(&mut self, value: i64) {
        self.value = value.into();
    }

    fn float(&mut self, value: f64) {
        self.value = Number::from_f64(value).map_or(Value::Null, Value::Number);
    }

    fn text(&mut self, value: &str) {
        self.value = value.into();
    }

    fn blob(&mut self, value: &[u8]) {
        self.value = shown(value).into();
    }

    fn timestamp(&mut self, value: Timestamp, _: &'static Target) {
        self.value = match self.style.instants {
            Instants::Text => value.text(TimestampFormat::DateTime).into(),
            Instants::Millis => value.millis().into(),
        };
    }

    fn document(&mut self, value: &Document) {
        self.value = value.clone();
    }

    fn body(&mut self, value: &Body) {
        self.bodies.push((String::new(), value.clone()));
    }

    fn events(&mut self, _: &Events) {}

    fn list(&mut self, of: &'static Target, items: &mut dyn Iterator<Item = &dyn cloudlet_shape::Value>) {
        let items: Vec<Value> = items.map(|item| self.inner(|inner| item.write(inner, of.item()))).collect();
        self.value = Value::Array(items);
    }

    fn map(&mut self, of: &'static Target, entries: &mut dyn Iterator<Item = (&str, &dyn cloudlet_shape::Value)>) {
        let entries = entries.map(|(key, value)| (key.to_owned(), self.inner(|inner| value.write(inner, of.item())))).collect();
        self.value = Value::Object(entries);
    }

    fn structure(&mut self, value: &dyn Struct) {
        let mut out = Map::new();
        for (index, member) in value.schema().members.iter().enumerate() {
            let inner = value.get(index);
            if inner.is_absent() {
                continue;
            }
            let name = (self.style.shown)(member.name);
            if member.flags.has(Flags::PAYLOAD) && matches!(member.of.kind, cloudlet_shape::Kind::Body) {
                let before = self.bodies.len();
                inner.write(self, member.of);
                self.bodies.iter_mut().skip(before).for_each(|(of, _)| of.clone_from(&name));
                continue;
            }
            let written = self.inner(|writer| inner.write(writer, member.of));
            out.insert(name, written);
        }
        self.value = Value::Object(out);
    }
}
