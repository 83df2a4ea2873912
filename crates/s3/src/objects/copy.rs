//! CopyObject: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>

use super::{ENCRYPTION, GET, put::current, set_write_keys, write_request};
use crate::{
    S3,
    access::{self, Found},
    api,
    bodies::{Stored, blob_id},
    checksums::{self, Checksum, DEFAULT, Kind, ShowsChecksum},
    conditions::{ReadConditions, WriteCondition, check_source},
    etags::ETag,
    faults, keys,
    keys::Which,
    limits,
    state::{More, Object},
    tags,
};
use cloudlet_aws::Fault;
use cloudlet_digest::{Algorithm, Digests};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_shape::Operation;
use cloudlet_store::{BlobReader, Fresh};
use percent_encoding::percent_decode_str;
use std::{io, ops::Range, sync::Arc};

/// What `x-amz-copy-source` names: `/bucket/key?versionId=…`, escaped.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    pub bucket: String,
    pub key: String,
    pub version: Option<String>,
}

impl Source {
    pub fn parse(header: &str) -> Result<Source, Fault> {
        let refused = |text: &str| faults::invalid_argument(text, "x-amz-copy-source", header);
        let (path, version) = match header.split_once("?versionId=") {
            Some((path, version)) => (path, Some(version.to_owned())),
            None => (header, None),
        };
        // AWS: a plus is a space here, as in a form (recorded).
        let path = path.replace('+', " ");
        let path = percent_decode_str(&path).decode_utf8().map_err(|_| refused("Invalid copy source encoding."))?;
        // AWS: a whole URL is understood, too (recorded).
        let path = ["http://", "https://"].iter().find_map(|scheme| path.strip_prefix(scheme)?.split_once('/')).map_or(&*path, |(_, path)| path);
        let path = path.strip_prefix('/').unwrap_or(path);
        match path.split_once('/') {
            Some(("", _)) => Err(refused("Invalid copy source bucket name")),
            Some((bucket, key)) if !key.is_empty() => Ok(Source { bucket: bucket.to_owned(), key: key.to_owned(), version }),
            Some(_) | None => Err(refused("Invalid copy source object key")),
        }
    }
}

/// A source that was found, and whose bytes stay readable whatever happens to it.
pub struct Sourced {
    pub object: Arc<Object>,
    pub reader: BlobReader,
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

/// The bucket of the source, wherever it is.
pub fn source_of(s3: &S3, header: &str, expected_owner: Option<&String>) -> Result<(Source, Found), Fault> {
    let source = Source::parse(header)?;
    let found = s3.find_anywhere(&source.bucket, expected_owner)?;
    Ok((source, found))
}

impl S3 {
    /// Opens the source of a copy; `cut` says which bytes of so many are wanted.
    pub(crate) fn open_source<O: Operation>(
        &self,
        cx: &Cx,
        source: &Source,
        found: &Found,
        conditions: ReadConditions<'_>,
        cut: impl FnOnce(u64) -> Result<Range<u64>, Fault>,
    ) -> Result<Sourced, Fault> {
        let which = Which::of(source.version.as_deref())?;
        let opened = found.contents.read(|contents| -> Result<Option<Sourced>, Fault> {
            let Some(object) = keys::get(contents, &source.key, which) else { return Ok(None) };
            check_source(conditions, &object.etag.to_string(), object.modified, cx.now)?;
            if object.class.is_archive() {
                return Err(api::faults::OBJECT_NOT_IN_ACTIVE_TIER_ERROR
                    .says("The source object of the COPY action is not in the active tier and is only stored in Amazon S3 Glacier."));
            }
            let reader = self.blobs.read(&object.blob, cut(object.size())?).map_err(Fault::internal)?;
            Ok(Some(Sourced { object, reader }))
        });
        let opened = opened.ok_or_else(access::gone(&source.bucket))??;
        opened.ok_or_else(|| found.missing::<O>(cx, faults::no_such_key(&source.key)))
    }

    /// A second body with the bytes of the source, its MD5 and its checksum. Bytes are read only for digests nobody knows yet.
    async fn duplicate(&self, cx: &Cx, sourced: Sourced, algorithm: Algorithm) -> Result<(Fresh, ETag, Checksum), Fault> {
        let Sourced { object, mut reader } = sourced;
        let known = object.checksum.as_deref().filter(|checksum| checksum.algorithm() == algorithm && checksum.kind == Kind::FullObject);
        let copied = match self.blobs.copy(&object.blob, || blob_id(cx)).await {
            // The source was deleted meanwhile; the reader still has its bytes.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let stored = self.store_again(cx, reader, &[algorithm]).await?;
                return finish(stored, algorithm);
            }
            copied => copied.map_err(Fault::internal)?,
        };
        if let (Some(md5), Some(checksum)) = (object.etag.md5(), known) {
            return Ok((copied, ETag::of(&md5), checksum.clone()));
        }
        let mut digests = Digests::new([Algorithm::Md5, algorithm]);
        while let Some(piece) = reader.next().await {
            digests.update(&piece.map_err(Fault::internal)?);
        }
        let sums = digests.finish();
        match (sums.first(), sums.last()) {
            (Some(md5), Some(sum)) => Ok((copied, ETag::of(md5), Checksum::full(*sum))),
            _ => Err(Fault::internal("digests that are none")),
        }
    }
}

fn finish(stored: Stored, algorithm: Algorithm) -> Result<(Fresh, ETag, Checksum), Fault> {
    let sum = stored.sum(algorithm).ok_or_else(|| Fault::internal("a body without its checksum"))?;
    Ok((stored.fresh, ETag::of(&stored.md5), Checksum::full(sum)))
}

/// COPY, the default, or REPLACE.
fn replaces(directive: Option<&String>, header: &str, noun: &str) -> Result<bool, Fault> {
    match directive.map(String::as_str) {
        None | Some("COPY") => Ok(false),
        Some("REPLACE") => Ok(true),
        Some(other) => Err(faults::invalid_argument(format!("Unknown {noun} directive."), header, other)),
    }
}

impl Handle<api::CopyObject> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::CopyObjectRequest) -> Result<Permissions, Fault> {
        let target = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?;
        let (source, from) = source_of(self, &input.copy_source, input.expected_source_bucket_owner.as_ref())?;
        let mut read = from.ask_version(cx, GET, &source.key, source.version.as_ref());
        self.set_existing_tags(&from, &source.key, &mut read);
        let mut write = target.permission_on(cx, "s3:PutObject", &input.key);
        set_write_keys(
            &mut write.keys,
            &[
                ("s3:x-amz-acl", input.acl.as_ref()),
                ("s3:x-amz-storage-class", input.storage_class.as_ref()),
                ("s3:x-amz-server-side-encryption", input.server_side_encryption.as_ref()),
                ("s3:x-amz-server-side-encryption-aws-kms-key-id", input.sse_kms_key_id.as_ref()),
                ("s3:x-amz-metadata-directive", input.metadata_directive.as_ref()),
                ("s3:x-amz-grant-full-control", input.grant_full_control.as_ref()),
                ("s3:if-match", input.if_match.as_ref()),
                ("s3:if-none-match", input.if_none_match.as_ref()),
            ],
        );
        write.keys.set("s3:x-amz-copy-source", format!("{}/{}", source.bucket, source.key));
        let mut permissions: Permissions = read.into();
        if input.tagging_directive.as_deref() == Some("REPLACE") && input.tagging.is_some() {
            tags::set_request_tags(&mut write.keys, &tags::of_header(input.tagging.as_deref()).unwrap_or_default());
            permissions.push(target.permission_on(cx, "s3:PutObjectTagging", &input.key));
        } else if read_tags(&from, &source.key) {
            permissions.push(from.permission_on(cx, "s3:GetObjectTagging", &source.key));
            permissions.push(target.permission_on(cx, "s3:PutObjectTagging", &input.key));
        }
        if input.acl.is_some() {
            permissions.push(target.permission_on(cx, "s3:PutObjectAcl", &input.key));
        }
        permissions.insert(1, write);
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, mut input: api::CopyObjectRequest) -> Result<api::CopyObjectOutput, Fault> {
        let target = self.find(cx, &input.bucket, None)?;
        limits::check_key(&input.key)?;
        let (source, from) = source_of(self, &input.copy_source, None)?;
        let condition = WriteCondition::of(input.if_match.as_deref(), input.if_none_match.as_deref())?;
        let new_metadata = replaces(input.metadata_directive.as_ref(), "x-amz-metadata-directive", "metadata")?;
        let new_tags = replaces(input.tagging_directive.as_ref(), "x-amz-tagging-directive", "tagging")?;
        let asked = input.checksum_algorithm.as_deref().map(checksums::algorithm).transpose()?;
        let changes =
            new_metadata || input.storage_class.is_some() || input.server_side_encryption.is_some() || input.website_redirect_location.is_some();
        let itself = source.bucket == input.bucket && source.key == input.key && source.version.is_none();
        let (class, given) = write_request!(input).check(&target.bucket)?;

        let sourced = self.open_source::<api::CopyObject>(cx, &source, &from, source_conditions!(input), |size| Ok(0..size))?;
        if itself && !changes {
            return Err(faults::INVALID_REQUEST.says("This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes."));
        }
        if sourced.object.size() > limits::MAX_UPLOAD {
            return Err(faults::INVALID_REQUEST
                .says(format!("The specified copy source is larger than the maximum allowable size for a copy source: {}", limits::MAX_UPLOAD)));
        }
        let object = sourced.object.clone();
        let algorithm = asked.or(object.checksum.as_deref().map(Checksum::algorithm)).unwrap_or(DEFAULT);
        let (fresh, etag, checksum) = self.duplicate(cx, sourced, algorithm).await?;
        let old = object.more.as_deref().cloned().unwrap_or_default();
        let more = More {
            fields: if new_metadata { given.fields } else { old.fields },
            metadata: if new_metadata { given.metadata } else { old.metadata },
            tags: if new_tags { given.tags } else { old.tags },
            redirect: given.redirect,
            ..More::default()
        };
        let mut result = api::CopyObjectResult { etag: Some(etag.quoted()), last_modified: Some(cx.now.whole_secs()), ..Default::default() };
        result.show_checksum(&checksum);
        let copy =
            Object { order: 0, modified: cx.now, etag, blob: fresh.blob().clone(), class, checksum: Some(Box::new(checksum)), more: more.boxed() };
        let written = target.contents.write(|contents| -> Result<_, Fault> {
            condition.check(&input.key, current(contents, &input.key).as_deref())?;
            Ok(super::write(self, cx, contents, &input.key, copy))
        });
        let replaced = written.ok_or_else(access::gone(&input.bucket))??;
        fresh.commit();
        self.discard(replaced);
        self.synced().await?;
        Ok(api::CopyObjectOutput { copy_object_result: Some(result), server_side_encryption: Some(ENCRYPTION.to_owned()), ..Default::default() })
    }
}

fn read_tags(found: &Found, key: &str) -> bool {
    let object = found.contents.read(|contents| keys::get(contents, key, Which::Current)).flatten();
    object.is_some_and(|object| !object.tags().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(bucket: &str, key: &str, version: Option<&str>) -> Source {
        Source { bucket: bucket.into(), key: key.into(), version: version.map(Into::into) }
    }

    #[test]
    fn a_source_is_read_in_every_form_clients_write() {
        for (header, expected) in [
            ("bucket/key", source("bucket", "key", None)),
            ("/bucket/a/b//c", source("bucket", "a/b//c", None)),
            ("bucket%2Ftest+key.txt", source("bucket", "test key.txt", None)),
            ("bucket/a%2Bb%3F", source("bucket", "a+b?", None)),
            ("bucket/key?versionId=null", source("bucket", "key", Some("null"))),
            ("bucket//key", source("bucket", "/key", None)),
            ("http://localhost:4566/bucket/key", source("bucket", "key", None)),
        ] {
            assert_eq!(Source::parse(header).unwrap(), expected, "{header}");
        }
        for header in ["", "bucket", "bucket/", "/bucket", "//key", "bucket/%FF"] {
            assert_eq!(Source::parse(header).unwrap_err().code(), "InvalidArgument", "{header}");
        }
    }
}
