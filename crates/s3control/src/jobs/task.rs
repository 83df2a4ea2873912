//! One object of a job: the call of S3 that changes it, under the role of the job.

use super::{csv::Row, lambda, manifest::Access, rules::bucket_of};
use crate::api;
use cloudlet_api_s3 as s3;
use cloudlet_aws::{Fault, FaultKind, TimestampFormat};
use cloudlet_digest::{Algorithm, Digests};
use cloudlet_engine::{
    Cx,
    replication::{InitiateReplication, ReplicationInput},
};
use cloudlet_shape::{BodyContent, BodyError, Operation};
use futures_util::StreamExt;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

/// The largest object that a job copies.
const LARGEST_COPY: i64 = 5 << 30;

/// What became of one object.
#[derive(Clone, Debug)]
pub struct TaskResult {
    pub bucket: String,
    pub key: String,
    pub version_id: Option<String>,
    /// The text of the report, or why it failed.
    pub outcome: Result<String, Fault>,
}

async fn call<O: Operation>(cx: &Cx, access: &Access, input: O::Input) -> Result<O::Output, Fault> {
    cx.call::<O>(access.caller.clone(), access.scope.clone(), input).await
}

pub async fn perform(cx: &Cx, access: &Access, job: &str, operation: &api::JobOperation, row: Row) -> TaskResult {
    let outcome = match &operation.lambda_invoke {
        Some(function) => lambda::invoke(cx, access, job, function, &row).await,
        None => change(cx, access, operation, &row).await,
    };
    TaskResult { bucket: row.bucket, key: row.key, version_id: row.version_id, outcome }
}

fn tags(tags: &[api::S3Tag]) -> Vec<s3::Tag> {
    tags.iter().map(|tag| s3::Tag { key: tag.key.clone(), value: tag.value.clone() }).collect()
}

async fn change(cx: &Cx, access: &Access, operation: &api::JobOperation, row: &Row) -> Result<String, Fault> {
    let (bucket, key, version_id) = (row.bucket.clone(), row.key.clone(), row.version_id.clone());
    let done = |_| "Successful".to_owned();
    if let Some(copy) = &operation.s3_put_object_copy {
        return self::copy(cx, access, copy, row).await.map(done);
    }
    if let Some(acl) = &operation.s3_put_object_acl {
        let policy = acl.access_control_policy.clone().unwrap_or_default();
        let input = s3::PutObjectAclRequest {
            bucket,
            key,
            version_id,
            acl: policy.canned_access_control_list.clone(),
            access_control_policy: policy.access_control_list.map(acl_of),
            ..Default::default()
        };
        return call::<s3::PutObjectAcl>(cx, access, input).await.map(drop).map(done);
    }
    if let Some(tagging) = &operation.s3_put_object_tagging {
        let tagging = s3::Tagging { tag_set: tags(tagging.tag_set.as_deref().unwrap_or_default()) };
        let input = s3::PutObjectTaggingRequest { bucket, key, version_id, tagging, ..Default::default() };
        return call::<s3::PutObjectTagging>(cx, access, input).await.map(drop).map(done);
    }
    if operation.s3_delete_object_tagging.is_some() {
        let input = s3::DeleteObjectTaggingRequest { bucket, key, version_id, ..Default::default() };
        return call::<s3::DeleteObjectTagging>(cx, access, input).await.map(drop).map(done);
    }
    if let Some(restore) = &operation.s3_initiate_restore_object {
        let tier = restore.glacier_job_tier.clone().unwrap_or_else(|| "STANDARD".to_owned());
        let tier = if tier == "BULK" { "Bulk" } else { "Standard" };
        let request = s3::RestoreRequest {
            days: restore.expiration_in_days,
            glacier_job_parameters: Some(s3::GlacierJobParameters { tier: tier.to_owned() }),
            ..Default::default()
        };
        let input = s3::RestoreObjectRequest { bucket, key, version_id, restore_request: Some(request), ..Default::default() };
        return call::<s3::RestoreObject>(cx, access, input).await.map(drop).map(done);
    }
    if let Some(hold) = &operation.s3_put_object_legal_hold {
        let legal_hold = Some(s3::ObjectLockLegalHold { status: Some(hold.legal_hold.status.clone()) });
        let input = s3::PutObjectLegalHoldRequest { bucket, key, version_id, legal_hold, ..Default::default() };
        return call::<s3::PutObjectLegalHold>(cx, access, input).await.map(drop).map(done);
    }
    if let Some(retention) = &operation.s3_put_object_retention {
        let wanted = s3::ObjectLockRetention {
            mode: retention.retention.mode.clone(),
            retain_until_date: retention.retention.retain_until_date,
            ..Default::default()
        };
        let input = s3::PutObjectRetentionRequest {
            bucket,
            key,
            version_id,
            retention: Some(wanted),
            bypass_governance_retention: retention.bypass_governance_retention,
            ..Default::default()
        };
        return call::<s3::PutObjectRetention>(cx, access, input).await.map(drop).map(done);
    }
    if operation.s3_replicate_object.is_some() {
        let input = ReplicationInput { bucket, key, version_id };
        return call::<InitiateReplication>(cx, access, input).await.map(drop).map(done);
    }
    if let Some(checksum) = &operation.s3_compute_object_checksum {
        return self::checksum(cx, access, checksum, row).await;
    }
    if let Some(encryption) = &operation.s3_update_object_encryption {
        let kms = encryption.object_encryption.as_ref().and_then(|encryption| encryption.sse_kms.as_ref());
        let sse_kms = kms.map(|kms| s3::SSEKMSEncryption { kms_key_arn: kms.kms_key_arn.clone(), bucket_key_enabled: kms.bucket_key_enabled });
        let object_encryption = s3::ObjectEncryption { sse_kms };
        let input = s3::UpdateObjectEncryptionRequest { bucket, key, version_id, object_encryption, ..Default::default() };
        return call::<s3::UpdateObjectEncryption>(cx, access, input).await.map(drop).map(done);
    }
    Err(FaultKind::receiver("NotImplemented", 501).says("Cloudlet does not implement this operation of jobs yet."))
}

fn acl_of(list: api::S3AccessControlList) -> s3::AccessControlPolicy {
    let grantee = |grantee: api::S3Grantee| {
        let (kind, id) = (grantee.type_identifier.unwrap_or_default(), grantee.identifier);
        match kind.as_str() {
            "emailAddress" => s3::Grantee { r#type: "AmazonCustomerByEmail".to_owned(), email_address: id, ..Default::default() },
            "uri" => s3::Grantee { r#type: "Group".to_owned(), uri: id, ..Default::default() },
            _ => s3::Grantee { r#type: "CanonicalUser".to_owned(), id, ..Default::default() },
        }
    };
    let grants = list.grants.into_iter().flatten().map(|grant| s3::Grant { grantee: grant.grantee.map(grantee), permission: grant.permission });
    s3::AccessControlPolicy { owner: Some(s3::Owner { id: list.owner.id, display_name: list.owner.display_name }), grants: Some(grants.collect()) }
}

async fn copy(cx: &Cx, access: &Access, copy: &api::S3CopyObjectOperation, row: &Row) -> Result<(), Fault> {
    let target = bucket_of(copy.target_resource.as_deref().unwrap_or_default())?;
    let head = s3::HeadObjectRequest { bucket: row.bucket.clone(), key: row.key.clone(), version_id: row.version_id.clone(), ..Default::default() };
    let head = call::<s3::HeadObject>(cx, access, head).await?;
    if head.content_length.is_some_and(|length| length > LARGEST_COPY) {
        return Err(FaultKind::sender("InvalidRequest", 400).says("The object is larger than 5 GB, which a job does not copy."));
    }
    let escaped = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let version = row.version_id.as_ref().map(|version| format!("?versionId={version}")).unwrap_or_default();
    let metadata = copy.new_object_metadata.clone();
    let text = |pairs: &[api::S3Tag]| pairs.iter().map(|tag| format!("{}={}", escaped(&tag.key), escaped(&tag.value))).collect::<Vec<_>>().join("&");
    let directive = copy.metadata_directive.clone().or_else(|| metadata.as_ref().map(|_| "REPLACE".to_owned()));
    let metadata = metadata.unwrap_or_default();
    let kms_key = copy.sse_aws_kms_key_id.clone();
    let input = s3::CopyObjectRequest {
        bucket: target,
        key: format!("{}{}", copy.target_key_prefix.as_deref().unwrap_or_default(), row.key),
        copy_source: format!("{}/{}{version}", row.bucket, escaped(&row.key)),
        acl: copy.canned_access_control_list.clone(),
        metadata_directive: directive,
        cache_control: metadata.cache_control,
        content_disposition: metadata.content_disposition,
        content_encoding: metadata.content_encoding,
        content_language: metadata.content_language,
        content_type: metadata.content_type,
        expires: metadata.http_expires_date.map(|date| date.text(TimestampFormat::HttpDate)),
        metadata: metadata.user_metadata,
        server_side_encryption: metadata
            .sse_algorithm
            .map(|name| if name == "KMS" { "aws:kms".to_owned() } else { name })
            .or_else(|| kms_key.as_ref().map(|_| "aws:kms".to_owned())),
        sse_kms_key_id: kms_key,
        bucket_key_enabled: copy.bucket_key_enabled,
        tagging_directive: copy.new_object_tagging.as_ref().map(|_| "REPLACE".to_owned()),
        tagging: copy.new_object_tagging.as_deref().map(text),
        website_redirect_location: copy.redirect_location.clone(),
        storage_class: copy.storage_class.clone(),
        copy_source_if_modified_since: copy.modified_since_constraint,
        copy_source_if_unmodified_since: copy.un_modified_since_constraint,
        object_lock_legal_hold_status: copy.object_lock_legal_hold_status.clone(),
        object_lock_mode: copy.object_lock_mode.clone(),
        object_lock_retain_until_date: copy.object_lock_retain_until_date,
        checksum_algorithm: copy.checksum_algorithm.clone(),
        ..Default::default()
    };
    call::<s3::CopyObject>(cx, access, input).await.map(drop)
}

/// Reads the whole object, and answers its checksum for the report.
async fn checksum(cx: &Cx, access: &Access, wanted: &api::S3ComputeObjectChecksumOperation, row: &Row) -> Result<String, Fault> {
    let name = wanted.checksum_algorithm.as_deref().unwrap_or("CRC64NVME");
    let algorithm = Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name);
    let algorithm = algorithm.ok_or_else(|| FaultKind::sender("InvalidRequest", 400).says("The checksum algorithm is not supported."))?;
    if wanted.checksum_type.as_deref() == Some("COMPOSITE") {
        return Err(FaultKind::receiver("NotImplemented", 501).says("Cloudlet does not compute composite checksums of objects yet."));
    }
    let input = s3::GetObjectRequest { bucket: row.bucket.clone(), key: row.key.clone(), version_id: row.version_id.clone(), ..Default::default() };
    let output = call::<s3::GetObject>(cx, access, input).await?;
    let mut digests = Digests::new([algorithm]);
    match output.body.unwrap_or_default().take() {
        BodyContent::Whole(bytes) => digests.update(&bytes),
        BodyContent::Stream(mut stream) => {
            while let Some(piece) = stream.next().await {
                match piece {
                    Ok(piece) => digests.update(&piece),
                    Err(BodyError::Refused(fault)) => return Err(fault),
                    Err(BodyError::Broken(why)) => return Err(Fault::internal(why)),
                }
            }
        }
    }
    let sum = digests.finish().into_iter().next().ok_or_else(|| Fault::internal("no digest"))?;
    let etag = output.etag.unwrap_or_default();
    let result = json!({
        "checksum_base64": sum.base64().to_string(),
        "checksum_hex": sum.hex().to_string(),
        "etag": etag.trim_matches('"'),
        "checksumAlgorithm": name,
        "checksumType": "FULL_OBJECT",
    });
    Ok(result.to_string())
}
