//! Writing JSON.

use super::Names;
use crate::text::base64;
use cloudlet_aws::json_text;
use cloudlet_shape::{Body, Document, Events, Kind, Member, Struct, Target, Timestamp, TimestampFormat, Value, Writer};
use std::borrow::Cow;

/// Writes JSON into a buffer.
pub(crate) struct JsonWriter {
    out: Vec<u8>,
    names: Names,
    /// The next value is a flattened member.
    flattened: bool,
}

impl JsonWriter {
    pub(crate) fn new(names: Names) -> JsonWriter {
        JsonWriter { out: Vec::with_capacity(256), names, flattened: false }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    pub(crate) fn into_text(self) -> String {
        // INVARIANT: only whole strings are ever appended.
        String::from_utf8(self.out).unwrap_or_default()
    }

    /// An object of the members that `wanted` picks.
    pub(crate) fn object(&mut self, value: &dyn Struct, wanted: &mut dyn FnMut(&Member) -> bool) {
        if self.names == Names::Query {
            return self.query_object(value);
        }
        self.out.push(b'{');
        let mut first = true;
        for (index, member) in value.schema().members.iter().enumerate() {
            let inner = value.get(index);
            if inner.is_absent() || matches!(member.of.kind, Kind::Body | Kind::Events) || !wanted(member) {
                continue;
            }
            if !std::mem::take(&mut first) {
                self.out.push(b',');
            }
            self.string(if self.names == Names::Wire { member.wire } else { member.name });
            self.out.push(b':');
            inner.write(self, member.of);
        }
        self.out.push(b'}');
    }

    /// An object as the query protocol has it in JSON.
    fn query_object(&mut self, value: &dyn Struct) {
        let mut members: Vec<(Cow<'static, str>, usize, &Member)> =
            value.schema().members.iter().enumerate().map(|(index, member)| (query_name(member), index, member)).collect();
        members.sort_by(|one, other| one.0.cmp(&other.0));
        self.entries(&mut |writer| {
            for (name, index, member) in &members {
                writer.entry(name, &mut |writer| {
                    let inner = value.get(*index);
                    if inner.is_absent() {
                        return writer.null();
                    }
                    writer.flattened = member.flattened();
                    inner.write(writer, member.of);
                });
            }
        });
    }

    /// An object of the entries that `inside` writes.
    pub(crate) fn entries(&mut self, inside: &mut dyn FnMut(&mut JsonWriter)) {
        self.out.push(b'{');
        inside(self);
        self.out.push(b'}');
    }

    /// An entry of an object, with the value that `inside` writes.
    pub(crate) fn entry(&mut self, name: &str, inside: &mut dyn FnMut(&mut JsonWriter)) {
        if self.out.last() != Some(&b'{') {
            self.out.push(b',');
        }
        self.string(name);
        self.out.push(b':');
        inside(self);
    }

    pub(crate) fn null(&mut self) {
        self.out.extend_from_slice(b"null");
    }

    /// The body of an error: texts, and values that are JSON already.
    pub(crate) fn error(&mut self, texts: &[(&str, &str)], documents: &[(&str, String)]) {
        self.entries(&mut |writer| {
            for (key, text) in texts {
                writer.entry(key, &mut |writer| writer.string(text));
            }
            for (key, document) in documents {
                writer.entry(key, &mut |writer| writer.out.extend_from_slice(document.as_bytes()));
            }
        });
    }

    fn string(&mut self, text: &str) {
        if json_text::is_plain(text) {
            self.out.reserve(text.len() + 2);
            self.out.push(b'"');
            self.out.extend_from_slice(text.as_bytes());
            self.out.push(b'"');
        } else {
            // Writing into a buffer cannot fail, nor can text fail to be JSON.
            let _ = serde_json::to_writer(&mut self.out, text);
        }
    }
}

/// AWS: SQS has `queueUrls` and `messages` (<https://github.com/aws-samples/serverless-patterns/tree/main/apigw-sqs-receive-message>), and
/// lists without an element around them are found at SQS only. That its batches have `successful` and `failed` is unverified.
fn query_name(member: &Member) -> Cow<'static, str> {
    let (first, rest) = member.name.split_at_checked(1).unwrap_or_default();
    if member.of.kind == Kind::List && member.flattened() { Cow::Owned(first.to_ascii_lowercase() + rest) } else { Cow::Borrowed(member.name) }
}

impl Writer for JsonWriter {
    fn boolean(&mut self, value: bool) {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    fn integer(&mut self, value: i64) {
        self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    fn float(&mut self, value: f64) {
        match value {
            _ if value.is_nan() => self.string("NaN"),
            f64::INFINITY => self.string("Infinity"),
            f64::NEG_INFINITY => self.string("-Infinity"),
            _ => self.out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes()),
        }
    }

    fn text(&mut self, value: &str) {
        self.string(value);
    }

    fn blob(&mut self, value: &[u8]) {
        self.out.push(b'"');
        self.out.extend_from_slice(base64(value).as_bytes());
        self.out.push(b'"');
    }

    fn timestamp(&mut self, value: Timestamp, of: &'static Target) {
        let format = if self.names == Names::Wire { of.timestamp.unwrap_or(TimestampFormat::EpochSeconds) } else { TimestampFormat::EpochSeconds };
        let text = value.text(format);
        match format {
            TimestampFormat::EpochSeconds => self.out.extend_from_slice(text.as_bytes()),
            TimestampFormat::DateTime | TimestampFormat::HttpDate => self.string(&text),
        }
    }

    fn document(&mut self, value: &Document) {
        let _ = serde_json::to_writer(&mut self.out, value);
    }

    fn body(&mut self, _: &Body) {
        self.out.extend_from_slice(b"null");
    }

    fn events(&mut self, _: &Events) {
        self.out.extend_from_slice(b"null");
    }

    fn list(&mut self, of: &'static Target, items: &mut dyn Iterator<Item = &dyn Value>) {
        self.flattened = false;
        self.out.push(b'[');
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            if item.is_absent() {
                self.out.extend_from_slice(b"null");
            } else {
                item.write(self, of.item());
            }
        }
        self.out.push(b']');
    }

    fn map(&mut self, of: &'static Target, entries: &mut dyn Iterator<Item = (&str, &dyn Value)>) {
        if self.names == Names::Query && std::mem::take(&mut self.flattened) {
            self.out.push(b'[');
            for (index, (key, value)) in entries.filter(|(_, value)| !value.is_absent()).enumerate() {
                if index > 0 {
                    self.out.push(b',');
                }
                self.entries(&mut |writer| {
                    writer.entry(of.key_name, &mut |writer| writer.text(key));
                    writer.entry(of.item_name, &mut |writer| value.write(writer, of.item()));
                });
            }
            return self.out.push(b']');
        }
        self.out.push(b'{');
        for (index, (key, value)) in entries.enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            self.string(key);
            self.out.push(b':');
            if value.is_absent() {
                self.out.extend_from_slice(b"null");
            } else {
                value.write(self, of.item());
            }
        }
        self.out.push(b'}');
    }

    fn structure(&mut self, value: &dyn Struct) {
        self.object(value, &mut |_| true);
    }
}
