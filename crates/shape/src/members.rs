//! The types that members of shapes have, as values.

use crate::{
    body::Body,
    schema::{Flags, Target},
    types::{Blob, Document, Map},
    value::{Events, Mismatch, Read, Reader, Typed, Value, Writer},
};
use cloudlet_aws::Timestamp;

impl Value for bool {
    fn write(&self, writer: &mut dyn Writer, _: &'static Target) {
        writer.boolean(*self);
    }
}

impl Typed for bool {
    const TARGET: &'static Target = &Target::BOOLEAN;
    fn read(reader: &mut dyn Reader, of: &'static Target) -> Read<Self> {
        match reader.boolean() {
            Err(_) if of.flags.has(Flags::LENIENT) => Ok(reader.text()?.eq_ignore_ascii_case("true")),
            read => read,
        }
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
    fn placed(&self) -> Option<Vec<(u32, &dyn Value)>> {
        self.as_ref()?.placed()
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
