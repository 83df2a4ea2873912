//! The one place where versions come to be, change and end.

use super::{Found, VersionId, VersionSelector, current, entry, new_id, newest, null_key};
use crate::{
    S3,
    state::{BucketTables, DeleteMarker, MultipartUpload, Object, UploadKey, Version, VersionKey, Versioning},
};
use cloudlet_aws::Fault;
use cloudlet_engine::Cx;
use cloudlet_store::Blob;
use std::{cmp::Reverse, sync::Arc};

/// A version that was made.
pub struct Created {
    pub object: Arc<Object>,
    /// The body of the null version that it replaced. No row names it any more.
    pub replaced: Option<Blob>,
}

/// What a deletion did.
#[derive(Clone, Debug)]
pub enum Deletion {
    /// There was nothing to delete.
    Nothing,
    /// A version, or a delete marker, is gone.
    Version(Version),
    /// A delete marker was made; `replaced` is the null version whose place it took.
    MarkerMade { marker: Arc<DeleteMarker>, replaced: Option<Version> },
}

impl Deletion {
    /// The body that no row names any more.
    pub fn unused(&self) -> Option<&Blob> {
        let (Deletion::Version(version) | Deletion::MarkerMade { replaced: Some(version), .. }) = self else { return None };
        version.object().map(|object| &object.blob)
    }
}

fn versioning(tables: &BucketTables) -> Versioning {
    tables.bucket.get(&()).map(|bucket| bucket.versioning).unwrap_or_default()
}

/// Where a new version goes.
struct NewRow {
    row_key: VersionKey,
    sequence: u64,
    id: Option<VersionId>,
    /// The null version, which was removed.
    replaced: Option<Version>,
}

fn new_row(s3: &S3, cx: &Cx, tables: &mut BucketTables, key: &str) -> NewRow {
    let sequence = s3.next_sequence(cx.now);
    let versioning = versioning(tables);
    if versioning == Versioning::Unversioned {
        let row_key = VersionKey::of(key);
        let replaced = tables.objects.get(&row_key).cloned();
        return NewRow { row_key, sequence, id: None, replaced };
    }
    // Newer than every version of the key, even where the clock went back.
    let sequence = newest(tables, key).map_or(sequence, |(row_key, _)| sequence.max(row_key.version.0.saturating_add(1)));
    let row_key = VersionKey { key: key.into(), version: Reverse(sequence) };
    if versioning == Versioning::Enabled {
        return NewRow { row_key, sequence, id: Some(new_id(cx, sequence, key)), replaced: None };
    }
    let replaced = remove_null(tables, key);
    tables.null_versions.insert(row_key.key.clone(), sequence);
    NewRow { row_key, sequence, id: None, replaced }
}

fn remove_null(tables: &mut BucketTables, key: &str) -> Option<Version> {
    let row_key = null_key(tables, key);
    tables.null_versions.remove(key);
    tables.objects.get(&row_key).filter(|version| version.id().is_none())?;
    tables.objects.remove(&row_key)
}

/// Makes an object the newest version of a key. In a bucket whose versioning is not enabled, it is the null version, and replaces it.
pub fn create(s3: &S3, cx: &Cx, tables: &mut BucketTables, key: &str, mut object: Object) -> Created {
    let NewRow { row_key, sequence, id, replaced } = new_row(s3, cx, tables, key);
    object.sequence = sequence;
    object.version_id = id;
    object.last_modified = object.last_modified.whole_secs();
    if let Some(bucket) = tables.bucket.get(&()) {
        object.retain_by_default(bucket, cx.now);
    }
    let object = Arc::new(object);
    tables.objects.insert(row_key, Version::Object(object.clone()));
    Created { object, replaced: replaced.and_then(|version| version.object().map(|object| object.blob.clone())) }
}

/// Puts a replica of a version, which has the id of the original. Answers the version whose place it takes.
pub fn put_replica(tables: &mut BucketTables, key: &str, version: Version) -> Option<Version> {
    let number = version.id().map_or(0, |id| id.number());
    let row_key = VersionKey { key: key.into(), version: Reverse(number) };
    let replaced = tables.objects.get(&row_key).cloned();
    tables.objects.insert(row_key, version);
    replaced
}

/// Deletes a version for good, or makes a delete marker the current version.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeletingObjectVersions.html>
pub fn delete(s3: &S3, cx: &Cx, tables: &mut BucketTables, key: &str, selector: VersionSelector) -> Deletion {
    let existed = !tables.multipart_uploads.is_empty() && current(tables, key).is_some();
    let deletion = delete_version(s3, cx, tables, key, selector);
    if existed && current(tables, key).is_none() {
        note_in_uploads(tables, key);
    }
    deletion
}

/// The uploads of a key that were created before its object was deleted cannot be completed on condition that there is none.
fn note_in_uploads(tables: &mut BucketTables, key: &str) {
    let first = UploadKey { key: key.into(), upload_id: "".into() };
    let uploads = tables.multipart_uploads.range(first..).take_while(|(row_key, _)| row_key.key.as_ref() == key);
    let uploads: Vec<_> = uploads.map(|(row_key, upload)| (row_key.clone(), upload.clone())).collect();
    for (row_key, upload) in uploads {
        tables.multipart_uploads.insert(row_key, Arc::new(MultipartUpload { object_was_deleted: true, ..MultipartUpload::clone(&upload) }));
    }
}

fn delete_version(s3: &S3, cx: &Cx, tables: &mut BucketTables, key: &str, selector: VersionSelector) -> Deletion {
    if selector == VersionSelector::Current && versioning(tables) != Versioning::Unversioned {
        let NewRow { row_key, sequence, id, replaced } = new_row(s3, cx, tables, key);
        let marker = Arc::new(DeleteMarker { sequence, version_id: id, last_modified: cx.now.whole_secs() });
        tables.objects.insert(row_key, Version::DeleteMarker(marker.clone()));
        return Deletion::MarkerMade { marker, replaced };
    }
    let Some((row_key, version)) = entry(tables, key, selector) else { return Deletion::Nothing };
    tables.objects.remove(&row_key);
    if version.id().is_none() {
        tables.null_versions.remove(key);
    }
    Deletion::Version(version)
}

/// Why an object was not changed.
pub enum Refused {
    NotFound(Found),
    Fault(Fault),
}

/// Changes an object that exists: its tags, its ACL, its retention.
pub fn update(
    tables: &mut BucketTables,
    key: &str,
    selector: VersionSelector,
    change: impl FnOnce(&mut Object) -> Result<(), Fault>,
) -> Result<Arc<Object>, Refused> {
    let (row_key, version) = entry(tables, key, selector).ok_or(Refused::NotFound(Found::Missing))?;
    let mut object = match version {
        Version::Object(object) => Object::clone(&object),
        Version::DeleteMarker(marker) => return Err(Refused::NotFound(Found::Marker(marker))),
    };
    change(&mut object).map_err(Refused::Fault)?;
    let object = Arc::new(object);
    tables.objects.insert(row_key, Version::Object(object.clone()));
    Ok(object)
}
