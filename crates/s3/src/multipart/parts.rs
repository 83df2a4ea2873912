//! The parts of an upload: from the client, or from an object that is there already.

use super::{check_part_number, find_upload};
use crate::{
    S3,
    access::{self, Found},
    api,
    bodies::Stored,
    checksums::{Claim, ContentMd5, DEFAULT, HasChecksums, Kind},
    etags::ETag,
    faults::INVALID_REQUEST,
    limits,
    objects::{ENCRYPTION, GET, source_conditions, source_of},
    ranges,
    state::{Part, PartKey, Upload},
};
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_digest::{Algorithm, Sum};
use cloudlet_engine::{Cx, Handle, Permissions};
use std::sync::Arc;

/// The digests a part needs beside its MD5: what the client claims, what the upload shows, what the object will have.
fn algorithms(upload: &Upload, claimed: Option<Algorithm>) -> Vec<Algorithm> {
    match upload.checksum {
        Some((algorithm, _)) => vec![algorithm],
        None => [DEFAULT].into_iter().chain(claimed).collect(),
    }
}

/// An upload that named an algorithm takes no other.
fn check_algorithm(upload: &Upload, claimed: Option<Algorithm>) -> Result<(), Fault> {
    let name = |algorithm: Option<Algorithm>| algorithm.map_or_else(|| "null".to_owned(), |algorithm| algorithm.name().to_ascii_lowercase());
    match (upload.checksum, claimed) {
        (None, _) | (Some((_, Kind::FullObject)), None) => Ok(()),
        (Some((algorithm, _)), Some(claimed)) if algorithm == claimed => Ok(()),
        (Some((algorithm, _)), claimed) => Err(INVALID_REQUEST.says(format!(
            "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
            name(Some(algorithm)),
            name(claimed)
        ))),
    }
}

fn part_of(upload: &Upload, stored: &Stored, now: Timestamp) -> Part {
    Part {
        modified: now.whole_secs(),
        etag: ETag::of(&stored.md5),
        blob: stored.fresh.blob().clone(),
        sum: upload.checksum.and_then(|(algorithm, _)| stored.sum(algorithm)),
        crc64: if upload.checksum.is_none() { stored.sum(DEFAULT) } else { None },
    }
}

impl S3 {
    /// Puts a part into its place, unless the upload has ended meanwhile.
    async fn add_part(&self, found: &Found, key: &str, id: &str, number: i32, part: Part, stored: Stored) -> Result<(), Fault> {
        let place = PartKey { upload: id.into(), number };
        let written = found.contents.write(|contents| -> Result<_, Fault> {
            find_upload(contents, key, id)?;
            let replaced = contents.parts.get(&place).map(|part| part.blob.clone());
            contents.parts.insert(place, Arc::new(part));
            Ok(replaced)
        });
        let replaced = written.ok_or_else(access::gone(&found.name))??;
        stored.fresh.commit();
        self.discard(replaced);
        self.synced().await
    }

    fn upload(&self, found: &Found, key: &str, id: &str) -> Result<Arc<Upload>, Fault> {
        found.contents.read(|contents| find_upload(contents, key, id)).ok_or_else(access::gone(&found.name))?
    }
}

impl Handle<api::UploadPart> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::UploadPartRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?;
        Ok(found.permission_on(cx, "s3:PutObject", &input.key).into())
    }

    async fn handle(&self, cx: &Cx, mut input: api::UploadPartRequest) -> Result<api::UploadPartOutput, Fault> {
        check_part_number(input.part_number)?;
        let found = self.find(cx, &input.bucket, None)?;
        let upload = self.upload(&found, &input.key, &input.upload_id)?;
        let body = input.body.take();
        let content_md5 = ContentMd5::of(input.content_md5.as_deref())?;
        let claim = Claim::of(&mut input, body.as_ref())?;
        check_algorithm(&upload, claim.algorithm())?;

        let stored = self.store(cx, body.as_ref(), &algorithms(&upload, claim.algorithm()), limits::MAX_UPLOAD).await?;
        content_md5.verify(&stored.md5)?;
        let shown: Option<Sum> = claim.algorithm().or(upload.checksum.map(|(algorithm, _)| algorithm)).and_then(|algorithm| stored.sum(algorithm));
        if let Some(sum) = &shown {
            claim.verify(sum, body.as_ref())?;
        }
        let part = part_of(&upload, &stored, cx.now);
        let mut output =
            api::UploadPartOutput { etag: Some(part.etag.quoted()), server_side_encryption: Some(ENCRYPTION.to_owned()), ..Default::default() };
        if let Some(sum) = shown {
            output.show(sum.algorithm(), sum.base64());
        }
        self.add_part(&found, &input.key, &input.upload_id, input.part_number, part, stored).await?;
        Ok(output)
    }
}

impl Handle<api::UploadPartCopy> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::UploadPartCopyRequest) -> Result<Permissions, Fault> {
        let target = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?;
        let (source, from) = source_of(self, &input.copy_source, input.expected_source_bucket_owner.as_ref())?;
        let mut read = from.ask_version(cx, GET, &source.key, source.version.as_ref());
        self.set_existing_tags(&from, &source.key, &mut read);
        let mut permissions: Permissions = read.into();
        let copy_source = format!("{}/{}", source.bucket, source.key);
        permissions.push(target.permission_on(cx, "s3:PutObject", &input.key).with_key("s3:x-amz-copy-source", copy_source));
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, input: api::UploadPartCopyRequest) -> Result<api::UploadPartCopyOutput, Fault> {
        check_part_number(input.part_number)?;
        let target = self.find(cx, &input.bucket, None)?;
        let upload = self.upload(&target, &input.key, &input.upload_id)?;
        let (source, from) = source_of(self, &input.copy_source, None)?;
        let range = input.copy_source_range.as_deref();
        let sourced = self.open_source::<api::UploadPartCopy>(cx, &source, &from, source_conditions!(input), |size| match range {
            Some(range) => ranges::parse_copy(range, size),
            None => Ok(0..size),
        })?;
        if sourced.reader.left() > limits::MAX_UPLOAD {
            return Err(INVALID_REQUEST
                .says(format!("The specified copy source is larger than the maximum allowable size for a copy source: {}", limits::MAX_UPLOAD)));
        }
        let stored = self.store_again(cx, sourced.reader, &algorithms(&upload, None)).await?;
        let part = part_of(&upload, &stored, cx.now);
        let mut result = api::CopyPartResult { etag: Some(part.etag.quoted()), last_modified: Some(part.modified), ..Default::default() };
        if let Some(sum) = &part.sum {
            result.show(sum.algorithm(), sum.base64());
        }
        self.add_part(&target, &input.key, &input.upload_id, input.part_number, part, stored).await?;
        Ok(api::UploadPartCopyOutput { copy_part_result: Some(result), server_side_encryption: Some(ENCRYPTION.to_owned()), ..Default::default() })
    }
}
