//! The tables: one store per bucket, which holds the bucket's settings, its objects and its multipart uploads in progress.

mod annotation;
mod background;
mod encryption;
mod object_lock;
mod restore;
mod upload;

pub use annotation::Annotation;
pub use background::{Background, Lifecycle, MinimumSize, PendingEvent, PendingTarget, ReplicationStatus, ReplicationTask, TargetKind, TaskKind};
pub use encryption::{DefaultEncryption, Encryption, KmsEncryption, KmsKind, Method, Salt, SseC};
pub use object_lock::{DefaultRetention, EventHold, Hold, LockConfiguration, LockMode, ObjectLock, Period, Retention};
pub use restore::{Restore, RestoreTier};
pub use upload::{Initiator, MultipartUpload, Part, PartKey, UploadKey};

use crate::{acl::Acl, api, checksums::Checksum, etags::ETag, metadata::SystemMetadata, storage::StorageClass, versions::VersionId};
use cloudlet_aws::{Account, Region, Timestamp};
use cloudlet_digest::Sum;
use cloudlet_engine::StoredShape;
use cloudlet_s3_access::{PublicAccessBlock, ResourcePolicy};
use cloudlet_shape::Map;
use cloudlet_store::{Blob, Table, tables};
use serde::{Deserialize, Serialize};
use std::{cmp::Reverse, ops::RangeInclusive, sync::Arc};

/// The tables of one bucket. Every bucket has its own lock.
#[derive(Default)]
pub struct BucketTables {
    /// One row: the bucket itself.
    pub bucket: Table<(), Arc<Bucket>>,
    /// All versions of all objects.
    pub objects: Table<VersionKey, Version>,
    /// The number of the null version of a key, where it is not 0: it was written while versioning was suspended.
    pub null_versions: Table<Arc<str>, u64>,
    pub annotations: Table<AnnotationKey, Arc<Annotation>>,
    pub multipart_uploads: Table<UploadKey, Arc<MultipartUpload>>,
    pub parts: Table<PartKey, Arc<Part>>,
    /// Events that are to be delivered, in their order.
    pub events: Table<u64, Arc<PendingEvent>>,
    /// Versions that are to be replicated.
    pub replications: Table<u64, Arc<ReplicationTask>>,
    /// Lines of the access log that are to be delivered, in their order.
    pub access_log: Table<u64, String>,
    // Configurations, by their ids.
    pub analytics: Table<String, StoredShape<api::AnalyticsConfiguration>>,
    pub intelligent_tiering: Table<String, StoredShape<api::IntelligentTieringConfiguration>>,
    pub inventory: Table<String, StoredShape<api::InventoryConfiguration>>,
    pub metrics: Table<String, StoredShape<api::MetricsConfiguration>>,
}
tables!(BucketTables {
    bucket,
    objects,
    null_versions,
    annotations,
    multipart_uploads,
    parts,
    events,
    replications,
    access_log,
    analytics,
    intelligent_tiering,
    inventory,
    metrics
});

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    pub owner: Account,
    pub region: Region,
    /// The LocationConstraint of its CreateBucket. `EU` is an old name of eu-west-1, and GetBucketLocation answers it.
    pub location_constraint: Option<String>,
    pub creation_date: Timestamp,
    /// None: without ownership controls.
    pub object_ownership: Option<ObjectOwnership>,
    pub tags: Vec<Tag>,
    #[serde(default)]
    pub versioning: Versioning,
    #[serde(default)]
    pub mfa_delete: MfaDelete,
    #[serde(default)]
    pub encryption: DefaultEncryption,
    #[serde(default)]
    pub access: BucketAccess,
    /// `None`: objects cannot be locked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_lock: Option<LockConfiguration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acceleration: Option<Acceleration>,
    #[serde(default, skip_serializing_if = "Background::is_nothing")]
    pub background: Background,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors: Option<StoredShape<api::CORSConfiguration>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub website: Option<StoredShape<api::WebsiteConfiguration>>,
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/transfer-acceleration.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Acceleration {
    Enabled,
    Suspended,
}

/// Who may do what with a bucket and its objects.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BucketAccess {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Arc<ResourcePolicy>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_access_block: Option<PublicAccessBlock>,
    /// None: a private one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acl: Option<Acl>,
    pub payer: Payer,
    pub abac: Abac,
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/RequesterPaysBuckets.html>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payer {
    #[default]
    BucketOwner,
    Requester,
}

/// Whether the tags of a bucket are condition keys.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/buckets-tagging-enable-abac.html>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Abac {
    #[default]
    Disabled,
    Enabled,
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Versioning {
    /// It was never enabled, and GetBucketVersioning answers no status.
    #[default]
    Unversioned,
    Enabled,
    Suspended,
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/MultiFactorAuthenticationDelete.html>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MfaDelete {
    /// It was never enabled, and GetBucketVersioning answers no status.
    #[default]
    Unset,
    Enabled,
    Disabled,
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ObjectOwnership {
    #[default]
    BucketOwnerEnforced,
    BucketOwnerPreferred,
    ObjectWriter,
}

/// The row key of one version of one object. Keys sort by their bytes, the versions of a key newest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VersionKey {
    pub key: Arc<str>,
    pub version: VersionNumber,
}

/// The sequence number of the write that made a version. Objects that were written before versioning was enabled have number 0.
pub type VersionNumber = Reverse<u64>;

pub const UNVERSIONED: VersionNumber = Reverse(0);
const NEWEST: VersionNumber = Reverse(u64::MAX);

impl VersionKey {
    /// The row key of an object that was written before versioning was enabled. It sorts after all other versions of its key.
    pub fn of(key: &str) -> VersionKey {
        VersionKey { key: key.into(), version: UNVERSIONED }
    }

    /// Sorts before all versions of a key.
    pub fn before(key: &str) -> VersionKey {
        VersionKey { key: key.into(), version: NEWEST }
    }
}

/// The annotations of a version, by their names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AnnotationKey {
    pub version: VersionKey,
    pub name: Arc<str>,
}

impl AnnotationKey {
    /// The row keys of all annotations of a version. No name has the last character of Unicode.
    pub fn of_version(version: &VersionKey) -> RangeInclusive<AnnotationKey> {
        let bound = |name: &str| AnnotationKey { version: version.clone(), name: name.into() };
        bound("")..=bound("\u{10FFFF}")
    }
}

/// One version of a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Version {
    Object(Arc<Object>),
    DeleteMarker(Arc<DeleteMarker>),
}

impl Version {
    pub fn object(&self) -> Option<&Arc<Object>> {
        match self {
            Version::Object(object) => Some(object),
            Version::DeleteMarker(_) => None,
        }
    }

    /// `None`: the null version.
    pub fn id(&self) -> Option<VersionId> {
        match self {
            Version::Object(object) => object.version_id,
            Version::DeleteMarker(marker) => marker.version_id,
        }
    }

    pub fn last_modified(&self) -> Timestamp {
        match self {
            Version::Object(object) => object.last_modified,
            Version::DeleteMarker(marker) => marker.last_modified,
        }
    }
}

/// A version that says that its key has no current object.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html>
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeleteMarker {
    pub sequence: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<VersionId>,
    pub last_modified: Timestamp,
}

/// An object: one version of a key with a body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Object {
    /// Greater than that of every write before.
    pub sequence: u64,
    /// `None`: the null version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<VersionId>,
    pub last_modified: Timestamp,
    pub etag: ETag,
    pub blob: Blob,
    pub storage_class: StorageClass,
    pub checksum: Option<Box<Checksum>>,
    /// `None`: SSE-S3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Box<Encryption>>,
    /// `None` when all of them are empty, as for most objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub properties: Option<Box<ObjectProperties>>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObjectProperties {
    pub system_metadata: SystemMetadata,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub user_metadata: Map<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website_redirect_location: Option<String>,
    /// The parts of a completed multipart upload; empty for an object of one PutObject.
    #[serde(skip_serializing_if = "<[ObjectPart]>::is_empty")]
    pub parts: Arc<[ObjectPart]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replication: Option<ReplicationStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<Box<ObjectLock>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restore: Option<Restore>,
    /// The multipart upload that made the object: completing it again has the same answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload_id: Option<Arc<str>>,
    /// None: the owner of the bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Account>,
    /// None: a private one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acl: Option<Acl>,
}

/// One part of a completed multipart upload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectPart {
    pub part_number: i32,
    pub size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Box<Sum>>,
    /// Of an encrypted part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<Salt>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    pub key: String,
    pub value: String,
}

static NO_SYSTEM_METADATA: SystemMetadata = SystemMetadata {
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

    pub fn system_metadata(&self) -> &SystemMetadata {
        self.properties.as_ref().map_or(&NO_SYSTEM_METADATA, |properties| &properties.system_metadata)
    }

    /// None: the owner of the bucket.
    pub fn owner(&self) -> Option<Account> {
        self.properties.as_ref()?.owner
    }

    pub fn acl(&self) -> Option<&Acl> {
        self.properties.as_ref()?.acl.as_ref()
    }

    pub fn tags(&self) -> &[Tag] {
        self.properties.as_ref().map_or(&[], |properties| &properties.tags)
    }

    pub fn replication_status(&self) -> Option<ReplicationStatus> {
        self.properties.as_ref()?.replication
    }

    pub fn parts(&self) -> &[ObjectPart] {
        self.properties.as_ref().map_or(&[], |properties| &properties.parts)
    }

    pub fn website_redirect_location(&self) -> Option<&String> {
        self.properties.as_ref()?.website_redirect_location.as_ref()
    }

    pub fn user_metadata(&self) -> Option<&Map<String>> {
        self.properties.as_ref().map(|properties| &properties.user_metadata).filter(|metadata| !metadata.is_empty())
    }
}

impl ObjectProperties {
    /// `None` if all of them are empty.
    pub fn boxed(self) -> Option<Box<ObjectProperties>> {
        (self != ObjectProperties::default()).then(|| Box::new(self))
    }
}
