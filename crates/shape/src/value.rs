//! Values that can be read and written, from a boolean to a whole structure.

use crate::{Blob, Body, Document, Events, Flags, Kind, Map, Mismatch, Read, Reader, Schema, Target, Timestamp, Writer, reader::read_into};
use std::fmt;

/// Anything that stands in a shape.
pub trait Value: Send + Sync {
    fn write(&self, writer: &mut dyn Writer, of: &'static Target);
    /// Not there at all: nothing is written.
    fn is_absent(&self) -> bool {
        false
    }
}

/// A value of a type that is known: what a codec can read.
pub trait Typed: Value + Sized {
    /// The shape of a member whose model adds nothing of its own.
    const TARGET: &'static Target;
    fn read(reader: &mut dyn Reader, of: &'static Target) -> Read<Self>;
}

/// A structure: its schema, and its members by index.
pub trait Struct: Value {
    fn schema(&self) -> &'static Schema;
    fn get(&self, index: usize) -> &dyn Value;
    fn set(&mut self, index: usize, reader: &mut dyn Reader, of: &'static Target) -> Read<()>;
}

/// A structure whose schema is known without a value. Derived.
pub trait Shape: Struct + Typed + Default + Clone + 'static {
    const SCHEMA: &'static Schema;
}

impl Target {
    pub const TEXT: Target = Target::text("");
    pub const BOOLEAN: Target = Target::new("", Kind::Boolean);
    pub const INTEGER: Target = Target::new("", Kind::Integer);
    pub const FLOAT: Target = Target::new("", Kind::Float);
    pub const BLOB: Target = Target::new("", Kind::Blob);
    pub const TIMESTAMP: Target = Target::new("", Kind::Timestamp);
    pub const DOCUMENT: Target = Target::new("", Kind::Document);
    pub const STRUCTURE: Target = Target::new("", Kind::Structure);
    pub const BODY: Target = Target::new("", Kind::Body);
    pub const EVENTS: Target = Target::new("", Kind::Events);

    /// The shape of a list's items or a map's values.
    pub fn item(&self) -> &'static Target {
        self.item.unwrap_or(&Target::DOCUMENT)
    }

    pub fn key(&self) -> &'static Target {
        self.key.unwrap_or(&Target::TEXT)
    }
}

impl Value for bool {
    fn write(&self, writer: &mut dyn Writer, _: &'static Target) {
        writer.boolean(*self);
    }
}

impl Typed for bool {
    const TARGET: &'static Target = &Target::BOOLEAN;
    fn read(reader: &mut dyn Reader, _: &'static Target) -> Read<Self> {
        reader.boolean()
    }
}

impl Value for i32 {
    fn write(&self, writer: &mut dyn Writer, _: &'static Target) {
        writer.integer(i64::from(*self));
    }
}

impl Typed for i32 {
    const TARGET: &'static Target = &Target::INTEGER;
    fn read(reader: &mut dyn Reader, _: &'static Target) -> Read<Self> {
        i32::try_from(reader.integer()?).map_err(|_| Mismatch::Wrong { wanted: "Integer", at: String::new() })
    }
}

impl Value for i64 {
    fn write(&self, writer: &mut dyn Writer, _: &'static Target) {
        writer.integer(*self);
    }
}

impl Typed for i64 {
    const TARGET: &'static Target = &Target::INTEGER;
    fn read(reader: &mut dyn Reader, _: &'static Target) -> Read<Self> {
        reader.integer()
    }
}

impl Value for f64 {
    fn write(&self, writer: &mut dyn Writer, _: &'static Target) {
        writer.float(*self);
    }
}

impl Typed for f64 {
    const TARGET: &'static Target = &Target::FLOAT;
    fn read(reader: &mut dyn Reader, _: &'static Target) -> Read<Self> {
        reader.float()
    }
}

impl Value for String {
    fn write(&self, writer: &mut dyn Writer, _: &'static Target) {
        writer.text(self);
    }
}

impl Typed for String {
    const TARGET: &'static Target = &Target::TEXT;
    fn read(reader: &mut dyn Reader, _: &'static Target) -> Read<Self> {
        reader.text()
    }
}

impl Value for Blob {
    fn write(&self, writer: &mut dyn Writer, _: &'static Target) {
        writer.blob(self);
    }
}

impl Typed for Blob {
    const TARGET: &'static Target = &Target::BLOB;
    fn read(reader: &mut dyn Reader, _: &'static Target) -> Read<Self> {
        reader.blob()
    }
}

impl Value for Timestamp {
    fn write(&self, writer: &mut dyn Writer, of: &'static Target) {
        writer.timestamp(*self, of);
    }
}

impl Typed for Timestamp {
    const TARGET: &'static Target = &Target::TIMESTAMP;
    fn read(reader: &mut dyn Reader, of: &'static Target) -> Read<Self> {
        reader.timestamp(of)
    }
}

impl Value for Document {
    fn write(&self, writer: &mut dyn Writer, _: &'static Target) {
        writer.document(self);
    }
}

impl Typed for Document {
    const TARGET: &'static Target = &Target::DOCUMENT;
    fn read(reader: &mut dyn Reader, _: &'static Target) -> Read<Self> {
        reader.document()
    }
}

impl Value for Body {
    fn write(&self, writer: &mut dyn Writer, _: &'static Target) {
        writer.body(self);
    }
}

impl Typed for Body {
    const TARGET: &'static Target = &Target::BODY;
    fn read(reader: &mut dyn Reader, _: &'static Target) -> Read<Self> {
        reader.body()
    }
}

impl Value for Events {
    fn write(&self, writer: &mut dyn Writer, _: &'static Target) {
        writer.events(self);
    }
}

impl Typed for Events {
    const TARGET: &'static Target = &Target::EVENTS;
    fn read(reader: &mut dyn Reader, _: &'static Target) -> Read<Self> {
        reader.events()
    }
}

impl<T: Value> Value for Option<T> {
    fn write(&self, writer: &mut dyn Writer, of: &'static Target) {
        if let Some(value) = self {
            value.write(writer, of);
        }
    }
    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T: Typed> Typed for Option<T> {
    const TARGET: &'static Target = T::TARGET;
    fn read(reader: &mut dyn Reader, of: &'static Target) -> Read<Self> {
        T::read(reader, of).map(Some)
    }
}

/// A structure that contains itself.
impl<T: Value> Value for Box<T> {
    fn write(&self, writer: &mut dyn Writer, of: &'static Target) {
        self.as_ref().write(writer, of);
    }
}

impl<T: Typed> Typed for Box<T> {
    const TARGET: &'static Target = T::TARGET;
    fn read(reader: &mut dyn Reader, of: &'static Target) -> Read<Self> {
        T::read(reader, of).map(Box::new)
    }
}

impl<T: Value> Value for Vec<T> {
    fn write(&self, writer: &mut dyn Writer, of: &'static Target) {
        writer.list(of, &mut self.iter().map(|item| item as &dyn Value));
    }
}

impl<T: Typed> Typed for Vec<T> {
    const TARGET: &'static Target = &Target::list("", T::TARGET);
    fn read(reader: &mut dyn Reader, of: &'static Target) -> Read<Self> {
        let mut items = Vec::new();
        reader.list(of, &mut |reader| {
            items.push(T::read(reader, of.item())?);
            Ok(())
        })?;
        Ok(items)
    }
}

impl<T: Value> Value for Map<T> {
    fn write(&self, writer: &mut dyn Writer, of: &'static Target) {
        writer.map(of, &mut self.iter().map(|(key, item)| (key.as_str(), item as &dyn Value)));
    }
}

impl<T: Typed> Typed for Map<T> {
    const TARGET: &'static Target = &Target::map("", &Target::TEXT, T::TARGET);
    fn read(reader: &mut dyn Reader, of: &'static Target) -> Read<Self> {
        let mut entries = Map::new();
        reader.map(of, &mut |key, reader| {
            entries.insert(key, T::read(reader, of.item())?);
            Ok(())
        })?;
        Ok(entries)
    }
}

/// Called by the derived `Value::read`.
#[doc(hidden)]
pub fn read_struct<T: Shape>(reader: &mut dyn Reader) -> Read<T> {
    let mut shape = T::default();
    read_into(&mut shape, reader)?;
    Ok(shape)
}

/// `Debug` for every shape: absent members are left out, sensitive ones are masked.
pub fn debug(value: &dyn Struct, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let schema = value.schema();
    let mut out = f.debug_struct(schema.name);
    for (index, member) in schema.members.iter().enumerate() {
        let inner = value.get(index);
        if inner.is_absent() {
            continue;
        }
        if member.flags.has(Flags::SENSITIVE) || member.of.flags.has(Flags::SENSITIVE) {
            out.field(member.name, &format_args!("***"));
        } else {
            out.field(member.name, &Shown { value: inner, of: member.of });
        }
    }
    out.finish()
}

struct Shown<'a> {
    value: &'a dyn Value,
    of: &'static Target,
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut writer = Printer { out: f, done: Ok(()) };
        self.value.write(&mut writer, self.of);
        writer.done
    }
}

/// The writer behind `Debug`.
struct Printer<'a, 'b> {
    out: &'a mut fmt::Formatter<'b>,
    done: fmt::Result,
}

impl Printer<'_, '_> {
    fn put(&mut self, value: &dyn fmt::Debug) {
        self.done = self.done.and_then(|()| value.fmt(self.out));
    }
}

impl Writer for Printer<'_, '_> {
    fn boolean(&mut self, value: bool) {
        self.put(&value);
    }
    fn integer(&mut self, value: i64) {
        self.put(&value);
    }
    fn float(&mut self, value: f64) {
        self.put(&value);
    }
    fn text(&mut self, value: &str) {
        self.put(&value);
    }
    fn blob(&mut self, value: &[u8]) {
        self.put(&format_args!("{} bytes", value.len()));
    }
    fn timestamp(&mut self, value: Timestamp, _: &'static Target) {
        self.put(&format_args!("{}", value.text(crate::TimestampFormat::DateTime)));
    }
    fn document(&mut self, value: &Document) {
        self.put(&format_args!("{value}"));
    }
    fn body(&mut self, value: &Body) {
        self.put(value);
    }
    fn events(&mut self, value: &Events) {
        self.put(value);
    }
    fn list(&mut self, of: &'static Target, items: &mut dyn Iterator<Item = &dyn Value>) {
        let masked = of.item().flags.has(Flags::SENSITIVE);
        let mut out = self.out.debug_list();
        for value in items {
            if masked {
                out.entry(&format_args!("***"))
            } else {
                out.entry(&Shown { value, of: of.item() })
            };
        }
        self.done = self.done.and(out.finish());
    }
    fn map(&mut self, of: &'static Target, entries: &mut dyn Iterator<Item = (&str, &dyn Value)>) {
        let masked = of.item().flags.has(Flags::SENSITIVE);
        let mut out = self.out.debug_map();
        for (key, value) in entries {
            if masked {
                out.entry(&key, &format_args!("***"))
            } else {
                out.entry(&key, &Shown { value, of: of.item() })
            };
        }
        self.done = self.done.and(out.finish());
    }
    fn structure(&mut self, value: &dyn Struct) {
        self.done = self.done.and_then(|()| debug(value, self.out));
    }
}
