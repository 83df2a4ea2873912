//! A named text that belongs to a version of an object.

use super::encryption::Encryption;
use crate::{checksums::Checksum, etags::ETag};
use bytes::Bytes;
use cloudlet_aws::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Annotation {
    pub last_modified: Timestamp,
    pub etag: ETag,
    pub checksum: Checksum,
    /// As that of its object. `None`: SSE-S3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Box<Encryption>>,
    /// Encrypted, where its object is.
    #[serde(with = "cloudlet_store::as_base64")]
    pub payload: Bytes,
}
