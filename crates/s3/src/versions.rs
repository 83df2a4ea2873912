//! The versions of an object: finding the one that a request names.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html>

mod configuration;
mod id;
mod mfa;
mod write;

pub use id::VersionId;
pub use mfa::{SecondFactor, required as mfa_required};
pub use write::{Created, Deletion, Refused, create, delete, put_replica, update};

use crate::{
    faults,
    state::{Bucket, BucketTables, DeleteMarker, Object, UNVERSIONED, Version, VersionKey, Versioning},
};
use cloudlet_aws::{Fault, FaultKind, TimestampFormat};
use cloudlet_engine::Cx;
use std::{cmp::Reverse, ops::Bound, sync::Arc};

/// The version that a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionSelector {
    Current,
    Null,
    Id(VersionId),
}

impl VersionSelector {
    pub fn of(version: Option<&str>) -> Result<VersionSelector, Fault> {
        match version {
            None => Ok(VersionSelector::Current),
            Some("null") => Ok(VersionSelector::Null),
            Some("") => Err(faults::invalid_argument("Version id cannot be the empty string", "versionId", "")),
            Some(other) => VersionId::parse(other).map(VersionSelector::Id).ok_or_else(|| faults::invalid_version_id(other)),
        }
    }

    /// The fault for a key without this version. AWS: a bucket that was never versioned knows no version id (recorded).
    pub fn missing(self, bucket: &Bucket, key: &str) -> Fault {
        match self {
            VersionSelector::Current => faults::no_such_key(key),
            VersionSelector::Null => faults::no_such_version(key, "null"),
            VersionSelector::Id(id) if bucket.versioning == Versioning::Unversioned => faults::invalid_version_id(&id.to_string()),
            VersionSelector::Id(id) => faults::no_such_version(key, &id.to_string()),
        }
    }
}

/// The newest version of a key, which may be a delete marker.
fn newest<'t>(tables: &'t BucketTables, key: &str) -> Option<(&'t VersionKey, &'t Version)> {
    let from = (Bound::Included(VersionKey::before(key)), Bound::Unbounded);
    tables.objects.range(from).next().filter(|(row_key, _)| row_key.key.as_ref() == key)
}

/// The row key of the null version of a key, whether it exists or not.
fn null_key(tables: &BucketTables, key: &str) -> VersionKey {
    let number = tables.null_versions.get(key).map_or(UNVERSIONED, |number| Reverse(*number));
    VersionKey { key: key.into(), version: number }
}

/// The row of a version, with its key.
pub fn entry(tables: &BucketTables, key: &str, selector: VersionSelector) -> Option<(VersionKey, Version)> {
    match selector {
        VersionSelector::Current => newest(tables, key).map(|(row_key, version)| (row_key.clone(), version.clone())),
        VersionSelector::Null => {
            let row_key = null_key(tables, key);
            let version = tables.objects.get(&row_key).filter(|version| version.id().is_none())?.clone();
            Some((row_key, version))
        }
        VersionSelector::Id(id) => {
            let row_key = VersionKey { key: key.into(), version: Reverse(id.number()) };
            let version = tables.objects.get(&row_key).filter(|version| version.id() == Some(id))?.clone();
            Some((row_key, version))
        }
    }
}

/// The current object of a key: its newest version, unless that is a delete marker.
pub fn current(tables: &BucketTables, key: &str) -> Option<Arc<Object>> {
    newest(tables, key).and_then(|(_, version)| version.object()).cloned()
}

/// The entity tag of the current object.
pub fn current_etag(tables: &BucketTables, key: &str) -> Option<String> {
    current(tables, key).map(|object| object.etag.to_string())
}

/// The object of a version that is no delete marker.
pub fn object(tables: &BucketTables, key: &str, selector: VersionSelector) -> Option<Arc<Object>> {
    entry(tables, key, selector).and_then(|(_, version)| version.object().cloned())
}

/// What a request finds.
pub enum Found {
    Object(Arc<Object>),
    Marker(Arc<DeleteMarker>),
    Missing,
}

pub fn find(tables: &BucketTables, key: &str, selector: VersionSelector) -> Found {
    match selector {
        // The common case, without a copy of the key.
        VersionSelector::Current => newest(tables, key).map(|(_, version)| version.clone()),
        selector => entry(tables, key, selector).map(|(_, version)| version),
    }
    .map_or(Found::Missing, |version| match version {
        Version::Object(object) => Found::Object(object),
        Version::DeleteMarker(marker) => Found::Marker(marker),
    })
}

/// The operations that find no object where there is a delete marker.
const READS: [&str; 4] = ["GetObject", "HeadObject", "GetObjectAttributes", "GetObjectAcl"];

impl Found {
    /// The object, or why a read of this method does not find it.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html>
    pub fn or_fault(self, bucket: &Bucket, key: &str, selector: VersionSelector, operation: &str, method: &str) -> Result<Arc<Object>, Fault> {
        match self {
            Found::Object(object) => Ok(object),
            Found::Missing => Err(selector.missing(bucket, key)),
            Found::Marker(marker) => Err(match selector {
                // AWS: for everything else than the object itself, a delete marker is what the key is (recorded for tags).
                VersionSelector::Current if READS.contains(&operation) => marked(faults::no_such_key(key), &marker),
                _ => marker_not_allowed(&marker, method),
            }),
        }
    }
}

fn marked(fault: Fault, marker: &DeleteMarker) -> Fault {
    fault.with_header("x-amz-delete-marker", "true").with_header("x-amz-version-id", id_text(marker.version_id))
}

/// AWS: elements and headers were recorded.
fn marker_not_allowed(marker: &DeleteMarker, method: &str) -> Fault {
    let fault = FaultKind::sender("MethodNotAllowed", 405)
        .says("The specified method is not allowed against this resource.")
        .with("Method", method)
        .with("ResourceType", "DeleteMarker")
        .with_header("Allow", "DELETE")
        .with_header("Last-Modified", marker.last_modified.text(TimestampFormat::HttpDate));
    marked(fault, marker)
}

/// A version id as answers have it.
pub fn id_text(id: Option<VersionId>) -> String {
    id.map_or_else(|| "null".to_owned(), |id| id.to_string())
}

impl Bucket {
    /// `x-amz-version-id` of a read: only in buckets that were ever versioned.
    pub fn shown_version(&self, id: Option<VersionId>) -> Option<String> {
        (self.versioning != Versioning::Unversioned).then(|| id_text(id))
    }
}

/// The id of a version that is not null. AWS: PutObject answers none while versioning is suspended (recorded).
pub fn created_id(object: &Object) -> Option<String> {
    object.version_id.map(|id| id.to_string())
}

/// The ids of versions come from the random numbers of the call.
fn new_id(cx: &Cx, number: u64, key: &str) -> VersionId {
    VersionId::new(number, key, cx.ids())
}

/// Where the versions after one of a listing begin: `key-marker` and `version-id-marker`.
pub fn row_of(tables: &BucketTables, key: &str, selector: VersionSelector) -> VersionKey {
    match selector {
        VersionSelector::Current => VersionKey::of(key),
        VersionSelector::Null => null_key(tables, key),
        VersionSelector::Id(id) => VersionKey { key: key.into(), version: Reverse(id.number()) },
    }
}
