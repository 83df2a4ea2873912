//! The traits by which shapes and codecs meet: a codec is a [`Reader`] or a [`Writer`], a shape is a [`Value`].

use crate::{
    body::{Body, BodyError},
    schema::{Schema, Target},
    types::{Blob, Document},
};
use cloudlet_aws::Timestamp;
use futures_core::Stream;
use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

/// Anything that a shape is made of.
pub trait Value: Send + Sync {
    fn write(&self, writer: &mut dyn Writer, of: &'static Target);
    /// Whether the value is absent, so that nothing is written.
    fn is_absent(&self) -> bool {
        false
    }
    /// The items of a list that a document mixes with those of other lists, each with its place among them all.
    fn placed(&self) -> Option<Vec<(u32, &dyn Value)>> {
        None
    }
}

/// A value that can be read.
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

/// Why a message cannot be read.
#[derive(Clone, Debug, PartialEq)]
pub enum Mismatch {
    /// The bytes are not a message of this protocol.
    Malformed(String),
    /// A value has another type than the model's.
    Wrong { wanted: &'static str, at: String },
}

pub type Read<T> = Result<T, Mismatch>;

/// A value in an incoming message. A codec implements this once for all shapes.
///
/// Aggregates are read by callback, so that a codec need not build a tree. A reader limits its own depth.
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
    /// Calls `each` for every member that is present, with its index in the schema. Unknown members are ignored.
    fn structure(&mut self, schema: &'static Schema, each: &mut dyn FnMut(usize, &mut dyn Reader) -> Read<()>) -> Read<()>;
    /// A required member is absent. The reader records that for validation and goes on.
    fn missing(&mut self, schema: &'static Schema, index: usize);
}

/// An outgoing message under construction. `of` has names, formats and flags of the value's shape.
pub trait Writer {
    fn boolean(&mut self, value: bool);
    fn integer(&mut self, value: i64);
    fn float(&mut self, value: f64);
    fn text(&mut self, value: &str);
    fn blob(&mut self, value: &[u8]);
    fn timestamp(&mut self, value: Timestamp, of: &'static Target);
    fn document(&mut self, value: &Document);
    fn body(&mut self, value: &Body);
    fn events(&mut self, value: &Events);
    fn list(&mut self, of: &'static Target, items: &mut dyn Iterator<Item = &dyn Value>);
    fn map(&mut self, of: &'static Target, entries: &mut dyn Iterator<Item = (&str, &dyn Value)>);
    fn structure(&mut self, value: &dyn Struct);
}

pub type EventStream = Pin<Box<dyn Stream<Item = Result<Box<dyn Struct>, BodyError>> + Send>>;

/// A stream of events (each a member of a union), with the union's schema known to the operation.
#[derive(Clone, Default)]
pub struct Events(Arc<Mutex<Option<EventStream>>>);

impl Events {
    pub fn new(stream: EventStream) -> Events {
        Events(Arc::new(Mutex::new(Some(stream))))
    }

    pub fn take(&self) -> Option<EventStream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("events")
    }
}
