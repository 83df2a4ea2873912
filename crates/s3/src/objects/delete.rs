//! DeleteObject and DeleteObjects.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeletingObjects.html>

use crate::{
    S3,
    access::BucketHandle,
    api,
    changes::ToDelete,
    faults,
    limits::{MAX_DELETE, check_key},
    lists::non_empty_list,
    logging::DELETED,
    state::{MfaDelete, Versioning},
    versions::{Deletion, SecondFactor, VersionSelector, id_text},
};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions};

const DELETE: [&str; 2] = ["s3:DeleteObject", "s3:DeleteObjectVersion"];

impl Handle<api::DeleteObject> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::DeleteObjectRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.paid_by(cx, input.request_payer.as_ref())?;
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
        // AWS: a version is deleted without conditions.
        if input.if_match.is_some() && input.version_id.is_some() {
            return Err(faults::not_implemented("If-Match"));
        }
        let selector = VersionSelector::of(input.version_id.as_deref())?;
        check_key(&input.key)?;
        let found = self.find(cx, &input.bucket, None)?;
        check_bypass(&found, input.bypass_governance_retention)?;
        check_selector(&found, &input.key, selector)?;
        let bypass = S3::bypass::<api::DeleteObject>(cx, &found, &input.key, input.bypass_governance_retention);
        let second_factor = self.mfa_delete(cx, &found, input.mfa.as_deref())?;
        let one = ToDelete { key: &input.key, selector, if_match: input.if_match.as_deref(), second_factor, bypass };
        let outcome = self.delete_versions(cx, &found, vec![Ok(one)])?.pop();
        let deletion = outcome.unwrap_or_else(|| Err(Fault::internal("a deletion without an outcome")))?;
        let mut output = api::DeleteObjectOutput { version_id: input.version_id, ..Default::default() };
        match deletion {
            Deletion::MarkerMade { marker, .. } => {
                output.delete_marker = Some(true);
                output.version_id = Some(id_text(marker.version_id));
            }
            Deletion::Version(version) if version.object().is_none() => output.delete_marker = Some(true),
            Deletion::Version(_) | Deletion::Nothing => {}
        }
        Ok(output)
    }
}

/// AWS: a bucket that was never versioned knows no version id but `null`, and a key none of another key (both recorded). An id whose version
/// is gone is no error.
fn check_selector(found: &BucketHandle, key: &str, selector: VersionSelector) -> Result<(), Fault> {
    match selector {
        VersionSelector::Id(id) if found.bucket.versioning == Versioning::Unversioned || !id.is_of(key) => {
            Err(faults::invalid_version_id(&id.to_string()))
        }
        _ => Ok(()),
    }
}

/// AWS: recorded.
fn check_bypass(found: &BucketHandle, header: Option<bool>) -> Result<(), Fault> {
    if header.is_none() || found.bucket.object_lock.is_some() {
        return Ok(());
    }
    Err(faults::INVALID_ARGUMENT
        .says("x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.")
        .with("ArgumentName", "x-amz-bypass-governance-retention"))
}

impl Handle<api::DeleteObjects> for S3 {
    /// None for the call: each key is decided by itself.
    fn permissions(&self, cx: &Cx, input: &api::DeleteObjectsRequest) -> Result<Permissions, Fault> {
        self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.paid_by(cx, input.request_payer.as_ref())?;
        Ok(Permissions::new())
    }

    fn check_document(&self, input: &api::DeleteObjectsRequest) -> Result<(), Fault> {
        let objects = &input.delete.objects;
        // AWS: the conditions of directory buckets are not in the schema of general purpose buckets.
        let is_malformed = |object: &api::ObjectIdentifier| object.last_modified_time.is_some() || object.size.is_some();
        if objects.is_empty() || objects.len() > MAX_DELETE || objects.iter().any(is_malformed) {
            return Err(faults::malformed_xml());
        }
        if objects.iter().any(|object| object.key.is_empty()) {
            return Err(faults::user_key_must_be_specified());
        }
        Ok(())
    }

    async fn handle(&self, cx: &Cx, input: api::DeleteObjectsRequest) -> Result<api::DeleteObjectsOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        Handle::<api::DeleteObjects>::check_document(self, &input)?;
        check_bypass(&found, input.bypass_governance_retention)?;
        let objects = &input.delete.objects;
        let second_factor = self.mfa_delete(cx, &found, input.mfa.as_deref())?;
        let each = objects.iter().map(|object| check_one(cx, &found, object, second_factor, input.bypass_governance_retention)).collect();
        let outcomes = self.delete_versions(cx, &found, each)?;
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        let is_logged = found.bucket.background.logging.is_some();
        for (object, outcome) in objects.iter().zip(outcomes) {
            if is_logged {
                let (status, code) = outcome.as_ref().map_or_else(|fault| (fault.status(), fault.code()), |_| (204, "-"));
                let version = object.version_id.as_deref().filter(|version| !version.is_empty()).unwrap_or("-");
                cx.reply.note(DELETED, format!("{status} {code} {version} {}", object.key));
            }
            match outcome {
                Ok(_) if input.delete.quiet == Some(true) => {}
                Ok(deletion) => deleted.push(deleted_object(object, &deletion)),
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

impl S3 {
    /// The header is read only where the bucket has MFA delete.
    fn mfa_delete(&self, cx: &Cx, found: &BucketHandle, header: Option<&str>) -> Result<SecondFactor, Fault> {
        match found.bucket.mfa_delete {
            MfaDelete::Enabled => self.second_factor(cx, found, header),
            MfaDelete::Disabled | MfaDelete::Unset => Ok(SecondFactor::Missing),
        }
    }
}

fn deleted_object(object: &api::ObjectIdentifier, deletion: &Deletion) -> api::DeletedObject {
    let marker = match deletion {
        Deletion::MarkerMade { marker, .. } => Some(id_text(marker.version_id)),
        Deletion::Version(version) if version.object().is_none() => Some(id_text(version.id())),
        Deletion::Version(_) | Deletion::Nothing => None,
    };
    api::DeletedObject {
        key: Some(object.key.clone()),
        version_id: object.version_id.clone(),
        delete_marker: marker.is_some().then_some(true),
        delete_marker_version_id: marker,
    }
}

fn check_one<'a>(
    cx: &Cx,
    found: &BucketHandle,
    object: &'a api::ObjectIdentifier,
    second_factor: SecondFactor,
    bypass: Option<bool>,
) -> Result<ToDelete<'a>, Fault> {
    cx.check::<api::DeleteObjects>(&found.version_permission(cx, DELETE, &object.key, object.version_id.as_ref()))?;
    check_key(&object.key)?;
    // AWS: here a malformed version id is a missing version (recorded).
    let unknown = |version: &str| faults::no_such_version(&object.key, version);
    let selector = match object.version_id.as_deref() {
        None => VersionSelector::Current,
        Some(version) => VersionSelector::of(Some(version)).map_err(|_| unknown(version))?,
    };
    match object.version_id.as_deref() {
        Some(version) if check_selector(found, &object.key, selector).is_err() => return Err(unknown(version)),
        Some(_) if object.etag.is_some() => return Err(faults::not_implemented("If-Match")),
        _ => {}
    }
    let bypass = S3::bypass::<api::DeleteObjects>(cx, found, &object.key, bypass);
    Ok(ToDelete { key: &object.key, selector, if_match: object.etag.as_deref(), second_factor, bypass })
}
