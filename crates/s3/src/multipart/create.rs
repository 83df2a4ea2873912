//! CreateMultipartUpload and AbortMultipartUpload.

use super::{find_upload, parts_of, upload_key};
use crate::{
    S3,
    access::{self, Creates},
    acl::acl_headers,
    api, checksums,
    checksums::ChecksumType,
    encryption::{BucketKeyDefault, customer_key, describe_encryption},
    faults::{self, INVALID_REQUEST},
    limits,
    object_lock::lock_keys,
    objects::{CheckedWrite, write_keys, write_request},
    owners,
    state::MultipartUpload,
    tags,
};
use cloudlet_aws::Fault;
use cloudlet_digest::Algorithm;
use cloudlet_engine::{Cx, Handle, Permissions};
use std::sync::Arc;

/// The length of the random part of an upload id, which follows its sequence number.
const RANDOM_LENGTH: usize = 96;

/// Whether a text has the form of an upload id.
pub fn is_upload_id(text: &str) -> bool {
    text.len() == 16 + RANDOM_LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The checksum algorithm and type of an upload.
fn parse_checksum(algorithm: Option<&str>, checksum_type: Option<&str>) -> Result<Option<(Algorithm, ChecksumType)>, Fault> {
    let Some(algorithm) = algorithm.map(checksums::algorithm).transpose()? else {
        return match checksum_type {
            None => Ok(None),
            Some(_) => Err(INVALID_REQUEST.says("The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")),
        };
    };
    let checksum_type = match checksum_type {
        None => ChecksumType::default_of(algorithm),
        Some(checksum_type) => {
            ChecksumType::named(checksum_type).ok_or_else(|| INVALID_REQUEST.says("Value for x-amz-checksum-type header is invalid."))?
        }
    };
    let possible = match checksum_type {
        ChecksumType::FullObject => algorithm.combines(),
        ChecksumType::Composite => algorithm != Algorithm::Crc64Nvme,
    };
    if !possible {
        let (checksum_type, algorithm) = (checksum_type.name(), algorithm.name().to_ascii_lowercase());
        return Err(INVALID_REQUEST.says(format!("The {checksum_type} checksum type cannot be used with the {algorithm} checksum algorithm.")));
    }
    Ok(Some((algorithm, checksum_type)))
}

impl Handle<api::CreateMultipartUpload> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::CreateMultipartUploadRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.paid_by(cx, input.request_payer.as_ref())?;
        let mut permission = found.write_permission(cx, &input.key, Creates::Part);
        write_keys!(permission, input);
        if let Some(tagging) = &input.tagging {
            tags::set_request_tags(&mut permission.keys, &tags::of_header(Some(tagging)).unwrap_or_default());
        }
        let tags = input.tagging.is_some().then_some("s3:PutObjectTagging");
        let mut permissions = permission.and([tags, acl_headers!(input).permission()]);
        lock_keys!(cx, found, permissions, input);
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, mut input: api::CreateMultipartUploadRequest) -> Result<api::CreateMultipartUploadOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        limits::check_key(&input.key)?;
        let checksum = parse_checksum(input.checksum_algorithm.as_deref(), input.checksum_type.as_deref())?;
        let customer = customer_key!(input);
        let request = write_request!(input);
        let CheckedWrite { storage_class, properties, encryption } = request.check(cx, &found, &input.key, BucketKeyDefault::OfBucket)?;
        let encryption = self.seal(cx, &found, &input.key, encryption).await?.encryption;
        let mut output = api::CreateMultipartUploadOutput::default();
        output.sse_kms_encryption_context = describe_encryption!(output, encryption.as_deref(), &customer.parse(None)?);
        let sequence = self.next_sequence(cx.now);
        // The sequence number comes first: uploads of one key are listed in the order of their creation.
        let id = format!("{sequence:016x}{}", cx.ids().alphanumeric(RANDOM_LENGTH));
        let upload = MultipartUpload {
            sequence,
            initiated: cx.now.whole_secs(),
            initiator: owners::initiator(&cx.caller, found.bucket.owner),
            storage_class,
            checksum,
            encryption,
            object_was_deleted: false,
            properties,
        };
        let key = upload_key(&input.key, &id);
        found.tables.update(|tables| tables.multipart_uploads.insert(key, Arc::new(upload))).ok_or_else(access::gone(&input.bucket))?;
        let abort = found.abort_of_upload(&input.key, cx.now.whole_secs());
        Ok(api::CreateMultipartUploadOutput {
            bucket: Some(input.bucket.clone()),
            key: Some(input.key.clone()),
            upload_id: Some(id),
            checksum_algorithm: checksum.map(|(algorithm, _)| algorithm.name().to_owned()),
            checksum_type: checksum.map(|(_, checksum_type)| checksum_type.name().to_owned()),
            abort_date: abort.map(|(at, _)| at),
            abort_rule_id: abort.map(|(_, rule)| rule.to_owned()),
            ..output
        })
    }
}

impl Handle<api::AbortMultipartUpload> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::AbortMultipartUploadRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.paid_by(cx, input.request_payer.as_ref())?;
        Ok(found.object_permission(cx, "s3:AbortMultipartUpload", &input.key).into())
    }

    async fn handle(&self, cx: &Cx, input: api::AbortMultipartUploadRequest) -> Result<api::AbortMultipartUploadOutput, Fault> {
        if input.if_match_initiated_time.is_some() {
            return Err(faults::not_implemented("x-amz-if-match-initiated-time"));
        }
        let found = self.find(cx, &input.bucket, None)?;
        let aborted = found.tables.write(|tables| -> Result<_, Fault> {
            find_upload(tables, &input.key, &input.upload_id)?;
            tables.multipart_uploads.remove(&upload_key(&input.key, &input.upload_id));
            Ok(remove_parts(tables, &input.upload_id))
        });
        self.discard(aborted.ok_or_else(access::gone(&input.bucket))??);
        Ok(api::AbortMultipartUploadOutput::default())
    }
}

/// Removes the rows of all parts of an upload and returns their bodies.
pub fn remove_parts(tables: &mut crate::state::BucketTables, id: &str) -> Vec<cloudlet_store::Blob> {
    let keys: Vec<_> = tables.parts.range(parts_of(id)).map(|(key, _)| key.clone()).collect();
    keys.iter().filter_map(|key| tables.parts.remove(key)).map(|part| part.blob.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_pairs_of_algorithm_and_type_that_aws_accepts_are_accepted() {
        let of = |algorithm, checksum_type| parse_checksum(algorithm, checksum_type).map_err(|fault| fault.message().to_owned());
        assert_eq!(of(None, None), Ok(None));
        assert_eq!(of(Some("CRC32"), None), Ok(Some((Algorithm::Crc32, ChecksumType::Composite))));
        assert_eq!(of(Some("SHA256"), None), Ok(Some((Algorithm::Sha256, ChecksumType::Composite))));
        assert_eq!(of(Some("CRC64NVME"), None), Ok(Some((Algorithm::Crc64Nvme, ChecksumType::FullObject))));
        assert_eq!(of(Some("CRC32C"), Some("FULL_OBJECT")), Ok(Some((Algorithm::Crc32c, ChecksumType::FullObject))));
        assert_eq!(
            of(Some("CRC64NVME"), Some("COMPOSITE")).unwrap_err(),
            "The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm."
        );
        assert_eq!(
            of(Some("SHA1"), Some("FULL_OBJECT")).unwrap_err(),
            "The FULL_OBJECT checksum type cannot be used with the sha1 checksum algorithm."
        );
        assert_eq!(
            of(None, Some("COMPOSITE")).unwrap_err(),
            "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
        );
        assert!(of(Some("CRC16"), None).unwrap_err().starts_with("Checksum algorithm provided is unsupported."));
    }
}
