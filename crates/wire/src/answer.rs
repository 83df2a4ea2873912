//! The HTTP bindings of the REST protocols, answer side: status, headers, payload.

use crate::{
    Answer,
    text::{base64, float_text},
};
use bytes::Bytes;
use cloudlet_shape::{At, Body, Document, Events, Flags, Kind, Member, Struct, Target, Timestamp, TimestampFormat, Value, Writer};
use std::borrow::Cow;

/// What an answer's body is.
pub(crate) enum Content<'o> {
    /// The payload member: a structure or another document.
    Payload(&'static Member, &'o dyn Value),
    /// Bytes, text or a stream, with the content type that goes with them.
    Raw(Body, &'static str),
    Events,
    /// A document of all members in the body.
    Document,
    Nothing,
}

/// Puts the members bound to status and headers where they belong, and says what is left for the body.
pub(crate) fn head<'o>(output: &'o dyn Struct, answer: &mut Answer) -> Content<'o> {
    let mut content = Content::Nothing;
    for (index, member) in output.schema().members.iter().enumerate() {
        let value = output.get(index);
        match member.at {
            At::Status => {
                let mut status = Number(None);
                value.write(&mut status, member.of);
                if let Some(status) = status.0.and_then(|status| u16::try_from(status).ok()).filter(|status| (100..1000).contains(status)) {
                    answer.status = status;
                }
            }
            At::Header | At::PrefixHeaders if !value.is_absent() => {
                let json = member.flags.has(Flags::JSON_VALUE) || member.of.flags.has(Flags::JSON_VALUE);
                value.write(&mut HeaderWriter { answer, name: member.wire, json }, member.of);
            }
            At::Body if member.flags.has(Flags::PAYLOAD) || matches!(member.of.kind, Kind::Body | Kind::Events) => {
                content = payload(member, value);
            }
            At::Body if matches!(content, Content::Nothing) && output.schema().payload().is_none() => content = Content::Document,
            _ => {}
        }
    }
    content
}

fn payload<'o>(member: &'static Member, value: &'o dyn Value) -> Content<'o> {
    if value.is_absent() {
        return Content::Nothing;
    }
    let mut raw = RawWriter::default();
    match member.of.kind {
        Kind::Events => Content::Events,
        Kind::Body | Kind::Blob => {
            value.write(&mut raw, member.of);
            Content::Raw(raw.0, "application/octet-stream")
        }
        Kind::Text => {
            value.write(&mut raw, member.of);
            Content::Raw(raw.0, "text/plain")
        }
        _ => Content::Payload(member, value),
    }
}

/// Writes values into header fields.
struct HeaderWriter<'a> {
    answer: &'a mut Answer,
    name: &'static str,
    json: bool,
}

impl HeaderWriter<'_> {
    fn put(&mut self, value: &str) {
        let has_capitals = self.name.bytes().fold(false, |has, c| has | c.is_ascii_uppercase());
        let name = if !has_capitals { Cow::Borrowed(self.name) } else { self.name.to_ascii_lowercase().into() };
        self.answer.put(name, clean(value));
    }
}

/// No line may end inside of a field: what a client stored must not become a header of its own.
fn clean(value: &str) -> String {
    // Without an early end, so that the processor looks at many bytes at a time: there is nearly always nothing to be found.
    let special = value.bytes().fold(false, |special, byte| special | !matches!(byte, b' '..=b'~'));
    if !special {
        return value.to_owned();
    }
    value.chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect()
}

impl Writer for HeaderWriter<'_> {
    fn boolean(&mut self, value: bool) {
        self.put(if value { "true" } else { "false" });
    }
    fn integer(&mut self, value: i64) {
        self.put(itoa::Buffer::new().format(value));
    }
    fn float(&mut self, value: f64) {
        self.put(&float_text(value));
    }
    fn text(&mut self, value: &str) {
        if self.json { self.put(&base64(value.as_bytes())) } else { self.put(value) }
    }
    fn blob(&mut self, value: &[u8]) {
        self.put(&base64(value));
    }
    fn timestamp(&mut self, value: Timestamp, of: &'static Target) {
        self.put(&value.text(of.timestamp.unwrap_or(TimestampFormat::HttpDate)));
    }
    fn document(&mut self, value: &Document) {
        self.put(&value.to_string());
    }
    fn body(&mut self, _: &Body) {}
    fn events(&mut self, _: &Events) {}
    fn list(&mut self, of: &'static Target, items: &mut dyn Iterator<Item = &dyn Value>) {
        let mut parts = Answer::new(200);
        for item in items {
            item.write(&mut HeaderWriter { answer: &mut parts, name: self.name, json: false }, of.item());
        }
        let texts = of.item().kind == Kind::Text;
        let parts: Vec<String> = parts
            .headers
            .into_iter()
            .map(
                |(_, part)| {
                    if texts && part.contains([',', '"']) { format!("\"{}\"", part.replace('\\', "\\\\").replace('"', "\\\"")) } else { part }
                },
            )
            .collect();
        if !parts.is_empty() {
            self.put(&parts.join(", "));
        }
    }
    fn map(&mut self, of: &'static Target, entries: &mut dyn Iterator<Item = (&str, &dyn Value)>) {
        for (key, value) in entries {
            let mut part = Answer::new(200);
            value.write(&mut HeaderWriter { answer: &mut part, name: "", json: false }, of.item());
            for (_, value) in part.headers {
                self.answer.put(format!("{}{}", self.name, clean(key)).to_ascii_lowercase(), value);
            }
        }
    }
    fn structure(&mut self, _: &dyn Struct) {}
}

/// Picks out a number.
struct Number(Option<i64>);

/// Picks out a body.
#[derive(Default)]
struct RawWriter(Body);

impl Writer for RawWriter {
    fn text(&mut self, value: &str) {
        self.0 = Body::whole(value.to_owned());
    }
    fn blob(&mut self, value: &[u8]) {
        self.0 = Body::whole(Bytes::copy_from_slice(value));
    }
    fn body(&mut self, value: &Body) {
        self.0 = value.clone();
    }
    crate::partial::ignores!(boolean integer float timestamp document events list map structure);
}

impl Writer for Number {
    fn integer(&mut self, value: i64) {
        self.0 = Some(value);
    }
    crate::partial::ignores!(boolean float text blob timestamp document body events list map structure);
}
