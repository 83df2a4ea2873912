//! The operations on objects.

mod attributes;
mod copy;
mod delete;
mod get;
mod put;
mod request;

pub(crate) use copy::source_conditions;
pub use copy::source_of;
pub use put::write;
pub(crate) use request::write_request;
pub use request::{WriteRequest, set_write_keys};

/// The ServerSideEncryption of every answer: S3 encrypts every object.
pub const ENCRYPTION: &str = "AES256";

pub const GET: [&str; 2] = ["s3:GetObject", "s3:GetObjectVersion"];
