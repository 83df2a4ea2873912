//! PutObject: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>

use super::{ENCRYPTION, set_write_keys, write_request};
use crate::{
    S3, access, api,
    checksums::{Checksum, Claim, ContentMd5, DEFAULT, ShowsChecksum},
    conditions::WriteCondition,
    etags::ETag,
    faults, keys,
    keys::Which,
    limits,
    state::{Contents, Object, Slot},
    tags,
};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_store::Blob;
use std::sync::Arc;

impl Handle<api::PutObject> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::PutObjectRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?;
        let mut permission = found.permission_on(cx, "s3:PutObject", &input.key);
        set_write_keys(
            &mut permission.keys,
            &[
                ("s3:x-amz-acl", input.acl.as_ref()),
                ("s3:x-amz-storage-class", input.storage_class.as_ref()),
                ("s3:x-amz-server-side-encryption", input.server_side_encryption.as_ref()),
                ("s3:x-amz-server-side-encryption-aws-kms-key-id", input.sse_kms_key_id.as_ref()),
                ("s3:x-amz-server-side-encryption-customer-algorithm", input.sse_customer_algorithm.as_ref()),
                ("s3:x-amz-website-redirect-location", input.website_redirect_location.as_ref()),
                ("s3:x-amz-grant-full-control", input.grant_full_control.as_ref()),
                ("s3:x-amz-grant-read", input.grant_read.as_ref()),
                ("s3:x-amz-grant-read-acp", input.grant_read_acp.as_ref()),
                ("s3:x-amz-grant-write-acp", input.grant_write_acp.as_ref()),
                ("s3:if-match", input.if_match.as_ref()),
                ("s3:if-none-match", input.if_none_match.as_ref()),
            ],
        );
        let mut permissions = Permissions::new();
        if let Some(tagging) = &input.tagging {
            tags::set_request_tags(&mut permission.keys, &tags::of_header(Some(tagging)).unwrap_or_default());
            permissions.push(found.permission_on(cx, "s3:PutObjectTagging", &input.key));
        }
        if input.acl.is_some() {
            permissions.push(found.permission_on(cx, "s3:PutObjectAcl", &input.key));
        }
        permissions.insert(0, permission);
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, mut input: api::PutObjectRequest) -> Result<api::PutObjectOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        limits::check_key(&input.key)?;
        if input.write_offset_bytes.is_some() {
            return Err(faults::not_implemented("x-amz-write-offset-bytes"));
        }
        let condition = WriteCondition::of(input.if_match.as_deref(), input.if_none_match.as_deref())?;
        let body = input.body.take();
        let content_md5 = ContentMd5::of(input.content_md5.as_deref())?;
        if let Some(name) = &input.checksum_algorithm {
            crate::checksums::algorithm(name)?;
        }
        let claim = Claim::of(&mut input, body.as_ref())?;
        let (class, more) = write_request!(input).check(&found.bucket)?;
        let algorithm = claim.algorithm().unwrap_or(DEFAULT);

        let stored = self.store(cx, body.as_ref(), &[algorithm], limits::MAX_UPLOAD).await?;
        content_md5.verify(&stored.md5)?;
        let sum = stored.sum(algorithm).ok_or_else(|| Fault::internal("a body without its checksum"))?;
        claim.verify(&sum, body.as_ref())?;

        let checksum = Checksum::full(sum);
        let etag = ETag::of(&stored.md5);
        let mut output =
            api::PutObjectOutput { etag: Some(etag.quoted()), server_side_encryption: Some(ENCRYPTION.to_owned()), ..Default::default() };
        output.show_checksum(&checksum);
        let object = Object {
            order: 0,
            modified: cx.now,
            etag,
            blob: stored.fresh.blob().clone(),
            class,
            checksum: Some(Box::new(checksum)),
            more: more.boxed(),
        };
        let written = found.contents.write(|contents| -> Result<_, Fault> {
            if !condition.is_none() {
                condition.check(&input.key, current(contents, &input.key).as_deref())?;
            }
            Ok(write(self, cx, contents, &input.key, object))
        });
        let replaced = written.ok_or_else(access::gone(&input.bucket))??;
        stored.fresh.commit();
        self.discard(replaced);
        self.synced().await?;
        Ok(output)
    }
}

/// The entity tag of the current object, for a condition.
pub fn current(contents: &Contents, key: &str) -> Option<String> {
    keys::get(contents, key, Which::Current).map(|object| object.etag.to_string())
}

/// Puts an object into its place. What stood there has no row any more, and its body is returned.
pub fn write(s3: &S3, cx: &Cx, contents: &mut Contents, key: &str, mut object: Object) -> Option<Blob> {
    object.order = s3.next_order(cx.now);
    object.modified = object.modified.whole_secs();
    let slot = Slot::of(key);
    let replaced = contents.objects.get(&slot).map(|object| object.blob.clone());
    contents.objects.insert(slot, Arc::new(object));
    replaced
}

impl S3 {
    /// Forgets bodies whose rows are gone. Readers that have begun go on.
    pub(crate) fn discard(&self, blobs: impl IntoIterator<Item = Blob>) {
        for blob in blobs {
            self.blobs.delete(&blob);
        }
    }
}
