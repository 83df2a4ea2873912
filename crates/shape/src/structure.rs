//! Reading and showing structures of any type: written once, so that a generated type costs two small functions and no more.

use crate::{
    body::Body,
    schema::{Flags, Target},
    types::Document,
    value::{Events, Read, Reader, Shape, Struct, Value, Writer},
};
use cloudlet_aws::{Timestamp, TimestampFormat};
use std::fmt;

/// Called by the derived `Value::read`.
#[doc(hidden)]
pub fn read_struct<T: Shape>(reader: &mut dyn Reader) -> Read<T> {
    let mut shape = T::default();
    read_into(&mut shape, reader)?;
    Ok(shape)
}

fn read_into(shape: &mut dyn Struct, reader: &mut dyn Reader) -> Read<()> {
    let schema = shape.schema();
    let mut seen = Seen::default();
    reader.structure(schema, &mut |index, reader| {
        let target = schema.members.get(index).map_or(&Target::DOCUMENT, |member| member.of);
        shape.set(index, reader, target)?;
        seen.add(index);
        Ok(())
    })?;
    for (index, member) in schema.members.iter().enumerate() {
        if member.required() && !seen.has(index) {
            reader.missing(schema, index);
        }
    }
    Ok(())
}

/// Which members have been read. The largest structure of all models has fewer than 256.
#[derive(Default)]
struct Seen([u64; 4]);

impl Seen {
    fn add(&mut self, index: usize) {
        if let Some(word) = self.0.get_mut(index / 64) {
            *word |= 1 << (index % 64);
        }
    }

    fn has(&self, index: usize) -> bool {
        self.0.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }
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
            out.field(member.name, &Printed { value: inner, of: member.of });
        }
    }
    out.finish()
}

struct Printed<'a> {
    value: &'a dyn Value,
    of: &'static Target,
}

impl fmt::Debug for Printed<'_> {
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
        self.put(&format_args!("{}", value.text(TimestampFormat::DateTime)));
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
                out.entry(&Printed { value, of: of.item() })
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
                out.entry(&key, &Printed { value, of: of.item() })
            };
        }
        self.done = self.done.and(out.finish());
    }
    fn structure(&mut self, value: &dyn Struct) {
        self.done = self.done.and_then(|()| debug(value, self.out));
    }
}
