//! The HTTP bindings of the REST protocols, request side: labels, query, headers, payload.
//! <https://smithy.io/2.0/spec/http-bindings.html>

use crate::{
    Content, Incoming, Labels, Missing,
    path::{Path, Step},
    text::{Text, unbase64},
};
use bytes::Bytes;
use cloudlet_shape::{At, Blob, Body, Document, Events, Flags, Kind, Member, Mismatch, Read, Reader, Schema, Target, Timestamp, TimestampFormat};
use percent_encoding::percent_decode_str;
use smallvec::SmallVec;
use std::{borrow::Cow, collections::BTreeMap};

/// How a REST protocol reads its documents.
pub(crate) trait Documents {
    /// Reads a document; `at` is its position in the input. A payload is a document of its own, with the names that its root may have.
    fn read(&self, bytes: &[u8], at: Path, names: &[&str], visit: &mut dyn FnMut(&mut dyn Reader) -> Read<()>) -> Read<Missing>;
}

/// Reads a request. `visit` gets a structure whose members come from where they are bound.
pub(crate) fn read(
    incoming: &Incoming<'_>,
    literal: &str,
    documents: &dyn Documents,
    visit: &mut dyn FnMut(&mut dyn Reader) -> Read<()>,
) -> Result<Found, Unread> {
    let query = decode_query(incoming.head.query).map_err(|why| Unread { why, parameter: None })?;
    let mut fields = Vec::with_capacity(24);
    incoming.head.headers.each(&mut |name, value| fields.push((name, value)));
    let mut request =
        Request { fields, labels: incoming.labels, body: &incoming.body, query, literal, documents, found: Found::default(), reading: None };
    match visit(&mut request) {
        Ok(()) => Ok(request.found),
        Err(why) => Err(Unread { why, parameter: request.reading }),
    }
}

/// Why a request cannot be read, and in which of its headers or parameters, if it was one of them.
#[derive(Debug)]
pub(crate) struct Unread {
    pub(crate) why: Mismatch,
    pub(crate) parameter: Option<&'static str>,
}

/// What required members are missing: in the head, and in the document.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) missing: Missing,
    pub(crate) missing_in_document: Missing,
    /// A required payload is absent.
    pub(crate) no_payload: bool,
}

/// The pairs of a query, decoded once. AWS: a plus sign is a space here too.
fn decode_query(query: &str) -> Read<Vec<(Cow<'_, str>, Cow<'_, str>)>> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

fn decode(text: &str) -> Read<Cow<'_, str>> {
    let decoded = if text.contains('+') {
        percent_decode_str(&text.replace('+', " ")).decode_utf8().map(|text| Cow::Owned(text.into_owned()))
    } else {
        percent_decode_str(text).decode_utf8()
    };
    decoded.map_err(|_| Mismatch::Malformed("the query is not UTF-8".into()))
}

/// A whole request, read as the input structure.
struct Request<'a> {
    /// The header fields, listed once: inputs have dozens of members that may be among them.
    fields: Vec<(&'a str, &'a str)>,
    labels: &'a Labels,
    body: &'a Content,
    query: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The literal query of the URI template, which is no parameter.
    literal: &'a str,
    documents: &'a dyn Documents,
    found: Found,
    /// The header or parameter that is being read.
    reading: Option<&'static str>,
}

impl Request<'_> {
    fn headers(&self, name: &str) -> SmallVec<[&str; 2]> {
        self.fields.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| *value).collect()
    }

    /// The headers with a prefix, by the rest of their names. Repeated fields are one value.
    fn prefixed(&self, prefix: &str) -> BTreeMap<String, SmallVec<[&str; 2]>> {
        let mut entries: BTreeMap<String, SmallVec<[&str; 2]>> = BTreeMap::new();
        for (field, value) in &self.fields {
            if let Some(start) = field.get(..prefix.len())
                && start.eq_ignore_ascii_case(prefix)
                && let Some(key) = field.get(prefix.len()..)
            {
                entries.entry(key.to_ascii_lowercase()).or_default().push(value);
            }
        }
        entries
    }

    /// The parameters that neither the URI template nor another member takes.
    fn other_parameters(&self, schema: &'static Schema) -> BTreeMap<String, SmallVec<[&str; 2]>> {
        let bound = |name: &str| schema.members.iter().any(|member| member.at == At::Query && member.wire == name);
        let literal = |name: &str| self.literal.split('&').any(|pair| pair.split('=').next() == Some(name));
        let mut entries: BTreeMap<String, SmallVec<[&str; 2]>> = BTreeMap::new();
        for (name, value) in self.query.iter().filter(|(name, _)| !bound(name) && !literal(name)) {
            entries.entry(name.to_string()).or_default().push(value);
        }
        entries
    }

    fn payload(&mut self, index: usize, member: &'static Member, each: Each<'_>) -> Read<()> {
        let kind = member.of.kind;
        match (kind, self.body) {
            (Kind::Body, Content::Stream(body)) => each(index, &mut Payload { bytes: Bytes::new(), stream: Some(body.clone()) }),
            (Kind::Events, _) => Err(Mismatch::Malformed("requests with event streams are not supported".into())),
            (_, Content::Stream(_)) => Err(Mismatch::Malformed("the body must be held whole".into())),
            (Kind::Body, Content::Whole(bytes)) => each(index, &mut Payload { bytes: bytes.clone(), stream: None }),
            (_, Content::Whole(bytes)) if bytes.is_empty() => {
                self.found.no_payload |= member.required();
                Ok(())
            }
            (Kind::Blob | Kind::Text, Content::Whole(bytes)) => each(index, &mut Payload { bytes: bytes.clone(), stream: None }),
            (_, Content::Whole(bytes)) => {
                let mut at = Path::default();
                at.push(Step::Member(member.name));
                self.found.missing_in_document = self.documents.read(bytes, at, &[member.wire, member.of.name], &mut |reader| each(index, reader))?;
                Ok(())
            }
        }
    }
}

type Each<'e> = &'e mut dyn FnMut(usize, &mut dyn Reader) -> Read<()>;

impl Reader for Request<'_> {
    fn structure(&mut self, schema: &'static Schema, each: Each<'_>) -> Read<()> {
        let mut in_document = false;
        for (index, member) in schema.members.iter().enumerate() {
            self.reading = matches!(member.at, At::Header | At::Query).then_some(member.wire);
            match member.at {
                At::Uri => {
                    if let Some(text) = self.labels.get(member.wire) {
                        each(index, &mut Text { text, timestamps: TimestampFormat::DateTime })?;
                    }
                }
                At::Query => {
                    let values: SmallVec<[&str; 2]> =
                        self.query.iter().filter(|(name, _)| name == member.wire).map(|(_, value)| value.as_ref()).collect();
                    if !values.is_empty() && present(&values, member.of) {
                        each(index, &mut Values { values, place: Bound::Query, json: false })?;
                    }
                }
                At::QueryParams => {
                    let entries = self.other_parameters(schema);
                    if !entries.is_empty() {
                        each(index, &mut Entries { entries, place: Bound::Query })?;
                    }
                }
                At::Header => {
                    let values = self.headers(member.wire);
                    if !values.is_empty() && present(&values, member.of) {
                        let json = member.flags.has(Flags::JSON_VALUE) || member.of.flags.has(Flags::JSON_VALUE);
                        each(index, &mut Values { values, place: Bound::Header, json })?;
                    }
                }
                At::PrefixHeaders => {
                    let entries = self.prefixed(member.wire);
                    if !entries.is_empty() {
                        each(index, &mut Entries { entries, place: Bound::Header })?;
                    }
                }
                At::Status => {}
                At::Body if member.flags.has(Flags::PAYLOAD) => self.payload(index, member, each)?,
                At::Body => in_document = true,
            }
        }
        self.reading = None;
        if in_document
            && schema.payload().is_none()
            && let Content::Whole(bytes) = self.body
            && !bytes.is_empty()
        {
            let body = &mut |index: usize, reader: &mut dyn Reader| match schema.members.get(index) {
                Some(member) if member.at == At::Body => each(index, reader),
                _ => Ok(()),
            };
            self.found.missing_in_document = self.documents.read(bytes, Path::default(), &[], &mut |reader| reader.structure(schema, body))?;
        }
        Ok(())
    }

    fn missing(&mut self, schema: &'static Schema, index: usize) {
        let in_document = schema.members.get(index).is_some_and(|member| member.at == At::Body);
        let missing = if in_document { &mut self.found.missing_in_document } else { &mut self.found.missing };
        missing.add(&Path::default(), schema, index);
    }

    crate::partial::refuses!("a request is a structure": boolean integer float text blob timestamp document body events list map);
}

/// AWS: an empty header or parameter of a type without an empty value counts as absent.
fn present(values: &[&str], of: &Target) -> bool {
    matches!(of.kind, Kind::Text | Kind::Blob | Kind::List | Kind::Document) || values.iter().any(|value| !value.trim().is_empty())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    Header,
    Query,
}

/// The values of one header or parameter.
struct Values<'v> {
    values: SmallVec<[&'v str; 2]>,
    place: Bound,
    /// Base64 of a JSON text.
    json: bool,
}

impl<'v> Values<'v> {
    fn first(&self) -> Read<Text<'v>> {
        let timestamps = match self.place {
            Bound::Header => TimestampFormat::HttpDate,
            Bound::Query => TimestampFormat::DateTime,
        };
        Ok(Text { text: self.values.first().copied().unwrap_or_default(), timestamps })
    }
}

impl Reader for Values<'_> {
    fn text(&mut self) -> Read<String> {
        if self.json {
            let bytes = unbase64(self.first()?.text)?;
            return String::from_utf8(bytes.to_vec()).map_err(|_| Mismatch::Malformed("not UTF-8".into()));
        }
        match (self.place, self.values.as_slice()) {
            // Repeated header fields are one value, by the rules of HTTP.
            (Bound::Header, many @ [_, _, ..]) => Ok(many.join(",")),
            _ => self.first()?.text(),
        }
    }
    fn list(&mut self, of: &'static Target, each: &mut dyn FnMut(&mut dyn Reader) -> Read<()>) -> Read<()> {
        let timestamps = self.first()?.timestamps;
        for value in &self.values {
            if self.place == Bound::Query {
                each(&mut Text { text: value, timestamps })?;
                continue;
            }
            let dates = of.item().kind == Kind::Timestamp && of.item().timestamp.unwrap_or(TimestampFormat::HttpDate) == TimestampFormat::HttpDate;
            for part in if dates { split_dates(value) } else { split_header(value) } {
                each(&mut Text { text: &part, timestamps })?;
            }
        }
        Ok(())
    }
    crate::partial::reads_text!(first: boolean integer float blob timestamp document body events);
    crate::partial::refuses!("a header or parameter is no structure": map structure missing);
}

/// The parts of a header's list. A part that holds a comma is quoted.
fn split_header(value: &str) -> Vec<Cow<'_, str>> {
    let mut parts = Vec::new();
    let mut rest = value.trim();
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut part = String::new();
            let mut letters = quoted.char_indices();
            let mut end = quoted.len();
            while let Some((at, letter)) = letters.next() {
                match letter {
                    '\\' => part.extend(letters.next().map(|(_, escaped)| escaped)),
                    '"' => {
                        end = at + 1;
                        break;
                    }
                    other => part.push(other),
                }
            }
            parts.push(Cow::Owned(part));
            let after = quoted.get(end..).unwrap_or_default();
            rest = after.split_once(',').map_or("", |(_, later)| later).trim_start();
        } else {
            let (part, later) = rest.split_once(',').unwrap_or((rest, ""));
            parts.push(Cow::Borrowed(part.trim()));
            rest = later.trim_start();
        }
    }
    parts
}

/// `Mon, 16 Dec 2019 23:48:18 GMT, Mon, 16 Dec 2019 23:48:18 GMT`: every second comma separates.
fn split_dates(value: &str) -> Vec<Cow<'_, str>> {
    let commas: Vec<usize> = value.bytes().enumerate().filter(|(_, byte)| *byte == b',').map(|(at, _)| at).skip(1).step_by(2).collect();
    let mut parts = Vec::new();
    let mut from = 0;
    for comma in commas.into_iter().chain([value.len()]) {
        parts.push(Cow::Borrowed(value.get(from..comma).unwrap_or_default().trim()));
        from = comma + 1;
    }
    parts
}

/// Headers or parameters as a map.
struct Entries<'v> {
    entries: BTreeMap<String, SmallVec<[&'v str; 2]>>,
    place: Bound,
}

impl Reader for Entries<'_> {
    fn map(&mut self, _: &'static Target, each: &mut dyn FnMut(String, &mut dyn Reader) -> Read<()>) -> Read<()> {
        for (name, values) in &self.entries {
            each(name.clone(), &mut Values { values: values.clone(), place: self.place, json: false })?;
        }
        Ok(())
    }
    crate::partial::refuses!("headers and parameters together are a map": boolean integer float text blob timestamp document body events list structure missing);
}

/// A body that is bytes or text and no document.
struct Payload {
    bytes: Bytes,
    stream: Option<Body>,
}

impl Payload {
    fn as_text(&self) -> Read<&str> {
        std::str::from_utf8(&self.bytes).map_err(|_| Mismatch::Malformed("not UTF-8".into()))
    }

    fn scalar(&self) -> Read<Text<'_>> {
        Ok(Text { text: self.as_text()?, timestamps: TimestampFormat::DateTime })
    }
}

impl Reader for Payload {
    fn text(&mut self) -> Read<String> {
        self.as_text().map(str::to_owned)
    }
    fn blob(&mut self) -> Read<Blob> {
        Ok(self.bytes.clone())
    }
    fn body(&mut self) -> Read<Body> {
        Ok(self.stream.take().unwrap_or_else(|| Body::whole(self.bytes.clone())))
    }
    crate::partial::reads_text!(scalar: boolean integer float timestamp document events);
    crate::partial::refuses!("the body is one value": list map structure missing);
}
