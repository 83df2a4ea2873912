//! The header of server-side encryption, and its value for SSE-S3.

pub const HEADER: &str = "x-amz-server-side-encryption";
/// SSE-S3.
pub const AES256: &str = "AES256";
