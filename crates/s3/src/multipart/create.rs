//! Beginning an upload, and giving it up.

use super::{find_upload, parts_of, upload_key};
use crate::{
    S3, access, api, checksums,
    checksums::Kind,
    faults::{self, INVALID_REQUEST},
    limits,
    objects::{ENCRYPTION, set_write_keys, write_request},
    owners,
    state::Upload,
    tags,
};
use cloudlet_aws::Fault;
use cloudlet_digest::Algorithm;
use cloudlet_engine::{Cx, Handle, Permissions};
use std::sync::Arc;

/// Letters and digits of an upload id behind its order.
const RANDOM: usize = 96;

/// Whether a text can be the id of an upload, of whichever time.
pub fn is_upload_id(text: &str) -> bool {
    text.len() == 16 + RANDOM && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Which checksums parts and object will have.
fn checksum(algorithm: Option<&str>, kind: Option<&str>) -> Result<Option<(Algorithm, Kind)>, Fault> {
    let Some(algorithm) = algorithm.map(checksums::algorithm).transpose()? else {
        return match kind {
            None => Ok(None),
            Some(_) => Err(INVALID_REQUEST.says("The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")),
        };
    };
    let kind = match kind {
        None => Kind::of_upload(algorithm),
        Some(kind) => Kind::named(kind).ok_or_else(|| INVALID_REQUEST.says("Value for x-amz-checksum-type header is invalid."))?,
    };
    let possible = match kind {
        Kind::FullObject => algorithm.combines(),
        Kind::Composite => algorithm != Algorithm::Crc64Nvme,
    };
    if !possible {
        let (kind, algorithm) = (kind.name(), algorithm.name().to_ascii_lowercase());
        return Err(INVALID_REQUEST.says(format!("The {kind} checksum type cannot be used with the {algorithm} checksum algorithm.")));
    }
    Ok(Some((algorithm, kind)))
}

impl Handle<api::CreateMultipartUpload> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::CreateMultipartUploadRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?;
        let mut permission = found.permission_on(cx, "s3:PutObject", &input.key);
        set_write_keys(
            &mut permission.keys,
            &[
                ("s3:x-amz-acl", input.acl.as_ref()),
                ("s3:x-amz-storage-class", input.storage_class.as_ref()),
                ("s3:x-amz-server-side-encryption", input.server_side_encryption.as_ref()),
                ("s3:x-amz-server-side-encryption-aws-kms-key-id", input.sse_kms_key_id.as_ref()),
                ("s3:x-amz-grant-full-control", input.grant_full_control.as_ref()),
            ],
        );
        if let Some(tagging) = &input.tagging {
            tags::set_request_tags(&mut permission.keys, &tags::of_header(Some(tagging)).unwrap_or_default());
        }
        let mut permissions: Permissions = permission.into();
        if input.tagging.is_some() {
            permissions.push(found.permission_on(cx, "s3:PutObjectTagging", &input.key));
        }
        if input.acl.is_some() {
            permissions.push(found.permission_on(cx, "s3:PutObjectAcl", &input.key));
        }
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, mut input: api::CreateMultipartUploadRequest) -> Result<api::CreateMultipartUploadOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        limits::check_key(&input.key)?;
        let checksum = checksum(input.checksum_algorithm.as_deref(), input.checksum_type.as_deref())?;
        let (class, more) = write_request!(input).check(&found.bucket)?;
        let order = self.next_order(cx.now);
        // The order comes first, so that uploads of one key are listed as they began.
        let id = format!("{order:016x}{}", cx.ids().alphanumeric(RANDOM));
        let upload =
            Upload { order, initiated: cx.now.whole_secs(), initiator: owners::initiator(&cx.caller, found.bucket.owner), class, checksum, more };
        let key = upload_key(&input.key, &id);
        found.contents.update(|contents| contents.uploads.insert(key, Arc::new(upload))).ok_or_else(access::gone(&input.bucket))?;
        self.synced().await?;
        Ok(api::CreateMultipartUploadOutput {
            bucket: Some(input.bucket.clone()),
            key: Some(input.key.clone()),
            upload_id: Some(id),
            server_side_encryption: Some(ENCRYPTION.to_owned()),
            checksum_algorithm: checksum.map(|(algorithm, _)| algorithm.name().to_owned()),
            checksum_type: checksum.map(|(_, kind)| kind.name().to_owned()),
            ..Default::default()
        })
    }
}

impl Handle<api::AbortMultipartUpload> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::AbortMultipartUploadRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?;
        Ok(found.permission_on(cx, "s3:AbortMultipartUpload", &input.key).into())
    }

    async fn handle(&self, cx: &Cx, input: api::AbortMultipartUploadRequest) -> Result<api::AbortMultipartUploadOutput, Fault> {
        if input.if_match_initiated_time.is_some() {
            return Err(faults::not_implemented("x-amz-if-match-initiated-time"));
        }
        let found = self.find(cx, &input.bucket, None)?;
        let aborted = found.contents.write(|contents| -> Result<_, Fault> {
            find_upload(contents, &input.key, &input.upload_id)?;
            contents.uploads.remove(&upload_key(&input.key, &input.upload_id));
            Ok(remove_parts(contents, &input.upload_id))
        });
        self.discard(aborted.ok_or_else(access::gone(&input.bucket))??);
        self.synced().await?;
        Ok(api::AbortMultipartUploadOutput::default())
    }
}

/// Removes the rows of all parts, and returns their bodies.
pub fn remove_parts(contents: &mut crate::state::Contents, id: &str) -> Vec<cloudlet_store::Blob> {
    let keys: Vec<_> = contents.parts.range(parts_of(id)).map(|(key, _)| key.clone()).collect();
    keys.iter().filter_map(|key| contents.parts.remove(key)).map(|part| part.blob.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithms_and_kinds_go_together_as_aws_lets_them() {
        let of = |algorithm, kind| checksum(algorithm, kind).map_err(|fault| fault.message().to_owned());
        assert_eq!(of(None, None), Ok(None));
        assert_eq!(of(Some("CRC32"), None), Ok(Some((Algorithm::Crc32, Kind::Composite))));
        assert_eq!(of(Some("SHA256"), None), Ok(Some((Algorithm::Sha256, Kind::Composite))));
        assert_eq!(of(Some("CRC64NVME"), None), Ok(Some((Algorithm::Crc64Nvme, Kind::FullObject))));
        assert_eq!(of(Some("CRC32C"), Some("FULL_OBJECT")), Ok(Some((Algorithm::Crc32c, Kind::FullObject))));
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
