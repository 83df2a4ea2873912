//! The operations on objects.

pub mod attributes;
mod copy;
mod delete;
mod get;
mod put;
mod request;

pub(crate) use copy::source_conditions;
pub use copy::{CopySource, source_of};
pub use request::{CheckedWrite, WriteRequest, set_write_keys};
pub(crate) use request::{write_keys, write_request};

pub const GET: [&str; 2] = ["s3:GetObject", "s3:GetObjectVersion"];
