//! The tables: a shelf of buckets, and in each bucket its settings, its objects, and its uploads under way.

use crate::{checksums, checksums::Checksum, etags::ETag, metadata::SystemFields, storage::StorageClass};
use cloudlet_aws::{Account, Region, Timestamp};
use cloudlet_digest::{Algorithm, Sum};
use cloudlet_shape::Map;
use cloudlet_store::{Blob, Table, tables};
use serde::{Deserialize, Serialize};
use std::{cmp::Reverse, sync::Arc};

/// One bucket: a store of its own, with a lock of its own.
#[derive(Default)]
pub struct Contents {
    /// One row: the bucket itself.
    pub bucket: Table<(), Arc<Bucket>>,
    pub objects: Table<Slot, Arc<Object>>,
    pub uploads: Table<UploadKey, Arc<Upload>>,
    pub parts: Table<PartKey, Arc<Part>>,
}
tables!(Contents { bucket, objects, uploads, parts });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    pub owner: Account,
    pub region: Region,
    /// The constraint it was created with; `EU` is an old name of eu-west-1 that is kept.
    pub constraint: Option<String>,
    pub created: Timestamp,
    pub ownership: Ownership,
    pub tags: Vec<Tag>,
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ownership {
    #[default]
    BucketOwnerEnforced,
    BucketOwnerPreferred,
    ObjectWriter,
}

/// The place of one version of one key. Keys sort by their bytes, the versions of a key newest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Slot {
    pub key: Arc<str>,
    pub version: Version,
}

/// When a version was written. In a bucket that was never versioned each key has one version, the oldest possible.
pub type Version = Reverse<u64>;

pub const UNVERSIONED: Version = Reverse(0);
const NEWEST: Version = Reverse(u64::MAX);

impl Slot {
    /// The slot of an object in a bucket that was never versioned.
    pub fn of(key: &str) -> Slot {
        Slot { key: key.into(), version: UNVERSIONED }
    }

    /// Before all versions of a key.
    pub fn before(key: &str) -> Slot {
        Slot { key: key.into(), version: NEWEST }
    }
}

/// One version of an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Object {
    /// Of all writes of this house, which one it was.
    pub order: u64,
    pub modified: Timestamp,
    pub etag: ETag,
    pub blob: Blob,
    pub class: StorageClass,
    pub checksum: Option<Box<Checksum>>,
    /// What most objects have none of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<Box<More>>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct More {
    pub fields: SystemFields,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect: Option<String>,
    /// How a multipart upload cut it; empty for an object written in one piece.
    #[serde(skip_serializing_if = "<[Piece]>::is_empty")]
    pub pieces: Arc<[Piece]>,
    /// The upload it came from: completing that one again answers the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload: Option<Arc<str>>,
}

/// One part of a finished multipart upload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Piece {
    pub number: i32,
    pub size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<Box<Sum>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    pub key: String,
    pub value: String,
}

static NO_FIELDS: SystemFields = SystemFields {
    cache_control: None,
    content_disposition: None,
    content_encoding: None,
    content_language: None,
    content_type: None,
    expires: None,
};

impl Object {
    pub fn size(&self) -> u64 {
        self.blob.length()
    }

    pub fn fields(&self) -> &SystemFields {
        self.more.as_ref().map_or(&NO_FIELDS, |more| &more.fields)
    }

    pub fn tags(&self) -> &[Tag] {
        self.more.as_ref().map_or(&[], |more| &more.tags)
    }

    pub fn pieces(&self) -> &[Piece] {
        self.more.as_ref().map_or(&[], |more| &more.pieces)
    }

    pub fn redirect(&self) -> Option<&String> {
        self.more.as_ref()?.redirect.as_ref()
    }

    pub fn metadata(&self) -> Option<&Map<String>> {
        self.more.as_ref().map(|more| &more.metadata).filter(|metadata| !metadata.is_empty())
    }
}

impl More {
    /// Nothing at all takes no room.
    pub fn boxed(self) -> Option<Box<More>> {
        (self != More::default()).then(|| Box::new(self))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UploadKey {
    pub key: Arc<str>,
    pub id: Arc<str>,
}

/// A multipart upload under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Upload {
    pub order: u64,
    pub initiated: Timestamp,
    pub initiator: Initiator,
    pub class: StorageClass,
    /// The algorithm the client named; without one, parts may have any, and the object has the default.
    pub checksum: Option<(Algorithm, checksums::Kind)>,
    pub more: More,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Initiator {
    pub id: String,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PartKey {
    pub upload: Arc<str>,
    pub number: i32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    pub modified: Timestamp,
    pub etag: ETag,
    pub blob: Blob,
    pub sum: Option<Sum>,
    /// Over all bytes, for the checksum of an upload that named no algorithm.
    pub crc64: Option<Sum>,
}
