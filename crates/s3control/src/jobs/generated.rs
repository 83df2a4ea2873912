//! The list that a manifest generator saves: written in parts, so that a long one takes no memory.

use super::{
    csv::Row,
    manifest::Access,
    rules::{bucket_of, refused},
};
use crate::{
    api,
    state::{GeneratedManifest, Job},
};
use bytes::Bytes;
use cloudlet_api_s3 as s3;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::Cx;
use cloudlet_shape::Body;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Bytes of a part. Those of the tests are small.
const PART: usize = if cfg!(test) { 64 } else { 8 << 20 };

/// A list under way.
pub struct GeneratedList {
    location: api::S3ManifestOutputLocation,
    bucket: String,
    key: String,
    text: Vec<u8>,
    upload: Option<Upload>,
}

struct Upload {
    id: String,
    parts: Vec<s3::CompletedPart>,
}

impl GeneratedList {
    /// `None`: the job saves no list.
    pub fn of(job: &Job, id: &str) -> Result<Option<GeneratedList>, Fault> {
        let generator = job.request.manifest_generator.as_ref().and_then(|generator| generator.s3_job_manifest_generator.as_ref());
        let location =
            generator.filter(|generator| generator.enable_manifest_output).and_then(|generator| generator.manifest_output_location.clone());
        let Some(location) = location else { return Ok(None) };
        let bucket = bucket_of(&location.bucket)?;
        let prefix = location.manifest_prefix.as_deref().map(|prefix| format!("{}/", prefix.trim_end_matches('/'))).unwrap_or_default();
        let key = format!("{prefix}job-{id}/manifest.csv");
        Ok(Some(GeneratedList { location, bucket, key, text: vec![], upload: None }))
    }

    pub async fn push(&mut self, cx: &Cx, access: &Access, row: &Row) -> Result<(), Fault> {
        const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/');
        let version = row.version_id.as_deref().unwrap_or_default();
        self.text.extend_from_slice(format!("\"{}\",\"{}\",\"{version}\"\n", row.bucket, utf8_percent_encode(&row.key, ESCAPED)).as_bytes());
        if self.text.len() >= PART { self.put_part(cx, access).await } else { Ok(()) }
    }

    fn kms_key(&self) -> Option<String> {
        Some(self.location.manifest_encryption.as_ref()?.sse_kms.as_ref()?.key_id.clone())
    }

    async fn put_part(&mut self, cx: &Cx, access: &Access) -> Result<(), Fault> {
        if self.upload.is_none() {
            let kms_key = self.kms_key();
            let input = s3::CreateMultipartUploadRequest {
                bucket: self.bucket.clone(),
                key: self.key.clone(),
                expected_bucket_owner: self.location.expected_manifest_bucket_owner.clone(),
                server_side_encryption: kms_key.as_ref().map(|_| "aws:kms".to_owned()),
                sse_kms_key_id: kms_key,
                ..Default::default()
            };
            let created = cx.call::<s3::CreateMultipartUpload>(access.caller.clone(), access.scope.clone(), input).await?;
            self.upload = Some(Upload { id: created.upload_id.unwrap_or_default(), parts: vec![] });
        }
        let Some(upload) = &mut self.upload else { return Ok(()) };
        let number = i32::try_from(upload.parts.len().saturating_add(1)).unwrap_or(i32::MAX);
        if number > 10_000 {
            return Err(refused("The list of the generator is too long to be saved."));
        }
        let input = s3::UploadPartRequest {
            bucket: self.bucket.clone(),
            key: self.key.clone(),
            upload_id: upload.id.clone(),
            part_number: number,
            body: Some(Body::whole(Bytes::from(std::mem::take(&mut self.text)))),
            ..Default::default()
        };
        let put = cx.call::<s3::UploadPart>(access.caller.clone(), access.scope.clone(), input).await?;
        upload.parts.push(s3::CompletedPart { part_number: Some(number), etag: put.etag, ..Default::default() });
        Ok(())
    }

    /// Forgets what was written.
    pub async fn abort(self, cx: &Cx, access: &Access) {
        let Some(upload) = self.upload else { return };
        let input = s3::AbortMultipartUploadRequest { bucket: self.bucket, key: self.key, upload_id: upload.id, ..Default::default() };
        if let Err(fault) = cx.call::<s3::AbortMultipartUpload>(access.caller.clone(), access.scope.clone(), input).await {
            tracing::warn!(%fault, "the parts of a job's list stay");
        }
    }

    /// Writes what is left.
    pub async fn finish(mut self, cx: &Cx, access: &Access) -> Result<GeneratedManifest, Fault> {
        let etag = if self.upload.is_some() {
            if !self.text.is_empty() {
                self.put_part(cx, access).await?;
            }
            let upload = self.upload.ok_or_else(|| Fault::internal("an upload that ended"))?;
            let input = s3::CompleteMultipartUploadRequest {
                bucket: self.bucket.clone(),
                key: self.key.clone(),
                upload_id: upload.id,
                multipart_upload: Some(s3::CompletedMultipartUpload { parts: Some(upload.parts) }),
                ..Default::default()
            };
            cx.call::<s3::CompleteMultipartUpload>(access.caller.clone(), access.scope.clone(), input).await?.etag
        } else {
            let kms_key = self.kms_key();
            let input = s3::PutObjectRequest {
                bucket: self.bucket.clone(),
                key: self.key.clone(),
                body: Some(Body::whole(Bytes::from(self.text))),
                expected_bucket_owner: self.location.expected_manifest_bucket_owner.clone(),
                server_side_encryption: kms_key.as_ref().map(|_| "aws:kms".to_owned()),
                sse_kms_key_id: kms_key,
                ..Default::default()
            };
            cx.call::<s3::PutObject>(access.caller.clone(), access.scope.clone(), input).await?.etag
        };
        let object_arn = Arn::build(cx.scope.partition(), "s3", "", "", &format!("{}/{}", self.bucket, self.key)).to_string();
        Ok(GeneratedManifest { object_arn, etag: etag.unwrap_or_default() })
    }
}
