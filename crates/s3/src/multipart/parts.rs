//! UploadPart and UploadPartCopy.

use super::{check_part_number, find_upload};
use crate::{
    S3,
    access::{self, BucketHandle, Creates},
    api,
    bodies::StoredBody,
    checksums::{ChecksumType, ContentMd5, DEFAULT, ExpectedChecksum, HasChecksums},
    encryption::{Sealing, customer_key, describe_encryption, source_customer_key},
    faults::INVALID_REQUEST,
    limits, object_lock,
    objects::{GET, source_conditions, source_of},
    ranges,
    state::{MultipartUpload, Part, PartKey},
};
use cloudlet_aws::Fault;
use cloudlet_digest::{Algorithm, Sum};
use cloudlet_engine::{Cx, Handle, Permissions};
use std::sync::Arc;

/// The checksums to compute beside MD5: of the request, of the upload, and for the checksum of the object.
fn algorithms(upload: &MultipartUpload, requested: Option<Algorithm>) -> Vec<Algorithm> {
    match upload.checksum {
        Some((algorithm, _)) => vec![algorithm],
        None => [DEFAULT].into_iter().chain(requested).collect(),
    }
}

/// The parts of an upload that named an algorithm must have checksums of that algorithm.
fn check_algorithm(upload: &MultipartUpload, requested: Option<Algorithm>) -> Result<(), Fault> {
    let name = |algorithm: Option<Algorithm>| algorithm.map_or_else(|| "null".to_owned(), |algorithm| algorithm.name().to_ascii_lowercase());
    match (upload.checksum, requested) {
        (None, _) | (Some((_, ChecksumType::FullObject)), None) => Ok(()),
        (Some((algorithm, _)), Some(requested)) if algorithm == requested => Ok(()),
        (Some((algorithm, _)), requested) => Err(INVALID_REQUEST.says(format!(
            "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
            name(Some(algorithm)),
            name(requested)
        ))),
    }
}

fn part_of(cx: &Cx, upload: &MultipartUpload, stored: &StoredBody, sealing: &Sealing) -> Part {
    Part {
        last_modified: cx.now.whole_secs(),
        etag: sealing.etag(cx, &stored.md5),
        blob: stored.pending.blob().clone(),
        checksum: upload.checksum.and_then(|(algorithm, _)| stored.checksum(algorithm)),
        crc64nvme: if upload.checksum.is_none() { stored.checksum(DEFAULT) } else { None },
        salt: sealing.salt(),
    }
}

impl S3 {
    /// Adds or replaces a part, unless the upload has ended meanwhile.
    async fn add_part(
        &self,
        found: &BucketHandle,
        key: &str,
        upload_id: &str,
        part_number: i32,
        part: Part,
        stored: StoredBody,
    ) -> Result<(), Fault> {
        let row_key = PartKey { upload_id: upload_id.into(), part_number };
        let written = found.tables.write(|tables| -> Result<_, Fault> {
            find_upload(tables, key, upload_id)?;
            let replaced = tables.parts.get(&row_key).map(|part| part.blob.clone());
            tables.parts.insert(row_key, Arc::new(part));
            Ok(replaced)
        });
        let replaced = written.ok_or_else(access::gone(&found.name))??;
        stored.pending.commit();
        self.discard(replaced);
        Ok(())
    }

    fn upload(&self, found: &BucketHandle, key: &str, upload_id: &str) -> Result<Arc<MultipartUpload>, Fault> {
        found.tables.read(|tables| find_upload(tables, key, upload_id)).ok_or_else(access::gone(&found.name))?
    }
}

impl Handle<api::UploadPart> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::UploadPartRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.paid_by(cx, input.request_payer.as_ref())?;
        Ok(found.write_permission(cx, &input.key, Creates::Part).into())
    }

    async fn handle(&self, cx: &Cx, mut input: api::UploadPartRequest) -> Result<api::UploadPartOutput, Fault> {
        check_part_number(input.part_number)?;
        let found = self.find(cx, &input.bucket, None)?;
        let upload = self.upload(&found, &input.key, &input.upload_id)?;
        let customer = customer_key!(input).check_part(upload.encryption.as_deref())?;
        let body = input.body.take();
        let content_md5 = ContentMd5::of(input.content_md5.as_deref())?;
        let expected = ExpectedChecksum::of(&mut input, body.as_ref())?;
        check_algorithm(&upload, expected.algorithm())?;
        let has_digest = input.content_md5.is_some() || expected.algorithm().is_some();
        object_lock::check_part_digest(&found.bucket, upload.properties.lock.as_deref(), has_digest)?;

        let sealing = self.seal_part(cx, &found, &input.key, upload.encryption.as_deref(), customer.as_ref()).await?;
        let algorithms = algorithms(&upload, expected.algorithm());
        let stored = self.store(cx, body.as_ref(), &algorithms, limits::MAX_UPLOAD, sealing.cipher.as_ref()).await?;
        content_md5.verify(&stored.md5)?;
        let answered: Option<Sum> =
            expected.algorithm().or(upload.checksum.map(|(algorithm, _)| algorithm)).and_then(|algorithm| stored.checksum(algorithm));
        if let Some(sum) = &answered {
            expected.verify(sum, body.as_ref())?;
        }
        let part = part_of(cx, &upload, &stored, &sealing);
        let mut output = api::UploadPartOutput { etag: Some(part.etag.quoted()), ..Default::default() };
        describe_encryption!(output, upload.encryption.as_deref(), &customer);
        if let Some(sum) = answered {
            output.set_checksum_value(sum.algorithm(), sum.base64());
        }
        self.add_part(&found, &input.key, &input.upload_id, input.part_number, part, stored).await?;
        Ok(output)
    }
}

impl Handle<api::UploadPartCopy> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::UploadPartCopyRequest) -> Result<Permissions, Fault> {
        let target = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.paid_by(cx, input.request_payer.as_ref())?;
        let (source, from) = source_of(self, &input.copy_source, input.expected_source_bucket_owner.as_ref())?;
        let from = from.paid_by(cx, input.request_payer.as_ref())?;
        let read = from.version_permission(cx, GET, &source.key, source.version_id.as_ref());
        let mut permissions: Permissions = read.into();
        let copy_source = format!("{}/{}", source.bucket, source.key);
        permissions.push(target.write_permission(cx, &input.key, Creates::Part).with_key("s3:x-amz-copy-source", copy_source));
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, input: api::UploadPartCopyRequest) -> Result<api::UploadPartCopyOutput, Fault> {
        check_part_number(input.part_number)?;
        let target = self.find(cx, &input.bucket, None)?;
        let upload = self.upload(&target, &input.key, &input.upload_id)?;
        let customer = customer_key!(input).check_part(upload.encryption.as_deref())?;
        let source_customer = source_customer_key!(input);
        source_customer.parse(None)?;
        let (source, from) = source_of(self, &input.copy_source, None)?;
        let range = input.copy_source_range.as_deref();
        let opened =
            self.open_source::<api::UploadPartCopy>(cx, &source, &from, source_conditions!(input), &source_customer, |size| match range {
                Some(range) => ranges::parse_copy(range, size),
                None => Ok(0..size),
            })?;
        if opened.reader.left() > limits::MAX_UPLOAD {
            return Err(INVALID_REQUEST
                .says(format!("The specified copy source is larger than the maximum allowable size for a copy source: {}", limits::MAX_UPLOAD)));
        }
        let source_version = crate::versions::created_id(&opened.object);
        let reader = self.read_source(cx, &from, &source.key, opened).await?;
        let sealing = self.seal_part(cx, &target, &input.key, upload.encryption.as_deref(), customer.as_ref()).await?;
        let stored = self.store_copy(cx, reader, &algorithms(&upload, None), sealing.cipher.as_ref()).await?;
        let part = part_of(cx, &upload, &stored, &sealing);
        let mut result = api::CopyPartResult { etag: Some(part.etag.quoted()), last_modified: Some(part.last_modified), ..Default::default() };
        if let Some(sum) = &part.checksum {
            result.set_checksum_value(sum.algorithm(), sum.base64());
        }
        self.add_part(&target, &input.key, &input.upload_id, input.part_number, part, stored).await?;
        let mut output = api::UploadPartCopyOutput { copy_part_result: Some(result), copy_source_version_id: source_version, ..Default::default() };
        describe_encryption!(output, upload.encryption.as_deref(), &customer);
        Ok(output)
    }
}
