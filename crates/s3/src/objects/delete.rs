//! DeleteObject and DeleteObjects.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeletingObjects.html>

use crate::{
    S3,
    access::{self, BucketHandle},
    api,
    conditions::unquoted,
    faults,
    limits::{MAX_DELETE, check_key},
    lists::non_empty_list,
    state::BucketTables,
    versions::{self, VersionSelector},
};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_store::Blob;

const DELETE: [&str; 2] = ["s3:DeleteObject", "s3:DeleteObjectVersion"];

/// Removes the row of an object. Deleting a missing object is a success.
fn remove(tables: &mut BucketTables, key: &str, selector: VersionSelector, if_match: Option<&str>) -> Result<Option<Blob>, Fault> {
    let entry = versions::entry(tables, key, selector);
    match (if_match.map(unquoted), &entry) {
        (Some("*"), Some(_)) | (None, _) => {}
        (Some(etag), Some((_, object))) if object.etag.is(etag) => {}
        (Some(_), Some(_)) => return Err(faults::precondition_failed("If-Match")),
        (Some(_), None) => return Err(faults::no_such_key(key)),
    }
    Ok(entry.and_then(|(row_key, _)| tables.objects.remove(&row_key)).map(|object| object.blob.clone()))
}

impl Handle<api::DeleteObject> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::DeleteObjectRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?;
        Ok(found.version_permission(cx, DELETE, &input.key, input.version_id.as_ref()).into())
    }

    async fn handle(&self, cx: &Cx, input: api::DeleteObjectRequest) -> Result<api::DeleteObjectOutput, Fault> {
        // Conditions of directory buckets.
        if input.if_match_last_modified_time.is_some() {
            return Err(faults::not_implemented("x-amz-if-match-last-modified-time"));
        }
        if input.if_match_size.is_some() {
            return Err(faults::not_implemented("x-amz-if-match-size"));
        }
        if input.bypass_governance_retention == Some(true) {
            return Err(no_object_lock());
        }
        let selector = VersionSelector::of(input.version_id.as_deref())?;
        check_key(&input.key)?;
        let found = self.find(cx, &input.bucket, None)?;
        let removed = found.tables.write(|tables| remove(tables, &input.key, selector, input.if_match.as_deref()));
        self.discard(removed.ok_or_else(access::gone(&input.bucket))??);
        Ok(api::DeleteObjectOutput { version_id: input.version_id, ..Default::default() })
    }
}

/// No bucket has Object Lock yet.
fn no_object_lock() -> Fault {
    faults::INVALID_ARGUMENT
        .says("x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.")
        .with("ArgumentName", "x-amz-bypass-governance-retention")
}

impl Handle<api::DeleteObjects> for S3 {
    /// None for the call: each key is decided by itself.
    fn permissions(&self, cx: &Cx, input: &api::DeleteObjectsRequest) -> Result<Permissions, Fault> {
        self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?;
        Ok(Permissions::new())
    }

    async fn handle(&self, cx: &Cx, input: api::DeleteObjectsRequest) -> Result<api::DeleteObjectsOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        if input.bypass_governance_retention == Some(true) {
            return Err(no_object_lock());
        }
        let objects = &input.delete.objects;
        // AWS: the conditions of directory buckets are not in the schema of general purpose buckets.
        let is_malformed = |object: &api::ObjectIdentifier| object.last_modified_time.is_some() || object.size.is_some();
        if objects.is_empty() || objects.len() > MAX_DELETE || objects.iter().any(is_malformed) {
            return Err(faults::malformed_xml());
        }
        if objects.iter().any(|object| object.key.is_empty()) {
            return Err(faults::user_key_must_be_specified());
        }
        let checked: Vec<Result<VersionSelector, Fault>> = objects.iter().map(|object| check_one(cx, &found, object)).collect();
        let outcome = found.tables.write(|tables| -> Result<Vec<Result<Option<Blob>, Fault>>, Fault> {
            let each = objects.iter().zip(checked);
            Ok(each.map(|(object, selector)| remove(tables, &object.key, selector?, object.etag.as_deref())).collect())
        });
        let outcomes = outcome.ok_or_else(access::gone(&input.bucket))??;
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for (object, outcome) in objects.iter().zip(outcomes) {
            match outcome {
                Ok(blob) => {
                    self.discard(blob);
                    if input.delete.quiet != Some(true) {
                        deleted.push(api::DeletedObject {
                            key: Some(object.key.clone()),
                            version_id: object.version_id.clone(),
                            ..Default::default()
                        });
                    }
                }
                Err(fault) => errors.push(api::Error {
                    key: Some(object.key.clone()),
                    version_id: object.version_id.clone(),
                    code: Some(fault.code().to_owned()),
                    message: Some(fault.message().to_owned()),
                }),
            }
        }
        Ok(api::DeleteObjectsOutput { deleted: non_empty_list(deleted), errors: non_empty_list(errors), ..Default::default() })
    }
}

fn check_one(cx: &Cx, found: &BucketHandle, object: &api::ObjectIdentifier) -> Result<VersionSelector, Fault> {
    cx.check::<api::DeleteObjects>(&found.version_permission(cx, DELETE, &object.key, object.version_id.as_ref()))?;
    check_key(&object.key)?;
    match object.version_id.as_deref() {
        // AWS: here a malformed version id is a missing version (recorded).
        Some(version) if version != "null" => Err(faults::no_such_version(&object.key, version)),
        version => VersionSelector::of(version),
    }
}
