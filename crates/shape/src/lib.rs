//! Types that know their own shape. Codecs know the wire; neither knows the other.
//!
//! A generated struct derives [`Shape`]: a const [`Schema`], access to its members by index, and nothing else.
//! A codec is a [`Reader`] or a [`Writer`], written once for all shapes.

// The derive names this crate, here too.
extern crate self as cloudlet_shape;

mod body;
mod members;
mod mixed;
mod operation;
mod schema;
mod structure;
mod types;
mod value;

pub use body::{Body, BodyContent, BodyError, BodyStream, Trailers};
pub use cloudlet_aws::{Blame, FaultKind, Timestamp, TimestampFormat};
pub use cloudlet_shape_derive::Shape;
pub use mixed::Mixed;
pub use operation::{Access, Checksum, Operation, OperationSchema, OperationVisitor, Pages, Protocol, ResourceKind, ServiceSchema};
pub use schema::{At, Flags, Kind, Member, Schema, Target};
pub use structure::debug;
#[doc(hidden)]
pub use structure::read_struct;
pub use types::{Blob, Document, Map};
pub use value::{EventStream, Events, Mismatch, Read, Reader, Shape, Struct, Typed, Value, Writer};

/// The input or output of an operation that has none.
#[derive(Shape, Clone, Default)]
pub struct Empty {}
