//! CopyObject: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>

use super::{CheckedWrite, GET, set_write_keys, write_keys, write_request};
use crate::{
    S3,
    access::{self, BucketHandle, Creates},
    acl::acl_headers,
    api,
    bodies::{PlainReader, StoredBody, blob_id},
    changes::CreatedBy,
    checksums::{self, Checksum, ChecksumType, DEFAULT, HasChecksumType},
    conditions::{ReadConditions, WriteCondition, check_source},
    encryption::{BucketKeyDefault, CustomerKey, CustomerKeyHeaders, Sealing, customer_key, describe_encryption, source_customer_key},
    etags::ETag,
    faults, limits,
    object_lock::lock_keys,
    state::{Object, ObjectProperties},
    tags,
    versions::{self, Found, VersionSelector, created_id, current_etag},
};
use cloudlet_aws::Fault;
use cloudlet_digest::{Algorithm, Digests};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_shape::Operation;
use cloudlet_store::{BlobReader, PendingBlob};
use percent_encoding::percent_decode_str;
use std::{io, ops::Range, sync::Arc};

/// The value of `x-amz-copy-source`: `/bucket/key?versionId=…`, percent-encoded.
#[derive(Clone, Debug, PartialEq)]
pub struct CopySource {
    pub bucket: String,
    pub key: String,
    pub version_id: Option<String>,
}

impl CopySource {
    pub fn parse(header: &str) -> Result<CopySource, Fault> {
        let refused = |text: &str| faults::invalid_argument(text, "x-amz-copy-source", header);
        let (path, version_id) = match header.split_once("?versionId=") {
            Some((path, version)) => (path, Some(version.to_owned())),
            None => (header, None),
        };
        // AWS: a plus sign is a space, as in a form (recorded).
        let path = path.replace('+', " ");
        let path = percent_decode_str(&path).decode_utf8().map_err(|_| refused("Invalid copy source encoding."))?;
        // AWS: a whole URL is accepted too (recorded).
        let path = ["http://", "https://"].iter().find_map(|scheme| path.strip_prefix(scheme)?.split_once('/')).map_or(&*path, |(_, path)| path);
        let path = path.strip_prefix('/').unwrap_or(path);
        match path.split_once('/') {
            Some(("", _)) => Err(refused("Invalid copy source bucket name")),
            Some((bucket, key)) if !key.is_empty() => Ok(CopySource { bucket: bucket.to_owned(), key: key.to_owned(), version_id }),
            Some(_) | None => Err(refused("Invalid copy source object key")),
        }
    }
}

/// The source object. Its bytes stay readable when it is deleted.
pub struct OpenedSource {
    pub object: Arc<Object>,
    pub reader: BlobReader,
    /// Where in the object the reader begins.
    position: u64,
    customer: Option<CustomerKey>,
}

/// The conditions of both copy operations.
macro_rules! source_conditions {
    ($input:expr) => {
        $crate::conditions::ReadConditions {
            if_match: $input.copy_source_if_match.as_deref(),
            if_none_match: $input.copy_source_if_none_match.as_deref(),
            if_modified_since: $input.copy_source_if_modified_since,
            if_unmodified_since: $input.copy_source_if_unmodified_since,
        }
    };
}
pub(crate) use source_conditions;

/// The source of a copy and its bucket, which may be in another region.
pub fn source_of(s3: &S3, header: &str, expected_owner: Option<&String>) -> Result<(CopySource, BucketHandle), Fault> {
    let source = CopySource::parse(header)?;
    let found = s3.find_in_any_region(&source.bucket, expected_owner)?;
    Ok((source, found))
}

impl S3 {
    /// Opens the source of a copy. `select` returns the range of bytes to read of an object of a size.
    pub(crate) fn open_source<O: Operation>(
        &self,
        cx: &Cx,
        source: &CopySource,
        found: &BucketHandle,
        conditions: ReadConditions<'_>,
        customer_key: &CustomerKeyHeaders,
        select: impl FnOnce(u64) -> Result<Range<u64>, Fault>,
    ) -> Result<OpenedSource, Fault> {
        let selector = VersionSelector::of(source.version_id.as_deref())?;
        let opened = found.tables.read(|tables| -> Result<Option<OpenedSource>, Fault> {
            let object = match versions::find(tables, &source.key, selector) {
                Found::Object(object) => object,
                Found::Marker(_) if selector != VersionSelector::Current => {
                    return Err(
                        faults::INVALID_REQUEST.says("The source of a copy request may not specifically refer to a delete marker by version id.")
                    );
                }
                Found::Marker(_) | Found::Missing => return Ok(None),
            };
            check_source(conditions, &object.etag.to_string(), object.last_modified, cx.now)?;
            if object.is_archived(cx.now) {
                return Err(api::faults::OBJECT_NOT_IN_ACTIVE_TIER_ERROR
                    .says("The source object of the COPY action is not in the active tier and is only stored in Amazon S3 Glacier."));
            }
            let customer = customer_key.check_read(object.encryption.as_deref())?;
            let range = select(object.size())?;
            let position = range.start;
            let reader = self.blobs.read(&object.blob, range).map_err(Fault::internal)?;
            Ok(Some(OpenedSource { object, reader, position, customer }))
        });
        let opened = opened.ok_or_else(access::gone(&source.bucket))??;
        opened.ok_or_else(|| found.missing::<O>(cx, selector.missing(&found.bucket, &source.key)))
    }

    /// The bytes of a source, which the caller must be allowed to decrypt.
    pub(crate) async fn read_source(&self, cx: &Cx, found: &BucketHandle, key: &str, opened: OpenedSource) -> Result<PlainReader, Fault> {
        let cipher = self.open(cx, found, key, &opened.object, opened.customer.as_ref()).await?;
        Ok(PlainReader::new(opened.reader, cipher, opened.position))
    }

    /// Copies the body of a source, and returns its entity tag and checksum.
    async fn copy_body(
        &self,
        cx: &Cx,
        (source, from): (&CopySource, &BucketHandle),
        opened: OpenedSource,
        algorithm: Algorithm,
        sealing: &Sealing,
    ) -> Result<(PendingBlob, ETag, Checksum), Fault> {
        if opened.object.encryption.is_none() && sealing.cipher.is_none() {
            return self.copy_plain_body(cx, opened, algorithm).await;
        }
        let reader = self.read_source(cx, from, &source.key, opened).await?;
        let stored = self.store_copy(cx, reader, &[algorithm], sealing.cipher.as_ref()).await?;
        let etag = sealing.etag(cx, &stored.md5);
        let (pending, _, checksum) = with_digests(stored, algorithm)?;
        Ok((pending, etag, checksum))
    }

    /// Copies a body that is stored as it was sent. Bytes are read only for digests that are not known.
    async fn copy_plain_body(&self, cx: &Cx, opened: OpenedSource, algorithm: Algorithm) -> Result<(PendingBlob, ETag, Checksum), Fault> {
        let OpenedSource { object, mut reader, .. } = opened;
        let known =
            object.checksum.as_deref().filter(|checksum| checksum.algorithm() == algorithm && checksum.checksum_type == ChecksumType::FullObject);
        let copied = match self.blobs.copy(&object.blob, || blob_id(cx)).await {
            // The source was deleted meanwhile. The reader can still read it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let stored = self.store_copy(cx, PlainReader::new(reader, None, 0), &[algorithm], None).await?;
                return with_digests(stored, algorithm);
            }
            copied => copied.map_err(Fault::internal)?,
        };
        if let (Some(md5), Some(checksum)) = (object.etag.md5(), known) {
            return Ok((copied, ETag::of(&md5), checksum.clone()));
        }
        let mut digests = Digests::new([Algorithm::Md5, algorithm]);
        while let Some(chunk) = reader.next().await {
            digests.update(&chunk.map_err(Fault::internal)?);
        }
        let sums = digests.finish();
        match (sums.first(), sums.last()) {
            (Some(md5), Some(sum)) => Ok((copied, ETag::of(md5), Checksum::full(*sum))),
            _ => Err(Fault::internal("no digests")),
        }
    }
}

fn with_digests(stored: StoredBody, algorithm: Algorithm) -> Result<(PendingBlob, ETag, Checksum), Fault> {
    let sum = stored.checksum(algorithm).ok_or_else(|| Fault::internal("a body without its checksum"))?;
    Ok((stored.pending, ETag::of(&stored.md5), Checksum::full(sum)))
}

/// Whether a directive is REPLACE. The default is COPY.
fn is_replace(directive: Option<&String>, header: &str, noun: &str) -> Result<bool, Fault> {
    match directive.map(String::as_str) {
        None | Some("COPY") => Ok(false),
        Some("REPLACE") => Ok(true),
        Some(other) => Err(faults::invalid_argument(format!("Unknown {noun} directive."), header, other)),
    }
}

impl Handle<api::CopyObject> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::CopyObjectRequest) -> Result<Permissions, Fault> {
        let target = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.paid_by(cx, input.request_payer.as_ref())?;
        let (source, from) = source_of(self, &input.copy_source, input.expected_source_bucket_owner.as_ref())?;
        let from = from.paid_by(cx, input.request_payer.as_ref())?;
        let read = from.version_permission(cx, GET, &source.key, source.version_id.as_ref());
        let mut write = target.write_permission(cx, &input.key, Creates::Object);
        write_keys!(write, input);
        set_write_keys(
            &mut write.keys,
            &[
                ("s3:x-amz-metadata-directive", input.metadata_directive.as_ref()),
                ("s3:x-amz-object-annotation-directive", input.annotation_directive.as_ref()),
                ("s3:if-match", input.if_match.as_ref()),
                ("s3:if-none-match", input.if_none_match.as_ref()),
            ],
        );
        write.keys.set("s3:x-amz-copy-source", format!("{}/{}", source.bucket, source.key));
        let mut permissions: Permissions = read.into();
        if input.tagging_directive.as_deref() == Some("REPLACE") && input.tagging.is_some() {
            tags::set_request_tags(&mut write.keys, &tags::of_header(input.tagging.as_deref()).unwrap_or_default());
            permissions.push(target.object_permission(cx, "s3:PutObjectTagging", &input.key));
        } else if has_tags(&from, &source) {
            permissions.push(from.version_permission(cx, tags::GET, &source.key, source.version_id.as_ref()));
            permissions.push(target.object_permission(cx, "s3:PutObjectTagging", &input.key));
        }
        if let Some(action) = acl_headers!(input).permission() {
            permissions.push(Permission { action, ..write.clone() });
        }
        permissions.insert(1, write);
        lock_keys!(cx, target, permissions, input);
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, mut input: api::CopyObjectRequest) -> Result<api::CopyObjectOutput, Fault> {
        let target = self.find(cx, &input.bucket, None)?;
        limits::check_key(&input.key)?;
        let (source, from) = source_of(self, &input.copy_source, None)?;
        let condition = WriteCondition::of(input.if_match.as_deref(), input.if_none_match.as_deref())?;
        let new_metadata = is_replace(input.metadata_directive.as_ref(), "x-amz-metadata-directive", "metadata")?;
        let new_tags = is_replace(input.tagging_directive.as_ref(), "x-amz-tagging-directive", "tagging")?;
        let requested = input.checksum_algorithm.as_deref().map(checksums::algorithm).transpose()?;
        let customer = customer_key!(input);
        let changes = new_metadata
            || input.storage_class.is_some()
            || input.server_side_encryption.is_some()
            || input.website_redirect_location.is_some()
            || input.sse_customer_key.is_some()
            // AWS: also where the bucket's encryption was ever configured (recorded).
            || target.bucket.encryption.is_explicit;
        if let Some(directive) = input.annotation_directive.as_deref()
            && !api::targets::ANNOTATION_DIRECTIVE.values.contains(&directive)
        {
            // AWS: unverified.
            return Err(faults::invalid_argument("Unknown annotation directive.", "x-amz-object-annotation-directive", directive));
        }
        let source_customer = source_customer_key!(input);
        source_customer.parse(None)?;
        let onto_itself = source.bucket == input.bucket && source.key == input.key && source.version_id.is_none();
        let request = write_request!(input);
        let CheckedWrite { storage_class, properties: requested_properties, encryption } =
            request.check(cx, &target, &input.key, BucketKeyDefault::No)?;

        let opened = self.open_source::<api::CopyObject>(cx, &source, &from, source_conditions!(input), &source_customer, |size| Ok(0..size))?;
        if onto_itself && !changes && opened.object.encryption.is_none() {
            return Err(faults::INVALID_REQUEST.says("This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes."));
        }
        if opened.object.size() > limits::MAX_UPLOAD {
            return Err(faults::INVALID_REQUEST
                .says(format!("The specified copy source is larger than the maximum allowable size for a copy source: {}", limits::MAX_UPLOAD)));
        }
        let object = opened.object.clone();
        let algorithm = requested.or(object.checksum.as_deref().map(Checksum::algorithm)).unwrap_or(DEFAULT);
        let sealing = self.seal(cx, &target, &input.key, encryption).await?;
        let (pending, etag, checksum) = self.copy_body(cx, (&source, &from), opened, algorithm, &sealing).await?;
        // AWS: that annotations are copied where the request says nothing is unverified.
        let annotations = match input.annotation_directive.as_deref() {
            Some("EXCLUDE") => vec![],
            _ => self.annotations_of(cx, &from, &source.key, &object).await?,
        };
        let mut copied = Vec::with_capacity(annotations.len());
        for (name, payload) in annotations {
            copied.push((name, self.new_annotation(cx, &target, &input.key, sealing.encryption.as_deref(), payload, DEFAULT).await?));
        }
        let old = object.properties.as_deref().cloned().unwrap_or_default();
        let properties = ObjectProperties {
            system_metadata: if new_metadata { requested_properties.system_metadata } else { old.system_metadata },
            user_metadata: if new_metadata { requested_properties.user_metadata } else { old.user_metadata },
            tags: if new_tags { requested_properties.tags } else { old.tags },
            website_redirect_location: requested_properties.website_redirect_location,
            owner: requested_properties.owner,
            acl: requested_properties.acl,
            lock: requested_properties.lock,
            ..ObjectProperties::default()
        };
        let mut result = api::CopyObjectResult { etag: Some(etag.quoted()), last_modified: Some(cx.now.whole_secs()), ..Default::default() };
        result.set_checksum(&checksum);
        let copy = Object {
            sequence: 0,
            version_id: None,
            last_modified: cx.now,
            etag,
            blob: pending.blob().clone(),
            storage_class,
            checksum: Some(Box::new(checksum)),
            encryption: sealing.encryption,
            properties: properties.boxed(),
        };
        let copy = self.create_object(cx, &target, &input.key, CreatedBy::Copy, |tables| {
            condition.check(&input.key, current_etag(tables, &input.key).as_deref())?;
            Ok(copy)
        })?;
        self.annotate(&target, &input.key, &copy, copied);
        pending.commit();
        let mut output = api::CopyObjectOutput {
            copy_object_result: Some(result),
            // AWS: `null` while versioning is suspended, which PutObject does not tell (recorded).
            version_id: target.bucket.shown_version(copy.version_id),
            expiration: target.expiration(VersionSelector::Current, &input.key, &copy),
            // AWS: not that of a null version (recorded).
            copy_source_version_id: created_id(&object),
            ..Default::default()
        };
        output.sse_kms_encryption_context = describe_encryption!(output, copy.encryption.as_deref(), &customer.parse(None)?);
        Ok(output)
    }
}

fn has_tags(found: &BucketHandle, source: &CopySource) -> bool {
    let Ok(selector) = VersionSelector::of(source.version_id.as_deref()) else { return false };
    let object = found.tables.read(|tables| versions::object(tables, &source.key, selector)).flatten();
    object.is_some_and(|object| !object.tags().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(bucket: &str, key: &str, version: Option<&str>) -> CopySource {
        CopySource { bucket: bucket.into(), key: key.into(), version_id: version.map(Into::into) }
    }

    #[test]
    fn a_copy_source_is_parsed_in_every_form_that_clients_send() {
        for (header, expected) in [
            ("bucket/key", source("bucket", "key", None)),
            ("/bucket/a/b//c", source("bucket", "a/b//c", None)),
            ("bucket%2Ftest+key.txt", source("bucket", "test key.txt", None)),
            ("bucket/a%2Bb%3F", source("bucket", "a+b?", None)),
            ("bucket/key?versionId=null", source("bucket", "key", Some("null"))),
            ("bucket//key", source("bucket", "/key", None)),
            ("http://localhost:4566/bucket/key", source("bucket", "key", None)),
        ] {
            assert_eq!(CopySource::parse(header).unwrap(), expected, "{header}");
        }
        for header in ["", "bucket", "bucket/", "/bucket", "//key", "bucket/%FF"] {
            assert_eq!(CopySource::parse(header).unwrap_err().code(), "InvalidArgument", "{header}");
        }
    }
}
