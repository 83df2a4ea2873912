//! Writing XML.

use super::element_name;
use crate::text::{base64, float_text};
use cloudlet_shape::{Body, Document, Events, Flags, Kind, Member, Struct, Target, Timestamp, TimestampFormat, Value, Writer};

/// Writes elements into a buffer.
pub(crate) struct XmlWriter {
    out: String,
    /// The element the next value stands in.
    name: &'static str,
    flattened: bool,
    /// The next value is an attribute of this name.
    attribute: bool,
    /// The namespace that the next element opens.
    namespace: &'static str,
    timestamps: Instants,
    names: Names,
}

/// Which names the elements have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    Wire,
    /// Those of query forms, where they differ.
    Query,
}

/// The default format of timestamps.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Instants {
    Plain(TimestampFormat),
    /// AWS: S3 and EC2 always write milliseconds: `2009-10-12T17:50:30.000Z`.
    Millis,
}

impl XmlWriter {
    pub(crate) fn new(timestamps: TimestampFormat) -> XmlWriter {
        XmlWriter {
            out: String::with_capacity(512),
            name: "",
            flattened: false,
            attribute: false,
            timestamps: Instants::Plain(timestamps),
            names: Names::Wire,
            namespace: "",
        }
    }

    /// Instants with milliseconds, always.
    pub(crate) fn with_millis() -> XmlWriter {
        XmlWriter { timestamps: Instants::Millis, ..XmlWriter::new(TimestampFormat::DateTime) }
    }

    pub(crate) fn with_query_names() -> XmlWriter {
        XmlWriter { names: Names::Query, ..XmlWriter::new(TimestampFormat::DateTime) }
    }

    pub(crate) fn raw(&mut self, markup: &str) {
        self.out.push_str(markup);
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.out.into_bytes()
    }

    /// An element in a namespace, which may be none.
    pub(crate) fn element(&mut self, name: &str, namespace: &str, inside: impl FnOnce(&mut XmlWriter)) {
        self.out.push('<');
        self.out.push_str(name);
        self.declare("", namespace);
        self.out.push('>');
        inside(self);
        self.close(name);
    }

    /// `<name/>`, in a namespace that may be none.
    pub(crate) fn empty(&mut self, name: &str, namespace: &str) {
        self.out.push('<');
        self.out.push_str(name);
        self.declare("", namespace);
        self.out.push_str("/>");
    }

    /// `<name>text</name>`
    pub(crate) fn leaf(&mut self, name: &str, text: &str) {
        self.open(name);
        escape(text, &mut self.out);
        self.close(name);
    }

    /// A value, in an element of this name.
    pub(crate) fn value(&mut self, name: &'static str, value: &dyn Value, of: &'static Target) {
        (self.name, self.flattened, self.attribute) = (name, of.flags.has(Flags::FLATTENED), false);
        value.write(self, of);
    }

    /// A value as the root of a document.
    pub(crate) fn root(&mut self, name: &'static str, namespace: &'static str, value: &dyn Value, of: &'static Target) {
        self.namespace = namespace;
        self.value(name, value, of);
    }

    /// A structure as an element, in a namespace that may be none.
    pub(crate) fn document(&mut self, name: &str, namespace: &str, value: &dyn Struct, wanted: &mut dyn FnMut(&Member) -> bool) {
        let schema = value.schema();
        self.out.push('<');
        self.out.push_str(name);
        match (schema.xml_namespace, schema.xml_prefix) {
            ("", _) => self.declare("", namespace),
            (own, "") => self.declare("", own),
            (own, prefix) => {
                self.declare("", namespace);
                self.declare(prefix, own);
            }
        }
        self.attributes(value);
        self.out.push('>');
        let opened = self.out.len();
        self.members(value, wanted);
        self.close_content(name, opened);
    }

    /// Closes an element that was opened here. AWS: in the query protocol one without content is `<ReceiveMessageResult/>`.
    fn close_content(&mut self, name: &str, opened: usize) {
        if self.names == Names::Query && self.out.len() == opened {
            self.out.pop();
            self.out.push_str("/>");
        } else {
            self.close(name);
        }
    }

    /// The members of a structure that are elements, as far as they are wanted.
    pub(crate) fn members(&mut self, value: &dyn Struct, wanted: &mut dyn FnMut(&Member) -> bool) {
        let mut mixed = false;
        for (index, member) in value.schema().members.iter().enumerate() {
            let inner = value.get(index);
            let streams = matches!(member.of.kind, Kind::Body | Kind::Events);
            if inner.is_absent() || streams || member.flags.has(Flags::XML_ATTRIBUTE) || !wanted(member) {
                continue;
            }
            if inner.placed().is_some() {
                if !std::mem::replace(&mut mixed, true) {
                    self.mixed(value, wanted);
                }
                continue;
            }
            (self.name, self.flattened, self.attribute) = (self.name_of(member), member.flattened(), false);
            inner.write(self, member.of);
        }
    }

    /// The items of all mixed lists of a structure, where the first of these lists stands.
    fn mixed(&mut self, value: &dyn Struct, wanted: &mut dyn FnMut(&Member) -> bool) {
        let mut items = Vec::new();
        for (index, member) in value.schema().members.iter().enumerate().filter(|(_, member)| wanted(member)) {
            items.extend(value.get(index).placed().into_iter().flatten().map(|(place, item)| (place, member, item)));
        }
        items.sort_by_key(|(place, ..)| *place);
        for (_, member, item) in items {
            self.value(self.name_of(member), item, member.of.item());
        }
    }

    fn name_of(&self, member: &'static Member) -> &'static str {
        if self.names == Names::Query && !member.query.is_empty() { member.query } else { element_name(member) }
    }

    fn attributes(&mut self, value: &dyn Struct) {
        for (index, member) in value.schema().members.iter().enumerate() {
            let inner = value.get(index);
            if member.flags.has(Flags::XML_ATTRIBUTE) && !inner.is_absent() {
                (self.name, self.flattened, self.attribute) = (member.wire, false, true);
                inner.write(self, member.of);
            }
        }
        self.attribute = false;
    }

    fn declare(&mut self, prefix: &str, namespace: &str) {
        if namespace.is_empty() {
            return;
        }
        self.out.push_str(" xmlns");
        if !prefix.is_empty() {
            self.out.push(':');
            self.out.push_str(prefix);
        }
        self.out.push_str("=\"");
        escape(namespace, &mut self.out);
        self.out.push('"');
    }

    fn open(&mut self, name: &str) {
        self.out.push('<');
        self.out.push_str(name);
        let namespace = std::mem::take(&mut self.namespace);
        self.declare("", namespace);
        self.out.push('>');
    }

    fn close(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    fn scalar(&mut self, text: &str) {
        let name = self.name;
        if self.attribute {
            self.out.push(' ');
            self.out.push_str(name);
            self.out.push_str("=\"");
            escape(text, &mut self.out);
            self.out.push('"');
        } else {
            self.leaf(name, text);
        }
    }
}

impl Writer for XmlWriter {
    fn boolean(&mut self, value: bool) {
        self.scalar(if value { "true" } else { "false" });
    }
    fn integer(&mut self, value: i64) {
        self.scalar(itoa::Buffer::new().format(value));
    }
    fn float(&mut self, value: f64) {
        self.scalar(&float_text(value));
    }
    fn text(&mut self, value: &str) {
        self.scalar(value);
    }
    fn blob(&mut self, value: &[u8]) {
        self.scalar(&base64(value));
    }
    fn timestamp(&mut self, value: Timestamp, of: &'static Target) {
        let text = match (of.timestamp, self.timestamps) {
            (None | Some(TimestampFormat::DateTime), Instants::Millis) => value.with_millis(),
            (Some(format), _) | (None, Instants::Plain(format)) => value.text(format),
        };
        self.scalar(&text);
    }
    fn document(&mut self, value: &Document) {
        match value {
            Document::String(text) => self.scalar(text),
            other => self.scalar(&other.to_string()),
        }
    }
    fn body(&mut self, _: &Body) {}
    fn events(&mut self, _: &Events) {}

    fn list(&mut self, of: &'static Target, items: &mut dyn Iterator<Item = &dyn Value>) {
        let (name, flattened) = (self.name, self.flattened);
        if !flattened {
            self.open(name);
        }
        let opened = self.out.len();
        for item in items.filter(|item| !item.is_absent()) {
            self.value(if flattened { name } else { of.item_name }, item, of.item());
        }
        if !flattened {
            self.close_content(name, opened);
        }
    }

    fn map(&mut self, of: &'static Target, entries: &mut dyn Iterator<Item = (&str, &dyn Value)>) {
        let (name, flattened) = (self.name, self.flattened);
        let entry = if flattened { name } else { "entry" };
        if !flattened {
            self.open(name);
        }
        let opened = self.out.len();
        for (key, value) in entries.filter(|(_, value)| !value.is_absent()) {
            self.open(entry);
            self.leaf(of.key_name, key);
            self.value(of.item_name, value, of.item());
            self.close(entry);
        }
        if !flattened {
            self.close_content(name, opened);
        }
    }

    fn structure(&mut self, value: &dyn Struct) {
        let (name, namespace) = (self.name, std::mem::take(&mut self.namespace));
        self.document(name, namespace, value, &mut |_| true);
    }
}

/// Escapes text for elements and attributes alike.
///
/// AWS: S3 writes control characters, which XML 1.0 cannot hold, as references all the same; clients ask for
/// `encoding-type=url` to be safe from them.
pub(crate) fn escape(text: &str, out: &mut String) {
    let is_special = |byte: u8| (byte == b'&') | (byte == b'<') | (byte == b'>') | (byte == b'"') | (byte < 0x20) & (byte != b'\n') & (byte != b'\t');
    let mut rest = text;
    // Mostly there is nothing to find: without a branch, many bytes are looked at together.
    if !rest.bytes().fold(false, |any, byte| any | is_special(byte)) {
        return out.push_str(rest);
    }
    while let Some(at) = rest.bytes().position(is_special) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut letters = special.chars();
        match letters.next() {
            Some('&') => out.push_str("&amp;"),
            Some('<') => out.push_str("&lt;"),
            Some('>') => out.push_str("&gt;"),
            Some('"') => out.push_str("&quot;"),
            Some(control) => {
                out.push_str("&#");
                out.push_str(itoa::Buffer::new().format(u32::from(control)));
                out.push(';');
            }
            None => {}
        }
        rest = letters.as_str();
    }
    out.push_str(rest);
}
