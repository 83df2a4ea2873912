//! Types that know their own shape. Codecs know the wire; neither knows the other.
//!
//! A generated struct derives [`Shape`]: a const [`Schema`], access to its members by index, and nothing else.
//! A codec is a [`Reader`] or a [`Writer`], written once for all shapes.

// The derive speaks of this crate by name, here too.
extern crate self as cloudlet_shape;

mod body;
mod operation;
mod reader;
mod schema;
mod value;
mod writer;

pub use body::{Body, BodyError, BodyStream, EventStream, Events, Taken, Trailers};
pub use cloudlet_aws::{Blame, FaultKind, Timestamp, TimestampFormat};
pub use cloudlet_shape_derive::Shape;
pub use operation::{Access, Checksum, Operation, OperationSchema, Pages, Protocol, ResourceKind, ServiceSchema, Visitor};
pub use reader::{Mismatch, Read, Reader};
pub use schema::{At, Flags, Kind, Member, Schema, Target};
#[doc(hidden)]
pub use value::read_struct;
pub use value::{Shape, Struct, Typed, Value, debug};
pub use writer::Writer;

/// Raw bytes of a member (base64 in JSON and XML).
pub type Blob = bytes::Bytes;
/// A member whose shape the model leaves open.
pub type Document = serde_json::Value;
/// A map of the model: always keyed by text, in key order.
pub type Map<T> = std::collections::BTreeMap<String, T>;

/// The input or output of an operation that has none.
#[derive(Shape, Clone, Default)]
pub struct Empty {}
