//! An incoming message, as a codec shows it.

use crate::{Blob, Body, Document, Events, Schema, Target, Timestamp};

/// Why a message cannot be read.
#[derive(Clone, Debug, PartialEq)]
pub enum Mismatch {
    /// The bytes are no message of this protocol.
    Malformed(String),
    /// Another type of value than the model wants stands at a place.
    Wrong { wanted: &'static str, at: String },
}

pub type Read<T> = Result<T, Mismatch>;

/// One place in an incoming message. A codec implements this once; shapes pull from it.
///
/// Aggregates are read by callback, so that a codec may walk its input without building a tree.
/// A reader bounds its own depth.
pub trait Reader {
    fn boolean(&mut self) -> Read<bool>;
    fn integer(&mut self) -> Read<i64>;
    fn float(&mut self) -> Read<f64>;
    fn text(&mut self) -> Read<String>;
    fn blob(&mut self) -> Read<Blob>;
    fn timestamp(&mut self, of: &'static Target) -> Read<Timestamp>;
    fn document(&mut self) -> Read<Document>;
    /// The streaming body of the request.
    fn body(&mut self) -> Read<Body>;
    /// The event stream of the request.
    fn events(&mut self) -> Read<Events>;
    fn list(&mut self, of: &'static Target, each: &mut dyn FnMut(&mut dyn Reader) -> Read<()>) -> Read<()>;
    fn map(&mut self, of: &'static Target, each: &mut dyn FnMut(String, &mut dyn Reader) -> Read<()>) -> Read<()>;
    /// Calls `each` for every member that is present, with its index in the schema. Unknown members are passed over.
    fn structure(&mut self, schema: &'static Schema, each: &mut dyn FnMut(usize, &mut dyn Reader) -> Read<()>) -> Read<()>;
    /// A required member is not there. The reader remembers the place for validation and goes on.
    fn missing(&mut self, schema: &'static Schema, index: usize);
}

/// Reads into a structure of any type: written once, so that a generated type costs two small functions and no more.
pub(crate) fn read_into(shape: &mut dyn crate::Struct, reader: &mut dyn Reader) -> Read<()> {
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
