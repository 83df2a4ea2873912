//! Annotations: named texts that belong to a version of an object, of up to 1 MiB each.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/annotations-overview.html>

use crate::{
    S3,
    access::{BucketHandle, gone},
    api,
    changes::Change,
    checksums::{Checksum, ContentMd5, DEFAULT, ExpectedChecksum, HasChecksumType},
    encryption::answer,
    etags::unquoted,
    faults, limits,
    lists::{incorrect_token, non_empty},
    state::{Annotation, AnnotationKey, Encryption, Object, VersionKey},
    versions::{self, VersionSelector},
};
use bytes::{Bytes, BytesMut};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_digest::{Algorithm, digest};
use cloudlet_engine::{
    Cx, Handle, Permissions,
    paging::{Page, Paging},
};
use cloudlet_shape::{Body, BodyContent, BodyError, Operation};
use futures_util::StreamExt;
use std::sync::Arc;

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/annotations-overview.html#annotations-naming>
fn check_name(name: &str) -> Result<(), Fault> {
    if name.is_empty() {
        return Err(no_name());
    }
    // AWS: the messages are unverified.
    if name.len() > limits::MAX_ANNOTATION_NAME {
        return Err(api::faults::ANNOTATION_NAME_TOO_LONG.says("The annotation name is too long."));
    }
    if name.starts_with("aws/") || name.starts_with("s3") || name.contains('\u{10FFFF}') {
        return Err(api::faults::INVALID_ANNOTATION_NAME.says("The annotation name is invalid."));
    }
    Ok(())
}

fn no_name() -> Fault {
    FaultKind::sender("UserAnnotationNameMustBeSpecified", 400).says("You must specify a user annotation name.")
}

fn no_such_annotation(name: &str) -> Fault {
    api::faults::NO_SUCH_ANNOTATION.says("The specified annotation does not exist.").with("AnnotationName", name)
}

/// The payload of a request, which is not longer than an annotation may be.
async fn payload_of(body: &Body) -> Result<Bytes, Fault> {
    let mut payload = BytesMut::new();
    let mut add = |bytes: &[u8]| {
        let length = payload.len().saturating_add(bytes.len());
        if length > limits::MAX_ANNOTATION {
            return Err(faults::entity_too_large(length as u64, limits::MAX_ANNOTATION as u64));
        }
        payload.extend_from_slice(bytes);
        Ok(())
    };
    match body.take() {
        BodyContent::Whole(bytes) => add(&bytes)?,
        BodyContent::Stream(mut stream) => {
            while let Some(chunk) = stream.next().await {
                add(&chunk.map_err(|error| match error {
                    BodyError::Refused(fault) => fault,
                    BodyError::Broken(_) => faults::incomplete_body(),
                })?)?;
            }
        }
    }
    if payload.is_empty() {
        // AWS: unverified.
        return Err(faults::INVALID_REQUEST.says("The annotation payload must not be empty."));
    }
    if std::str::from_utf8(&payload).is_err() {
        return Err(FaultKind::sender("UnsupportedMediaType", 415).says("The annotation payload must be valid UTF-8 encoded text."));
    }
    Ok(payload.freeze())
}

/// `x-amz-object-if-match`.
fn check_condition(object: &Object, expected: Option<&str>) -> Result<(), Fault> {
    match expected {
        Some(expected) if unquoted(expected) != object.etag.to_string() => Err(faults::precondition_failed("x-amz-object-if-match")),
        Some(_) | None => Ok(()),
    }
}

impl S3 {
    /// The object that a request names, with the key of its row.
    fn annotated<O: Operation>(
        &self,
        cx: &Cx,
        found: &BucketHandle,
        key: &str,
        version_id: Option<&String>,
        method: &str,
    ) -> Result<(Arc<Object>, VersionKey), Fault> {
        let selector = VersionSelector::of(version_id.map(String::as_str))?;
        let object = found.object::<O>(cx, key, selector, method)?;
        let selector = object.version_id.map_or(VersionSelector::Null, VersionSelector::Id);
        let row = found.tables.read(|tables| versions::entry(tables, key, selector)).ok_or_else(gone(&found.name))?;
        row.map(|(row_key, _)| (object, row_key)).ok_or_else(|| faults::no_such_key(key))
    }

    /// The annotations of the source of a copy, as they were sent.
    pub(crate) async fn annotations_of(&self, cx: &Cx, found: &BucketHandle, key: &str, object: &Object) -> Result<Vec<(Arc<str>, Bytes)>, Fault> {
        let selector = object.version_id.map_or(VersionSelector::Null, VersionSelector::Id);
        let annotations: Vec<(Arc<str>, Arc<Annotation>)> = found
            .tables
            .read(|tables| {
                let row_key = Some(()).filter(|()| !tables.annotations.is_empty()).and_then(|()| versions::entry(tables, key, selector));
                row_key.map_or_else(Vec::new, |(row_key, _)| {
                    let rows = tables.annotations.range(AnnotationKey::of_version(&row_key));
                    rows.map(|(key, annotation)| (key.name.clone(), annotation.clone())).collect()
                })
            })
            .ok_or_else(gone(&found.name))?;
        let mut plain = Vec::with_capacity(annotations.len());
        for (name, annotation) in annotations {
            plain.push((name, self.payload(cx, found, key, &annotation).await?));
        }
        Ok(plain)
    }

    /// The rows of annotations of an object with this encryption.
    pub(crate) async fn new_annotation(
        &self,
        cx: &Cx,
        found: &BucketHandle,
        key: &str,
        encryption: Option<&Encryption>,
        payload: Bytes,
        algorithm: Algorithm,
    ) -> Result<Annotation, Fault> {
        let (md5, sum) = (digest(Algorithm::Md5, &payload), digest(algorithm, &payload));
        let sealing = self.seal_part(cx, found, key, encryption, None).await?;
        let etag = sealing.etag(cx, &md5);
        let payload = match &sealing.cipher {
            Some(cipher) => cipher.apply(0, &payload)?,
            None => payload,
        };
        Ok(Annotation { last_modified: cx.now.whole_secs(), etag, checksum: Checksum::full(sum), encryption: sealing.encryption, payload })
    }

    async fn payload(&self, cx: &Cx, found: &BucketHandle, key: &str, annotation: &Annotation) -> Result<Bytes, Fault> {
        match annotation.encryption.as_deref() {
            None => Ok(annotation.payload.clone()),
            Some(encryption) => self.cipher_of(cx, found, key, encryption).await?.apply(0, &annotation.payload),
        }
    }

    /// Gives annotations to an object that was just made.
    pub(crate) fn annotate(&self, found: &BucketHandle, key: &str, object: &Object, annotations: Vec<(Arc<str>, Annotation)>) {
        let selector = object.version_id.map_or(VersionSelector::Null, VersionSelector::Id);
        found.tables.update(|tables| {
            let Some((version, _)) = versions::entry(tables, key, selector) else { return };
            for (name, annotation) in annotations {
                tables.annotations.insert(AnnotationKey { version: version.clone(), name }, Arc::new(annotation));
            }
        });
    }
}

macro_rules! permissions {
    ($request:ident, $actions:expr $(, $condition:literal: $member:ident)*) => {
        fn permissions(&self, cx: &Cx, input: &api::$request) -> Result<Permissions, Fault> {
            let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?;
            let permission = found.version_permission(cx, $actions, &input.key, input.version_id.as_ref());
            $(let permission = match &input.$member {
                Some(value) => permission.with_key($condition, value.to_string()),
                None => permission,
            };)*
            Ok(permission.into())
        }
    };
}

impl Handle<api::PutObjectAnnotation> for S3 {
    permissions!(PutObjectAnnotationRequest, ["s3:PutObjectAnnotation", "s3:PutObjectVersionAnnotation"], "s3:x-amz-object-if-match": object_if_match);

    async fn handle(&self, cx: &Cx, mut input: api::PutObjectAnnotationRequest) -> Result<api::PutObjectAnnotationOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        check_name(&input.annotation_name)?;
        let content_md5 = ContentMd5::of(input.content_md5.as_deref())?;
        let body = std::mem::take(&mut input.annotation_payload);
        let expected = ExpectedChecksum::of(&mut input, Some(&body))?;
        let (object, version) = self.annotated::<api::PutObjectAnnotation>(cx, &found, &input.key, input.version_id.as_ref(), "PUT")?;
        if object.encryption.as_ref().is_some_and(|encryption| encryption.is_customer_key()) {
            // AWS: the message is unverified.
            return Err(faults::INVALID_REQUEST.says("Objects that are encrypted with customer-provided keys cannot have annotations."));
        }
        let payload = payload_of(&body).await?;
        content_md5.verify(&digest(Algorithm::Md5, &payload))?;
        let algorithm = expected.algorithm().unwrap_or(DEFAULT);
        let annotation = self.new_annotation(cx, &found, &input.key, object.encryption.as_deref(), payload, algorithm).await?;
        expected.verify(&annotation.checksum.value, Some(&body))?;
        let mut output = api::PutObjectAnnotationOutput {
            key: Some(input.key.clone()),
            annotation_name: Some(input.annotation_name.clone()),
            object_version_id: found.bucket.shown_version(object.version_id),
            etag: Some(annotation.etag.quoted()),
            server_side_encryption: answer(annotation.encryption.as_deref()).algorithm,
            ..Default::default()
        };
        output.set_checksum(&annotation.checksum);
        let row = AnnotationKey { version: version.clone(), name: input.annotation_name.into() };
        let written = found.tables.write(|tables| {
            // The object may have gone, or changed, while the payload came.
            let object = tables.objects.get(&version).and_then(|version| version.object()).ok_or_else(|| faults::no_such_key(&input.key))?;
            check_condition(object, input.object_if_match.as_deref())?;
            let count = tables.annotations.range(AnnotationKey::of_version(&version)).count();
            if count >= limits::MAX_ANNOTATIONS && !tables.annotations.contains(&row) {
                // AWS: the message is unverified.
                return Err(api::faults::ANNOTATION_LIMIT_EXCEEDED.says("The object has reached the maximum number of annotations."));
            }
            tables.annotations.insert(row, Arc::new(annotation));
            Ok(())
        });
        written.ok_or_else(gone(&found.name))??;
        self.changed(cx, &found, &input.key, &Change::AnnotationPut { object });
        Ok(output)
    }
}

impl Handle<api::GetObjectAnnotation> for S3 {
    permissions!(GetObjectAnnotationRequest, ["s3:GetObjectAnnotation", "s3:GetObjectVersionAnnotation"]);

    async fn handle(&self, cx: &Cx, input: api::GetObjectAnnotationRequest) -> Result<api::GetObjectAnnotationOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        if input.annotation_name.is_empty() {
            return Err(no_name());
        }
        let (object, version) = self.annotated::<api::GetObjectAnnotation>(cx, &found, &input.key, input.version_id.as_ref(), "GET")?;
        let row = AnnotationKey { version, name: input.annotation_name.as_str().into() };
        let annotation = found.tables.read(|tables| tables.annotations.get(&row).cloned()).ok_or_else(gone(&found.name))?;
        let annotation = annotation.ok_or_else(|| no_such_annotation(&input.annotation_name))?;
        let payload = self.payload(cx, &found, &input.key, &annotation).await?;
        let mut output = api::GetObjectAnnotationOutput {
            object_version_id: found.bucket.shown_version(object.version_id),
            last_modified: Some(annotation.last_modified),
            content_length: i64::try_from(payload.len()).ok(),
            etag: Some(annotation.etag.quoted()),
            server_side_encryption: answer(annotation.encryption.as_deref()).algorithm,
            annotation_payload: Some(Body::whole(payload)),
            ..Default::default()
        };
        if input.checksum_mode.is_some_and(|mode| mode.eq_ignore_ascii_case("ENABLED")) {
            output.set_checksum(&annotation.checksum);
        }
        Ok(output)
    }
}

impl Handle<api::DeleteObjectAnnotation> for S3 {
    permissions!(DeleteObjectAnnotationRequest, ["s3:DeleteObjectAnnotation", "s3:DeleteObjectVersionAnnotation"], "s3:x-amz-object-if-match": object_if_match);

    /// As with objects, deleting what is not there succeeds.
    async fn handle(&self, cx: &Cx, input: api::DeleteObjectAnnotationRequest) -> Result<api::DeleteObjectAnnotationOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let (object, version) = self.annotated::<api::DeleteObjectAnnotation>(cx, &found, &input.key, input.version_id.as_ref(), "DELETE")?;
        let row = AnnotationKey { version: version.clone(), name: input.annotation_name.as_str().into() };
        let removed = found.tables.write(|tables| {
            let object = tables.objects.get(&version).and_then(|version| version.object()).ok_or_else(|| faults::no_such_key(&input.key))?;
            check_condition(object, input.object_if_match.as_deref())?;
            Ok::<_, Fault>(tables.annotations.remove(&row).is_some())
        });
        let output = api::DeleteObjectAnnotationOutput { object_version_id: found.bucket.shown_version(object.version_id), ..Default::default() };
        if removed.ok_or_else(gone(&found.name))?? {
            self.changed(cx, &found, &input.key, &Change::AnnotationDeleted { object });
        }
        Ok(output)
    }
}

impl Handle<api::ListObjectAnnotations> for S3 {
    permissions!(
        ListObjectAnnotationsRequest,
        ["s3:ListObjectAnnotations", "s3:ListObjectVersionAnnotations"],
        "s3:annotation-prefix": annotation_prefix,
        "s3:max-annotation-results": max_annotation_results
    );

    async fn handle(&self, cx: &Cx, input: api::ListObjectAnnotationsRequest) -> Result<api::ListObjectAnnotationsOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let (object, version) = self.annotated::<api::ListObjectAnnotations>(cx, &found, &input.key, input.version_id.as_ref(), "GET")?;
        let length = input.max_annotation_results.unwrap_or(limits::MAX_KEYS).clamp(1, limits::MAX_KEYS);
        let prefix = non_empty(input.annotation_prefix.as_ref()).unwrap_or_default();
        let version_id = versions::id_text(object.version_id);
        let filters = [input.bucket.as_str(), &input.key, &version_id, prefix];
        let paging = Paging::with_filters::<api::ListObjectAnnotations>(cx, &filters, input.continuation_token.as_deref());
        let page = found.tables.read(|tables| {
            let rows = tables.annotations.range(AnnotationKey::of_version(&version)).filter(|(key, _)| key.name.starts_with(prefix));
            paging.page_of(usize::try_from(length).unwrap_or_default(), rows.map(|(key, annotation)| (key.name.to_string(), entry(key, annotation))))
        });
        let Page { items, next_token, .. } = page.ok_or_else(gone(&found.name))?.map_err(incorrect_token)?;
        Ok(api::ListObjectAnnotationsOutput {
            annotation_count: i32::try_from(items.len()).ok(),
            annotations: Some(items),
            bucket: Some(input.bucket),
            key: Some(input.key),
            object_version_id: found.bucket.shown_version(object.version_id),
            annotation_prefix: input.annotation_prefix,
            max_annotation_results: Some(length),
            continuation_token: input.continuation_token,
            next_continuation_token: next_token,
            ..Default::default()
        })
    }
}

fn entry(key: &AnnotationKey, annotation: &Annotation) -> api::AnnotationEntry {
    api::AnnotationEntry {
        annotation_name: key.name.to_string(),
        last_modified: annotation.last_modified,
        etag: Some(annotation.etag.quoted()),
        checksum_algorithm: Some(vec![annotation.checksum.algorithm().name().to_owned()]),
        size: i64::try_from(annotation.payload.len()).unwrap_or_default(),
        replication_status: None,
    }
}
