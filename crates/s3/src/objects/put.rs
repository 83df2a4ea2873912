//! PutObject: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>

use super::{CheckedWrite, set_write_keys, write_keys, write_request};
use crate::{
    S3,
    access::Creates,
    acl::acl_headers,
    api,
    changes::CreatedBy,
    checksums::{Checksum, ContentMd5, DEFAULT, ExpectedChecksum, HasChecksumType},
    conditions::WriteCondition,
    encryption::{BucketKeyDefault, customer_key, describe_encryption},
    faults, limits,
    object_lock::{lock_headers, lock_keys},
    state::Object,
    tags,
    versions::{VersionSelector, created_id, current_etag},
};
use cloudlet_aws::{Fault, Identity};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_store::Blob;

impl Handle<api::PutObject> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::PutObjectRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.paid_by(cx, input.request_payer.as_ref())?;
        let mut permission = found.write_permission(cx, &input.key, Creates::Object);
        write_keys!(permission, input);
        set_write_keys(&mut permission.keys, &[("s3:if-match", input.if_match.as_ref()), ("s3:if-none-match", input.if_none_match.as_ref())]);
        if let Some(tagging) = &input.tagging {
            tags::set_request_tags(&mut permission.keys, &tags::of_header(Some(tagging)).unwrap_or_default());
        }
        let tags = input.tagging.is_some().then_some("s3:PutObjectTagging");
        // AWS: services that write with `bucket-owner-full-control` need s3:PutObject alone, as the policies that it documents for them show.
        let is_service = matches!(cx.caller.identity, Identity::Service { .. });
        let mut permissions = permission.and([tags, acl_headers!(input).permission().filter(|_| !is_service)]);
        lock_keys!(cx, found, permissions, input);
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
        if let Some(name) = input.checksum_algorithm.as_ref().filter(|name| !name.is_empty()) {
            crate::checksums::algorithm(name)?;
        }
        let expected = ExpectedChecksum::of(&mut input, body.as_ref())?;
        let has_digest = input.content_md5.is_some() || expected.algorithm().is_some();
        let lock = lock_headers!(input);
        let customer = customer_key!(input);
        let request = write_request!(input);
        let CheckedWrite { storage_class, properties, encryption } = request.check(cx, &found, &input.key, BucketKeyDefault::OfBucket)?;
        lock.check_digest(&found.bucket, has_digest)?;
        let sealing = self.seal(cx, &found, &input.key, encryption).await?;
        let algorithm = expected.algorithm().unwrap_or(DEFAULT);

        let stored = self.store(cx, body.as_ref(), &[algorithm], limits::MAX_UPLOAD, sealing.cipher.as_ref()).await?;
        content_md5.verify(&stored.md5)?;
        let sum = stored.checksum(algorithm).ok_or_else(|| Fault::internal("a body without its checksum"))?;
        expected.verify(&sum, body.as_ref())?;

        let checksum = Checksum::full(sum);
        let etag = sealing.etag(cx, &stored.md5);
        let mut output = api::PutObjectOutput { etag: Some(etag.quoted()), ..Default::default() };
        let customer = customer.parse(None)?;
        output.sse_kms_encryption_context = describe_encryption!(output, sealing.encryption.as_deref(), &customer);
        output.set_checksum(&checksum);
        let object = Object {
            sequence: 0,
            version_id: None,
            last_modified: cx.now,
            etag,
            blob: stored.pending.blob().clone(),
            storage_class,
            checksum: Some(Box::new(checksum)),
            encryption: sealing.encryption,
            properties: properties.boxed(),
        };
        let object = self.create_object(cx, &found, &input.key, CreatedBy::Put, |tables| {
            if !condition.is_none() {
                condition.check(&input.key, current_etag(tables, &input.key).as_deref())?;
            }
            Ok(object)
        })?;
        stored.pending.commit();
        output.version_id = created_id(&object);
        output.expiration = found.expiration(VersionSelector::Current, &input.key, &object);
        Ok(output)
    }
}

impl S3 {
    /// Deletes bodies that no row names any more. Readers that have begun go on.
    pub(crate) fn discard(&self, blobs: impl IntoIterator<Item = Blob>) {
        for blob in blobs {
            self.blobs.delete(&blob);
        }
    }
}
