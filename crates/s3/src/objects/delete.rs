//! DeleteObject and DeleteObjects.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeletingObjects.html>

use crate::{
    S3,
    access::{self, Found},
    api,
    conditions::bare,
    faults, keys,
    keys::Which,
    limits::{MAX_DELETE, check_key},
    state::Contents,
};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_store::Blob;

const DELETE: [&str; 2] = ["s3:DeleteObject", "s3:DeleteObjectVersion"];

/// Removes an object's row. What is not there is deleted already.
fn remove(contents: &mut Contents, key: &str, which: Which, if_match: Option<&str>) -> Result<Option<Blob>, Fault> {
    let entry = keys::entry(contents, key, which);
    match (if_match.map(bare), &entry) {
        (Some("*"), Some(_)) | (None, _) => {}
        (Some(etag), Some((_, object))) if object.etag.is(etag) => {}
        (Some(_), Some(_)) => return Err(faults::precondition_failed("If-Match")),
        (Some(_), None) => return Err(faults::no_such_key(key)),
    }
    Ok(entry.and_then(|(slot, _)| contents.objects.remove(&slot)).map(|object| object.blob.clone()))
}

impl Handle<api::DeleteObject> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::DeleteObjectRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?;
        Ok(found.ask_version(cx, DELETE, &input.key, input.version_id.as_ref()).into())
    }

    async fn handle(&self, cx: &Cx, input: api::DeleteObjectRequest) -> Result<api::DeleteObjectOutput, Fault> {
        // These are for directory buckets.
        if input.if_match_last_modified_time.is_some() {
            return Err(faults::not_implemented("x-amz-if-match-last-modified-time"));
        }
        if input.if_match_size.is_some() {
            return Err(faults::not_implemented("x-amz-if-match-size"));
        }
        if input.bypass_governance_retention == Some(true) {
            return Err(bypass());
        }
        let which = Which::of(input.version_id.as_deref())?;
        check_key(&input.key)?;
        let found = self.find(cx, &input.bucket, None)?;
        let removed = found.contents.write(|contents| remove(contents, &input.key, which, input.if_match.as_deref()));
        self.discard(removed.ok_or_else(access::gone(&input.bucket))??);
        self.synced().await?;
        Ok(api::DeleteObjectOutput { version_id: input.version_id, ..Default::default() })
    }
}

/// No bucket has Object Lock yet.
fn bypass() -> Fault {
    faults::INVALID_ARGUMENT
        .says("x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.")
        .with("ArgumentName", "x-amz-bypass-governance-retention")
}

impl Handle<api::DeleteObjects> for S3 {
    /// DecisionRecord key by key: who may delete some of them deletes those.
    fn permissions(&self, cx: &Cx, input: &api::DeleteObjectsRequest) -> Result<Permissions, Fault> {
        self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?;
        Ok(Permissions::new())
    }

    async fn handle(&self, cx: &Cx, input: api::DeleteObjectsRequest) -> Result<api::DeleteObjectsOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        if input.bypass_governance_retention == Some(true) {
            return Err(bypass());
        }
        let objects = &input.delete.objects;
        if objects.is_empty() || objects.len() > MAX_DELETE || objects.iter().any(|object| object.key.is_empty()) {
            return Err(faults::malformed_xml());
        }
        let verdicts: Vec<Result<Which, Fault>> = objects.iter().map(|object| judge(cx, &found, object)).collect();
        let outcome = found.contents.write(|contents| -> Result<Vec<Result<Option<Blob>, Fault>>, Fault> {
            let each = objects.iter().zip(verdicts);
            Ok(each.map(|(object, which)| remove(contents, &object.key, which?, object.etag.as_deref())).collect())
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
        self.synced().await?;
        let present = |empty: bool| !empty;
        Ok(api::DeleteObjectsOutput {
            deleted: present(deleted.is_empty()).then_some(deleted),
            errors: present(errors.is_empty()).then_some(errors),
            ..Default::default()
        })
    }
}

fn judge(cx: &Cx, found: &Found, object: &api::ObjectIdentifier) -> Result<Which, Fault> {
    cx.check::<api::DeleteObjects>(&found.ask_version(cx, DELETE, &object.key, object.version_id.as_ref()))?;
    if object.last_modified_time.is_some() || object.size.is_some() {
        return Err(faults::not_implemented("LastModifiedTime"));
    }
    check_key(&object.key)?;
    match object.version_id.as_deref() {
        // AWS: among many, a version that cannot be is one that is not (recorded).
        Some(version) if version != "null" => Err(faults::no_such_version(&object.key, version)),
        version => Which::of(version),
    }
}
