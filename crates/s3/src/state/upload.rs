//! Multipart uploads in progress, and their parts.

use super::{Encryption, ObjectProperties, Salt};
use crate::{checksums::ChecksumType, etags::ETag, storage::StorageClass};
use cloudlet_aws::Timestamp;
use cloudlet_digest::{Algorithm, Sum};
use cloudlet_store::Blob;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UploadKey {
    pub key: Arc<str>,
    pub upload_id: Arc<str>,
}

/// A multipart upload in progress.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MultipartUpload {
    pub sequence: u64,
    pub initiated: Timestamp,
    pub initiator: Initiator,
    pub storage_class: StorageClass,
    /// What CreateMultipartUpload named. `None`: parts may have any checksum, and the object gets the default one.
    pub checksum: Option<(Algorithm, ChecksumType)>,
    /// `None`: SSE-S3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Box<Encryption>>,
    /// The object of the key was deleted since the upload was created.
    #[serde(default)]
    pub object_was_deleted: bool,
    pub properties: ObjectProperties,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Initiator {
    pub id: String,
    pub display_name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PartKey {
    pub upload_id: Arc<str>,
    pub part_number: i32,
}

/// An uploaded part of a multipart upload in progress.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    pub last_modified: Timestamp,
    pub etag: ETag,
    pub blob: Blob,
    pub checksum: Option<Sum>,
    /// For the full object checksum of an upload that named no algorithm.
    pub crc64nvme: Option<Sum>,
    /// Of an encrypted part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<Salt>,
}
