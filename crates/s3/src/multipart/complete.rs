//! CompleteMultipartUpload: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>

use super::{create::remove_parts, find_upload, upload_key};
use crate::{
    S3,
    access::{self, BucketHandle, Creates},
    api,
    changes::CreatedBy,
    checksums::{Checksum, ChecksumType, HasChecksumType, HasChecksums},
    conditions::WriteCondition,
    encryption::{self, customer_key},
    etags::ETag,
    etags::unquoted,
    faults::{self, BAD_DIGEST, INVALID_REQUEST},
    limits::{MAX_OBJECT, MIN_PART},
    names, objects,
    state::{BucketTables, MultipartUpload, Object, ObjectPart, ObjectProperties, Part, PartKey},
    versions::{self, VersionSelector, created_id},
};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_digest::{Algorithm, Sum};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_store::Blob;
use std::{collections::BTreeSet, sync::Arc};

/// One part of the request.
struct RequestedPart {
    part_number: i32,
    etag: String,
    checksums: Vec<(Algorithm, String)>,
}

/// What the request says of the whole object.
struct RequestedObject {
    checksums: Vec<(Algorithm, String)>,
    checksum_type: Option<String>,
    size: Option<i64>,
}

struct Completion<'a> {
    key: &'a str,
    upload_id: &'a str,
    parts: &'a [RequestedPart],
    object: &'a RequestedObject,
    condition: &'a WriteCondition,
}

fn requested_parts(upload_id: &str, document: Option<api::CompletedMultipartUpload>) -> Result<Vec<RequestedPart>, Fault> {
    let Some(document) = document else { return Err(INVALID_REQUEST.says("You must specify at least one part")) };
    let parts = document.parts.filter(|parts| !parts.is_empty()).ok_or_else(faults::malformed_xml)?;
    let mut requested: Vec<RequestedPart> = Vec::with_capacity(parts.len());
    for mut part in parts {
        let (Some(part_number), Some(etag)) = (part.part_number, part.etag.take()) else { return Err(faults::malformed_xml()) };
        if requested.last().is_some_and(|before| before.part_number >= part_number) {
            return Err(faults::invalid_part_order(upload_id));
        }
        requested.push(RequestedPart { part_number, etag, checksums: part.take_checksums() });
    }
    Ok(requested)
}

/// The uploaded parts that the request names, each compared with what the request says of it.
fn find_parts(
    tables: &BucketTables,
    upload_id: &str,
    upload: &MultipartUpload,
    requested: &[RequestedPart],
    object: &RequestedObject,
) -> Result<Vec<(i32, Arc<Part>)>, Fault> {
    let mut found = Vec::with_capacity(requested.len());
    for one in requested {
        let row_key = PartKey { upload_id: upload_id.into(), part_number: one.part_number };
        let invalid = || faults::invalid_part(upload_id, one.part_number, unquoted(&one.etag));
        let part = tables.parts.get(&row_key).filter(|part| part.etag.is(&one.etag)).ok_or_else(invalid)?;
        found.push((one.part_number, part.clone()));
    }
    object.check_checksum(upload, object_checksum(upload, &found).as_ref())?;
    for (one, (_, part)) in requested.iter().zip(&found) {
        let invalid = || faults::invalid_part(upload_id, one.part_number, unquoted(&one.etag));
        check_part(upload, part, one).map_err(|fault| fault.unwrap_or_else(invalid))?;
    }
    let small = found.iter().rev().skip(1).rev().find(|(_, part)| part.blob.length() < MIN_PART);
    if let Some((part_number, part)) = small {
        return Err(FaultKind::sender("EntityTooSmall", 400)
            .says("Your proposed upload is smaller than the minimum allowed size")
            .with("ProposedSize", part.blob.length().to_string())
            .with("MinSizeAllowed", MIN_PART.to_string())
            .with("PartNumber", part_number.to_string())
            .with("ETag", part.etag.to_string()));
    }
    Ok(found)
}

/// Compares the checksums of one part. `Err(None)`: InvalidPart.
fn check_part(upload: &MultipartUpload, part: &Part, requested: &RequestedPart) -> Result<(), Option<Fault>> {
    let same = |algorithm: Algorithm, value: &str| part.checksum.as_ref().is_some_and(|sum| sum.algorithm() == algorithm && sum.base64() == *value);
    match (upload.checksum, requested.checksums.as_slice()) {
        (None | Some((_, ChecksumType::FullObject)), []) => Ok(()),
        // AWS: no checksum matches a part of an upload that named no algorithm (recorded).
        (None, _) => Err(None),
        (Some((algorithm, ChecksumType::Composite)), []) => Err(Some(INVALID_REQUEST.says(format!(
            "The upload was created using a {} checksum. The complete request must include the checksum for each part. It was missing for part {} in the request.",
            algorithm.name().to_ascii_lowercase(),
            requested.part_number
        )))),
        (Some(_), checksums) if checksums.iter().all(|(algorithm, value)| same(*algorithm, value)) => Ok(()),
        (Some((_, ChecksumType::FullObject)), _) => Err(None),
        (Some((algorithm, ChecksumType::Composite)), _) => Err(Some(BAD_DIGEST.says(format!(
            "The {} you specified for part {} did not match what we received.",
            algorithm.name().to_ascii_lowercase(),
            requested.part_number
        )))),
    }
}

/// The checksum of the object, from those of its parts.
fn object_checksum(upload: &MultipartUpload, parts: &[(i32, Arc<Part>)]) -> Option<Checksum> {
    let full = |of: fn(&Part) -> Option<&Sum>| {
        let mut whole: Option<Sum> = None;
        for (_, part) in parts {
            let sum = of(part)?;
            whole = Some(match whole {
                None => *sum,
                Some(whole) => whole.combine(sum, part.blob.length())?,
            });
        }
        whole.map(Checksum::full)
    };
    match upload.checksum {
        None => full(|part| part.crc64nvme.as_ref()),
        Some((_, ChecksumType::FullObject)) => full(|part| part.checksum.as_ref()),
        Some((algorithm, ChecksumType::Composite)) => {
            let sums: Option<Vec<&Sum>> = parts.iter().map(|(_, part)| part.checksum.as_ref()).collect();
            let value = Sum::composite(algorithm, sums?)?;
            Some(Checksum { value, checksum_type: ChecksumType::Composite, parts: u32::try_from(parts.len()).unwrap_or(u32::MAX) })
        }
    }
}

impl RequestedObject {
    fn check_checksum_type(&self, upload: &MultipartUpload) -> Result<(), Fault> {
        let of_upload = upload.checksum.map_or("null", |(_, checksum_type)| checksum_type.name());
        match &self.checksum_type {
            Some(requested) if requested != of_upload => Err(INVALID_REQUEST
                .says(format!("The upload was created using the {of_upload} checksum mode. The complete request must use the same checksum mode."))),
            _ => Ok(()),
        }
    }

    fn check_size(&self, size: u64) -> Result<(), Fault> {
        if size > MAX_OBJECT {
            return Err(faults::entity_too_large(size, MAX_OBJECT));
        }
        match self.size {
            Some(requested) if u64::try_from(requested).ok() != Some(size) => Err(INVALID_REQUEST
                .says(format!("The provided 'x-amz-mp-object-size' header value {requested} does not match what was computed: {size}"))),
            _ => Ok(()),
        }
    }

    /// AWS: a checksum without a type is taken for the default type of its algorithm; and for an upload that named no algorithm
    /// the checksum is not compared (both recorded).
    fn check_checksum(&self, upload: &MultipartUpload, computed: Option<&Checksum>) -> Result<(), Fault> {
        let (Some((algorithm, checksum_type)), Some(computed), Some((requested, value))) = (upload.checksum, computed, self.checksums.first()) else {
            return Ok(());
        };
        let requested_type = if self.checksum_type.is_some() { checksum_type } else { ChecksumType::default_of(*requested) };
        let without_count = value.split_once('-').map_or(value.as_str(), |(sum, _)| sum);
        let is_composite_value = checksum_type == ChecksumType::Composite && without_count == value && *value == computed.value.base64();
        let matches = value == &computed.text() || is_composite_value;
        if self.checksums.len() == 1 && *requested == algorithm && requested_type == checksum_type && matches {
            return Ok(());
        }
        Err(BAD_DIGEST.says(format!("The {} you specified did not match the calculated checksum.", algorithm.name().to_ascii_lowercase())))
    }
}

enum UploadState {
    InProgress,
    /// Completing it again has the same answer as long as its object exists.
    Completed(Arc<Object>),
}

fn find(tables: &BucketTables, key: &str, upload_id: &str) -> Result<UploadState, Fault> {
    find_upload(tables, key, upload_id).map(|_| UploadState::InProgress).or_else(|fault| {
        let object = versions::current(tables, key);
        let made_by = |object: &Arc<Object>| object.properties.as_ref().and_then(|properties| properties.upload_id.as_deref()) == Some(upload_id);
        object.filter(made_by).map(UploadState::Completed).ok_or(fault)
    })
}

/// The object that the parts become. The bodies of other parts, which no row names any more, are added to `unused`.
fn complete(cx: &Cx, tables: &mut BucketTables, completion: &Completion<'_>, unused: &mut Vec<Blob>) -> Result<Object, Fault> {
    let Completion { key, upload_id, parts: requested_parts, object: requested, condition } = *completion;
    let upload = find_upload(tables, key, upload_id)?;
    requested.check_checksum_type(&upload)?;
    let parts = find_parts(tables, upload_id, &upload, requested_parts, requested)?;
    let size: u64 = parts.iter().map(|(_, part)| part.blob.length()).fold(0, u64::saturating_add);
    requested.check_size(size)?;
    let checksum = object_checksum(&upload, &parts);
    check_condition(tables, key, &upload, condition)?;

    let composite = upload.checksum.is_some_and(|(_, checksum_type)| checksum_type == ChecksumType::Composite);
    let object_part = |(part_number, part): &(i32, Arc<Part>)| ObjectPart {
        part_number: *part_number,
        size: part.blob.length(),
        checksum: part.checksum.filter(|_| composite).map(Box::new),
        salt: part.salt,
    };
    let etags: Vec<&ETag> = parts.iter().map(|(_, part)| &part.etag).collect();
    let properties =
        ObjectProperties { parts: parts.iter().map(object_part).collect(), upload_id: Some(upload_id.into()), ..upload.properties.clone() };
    let object = Object {
        sequence: 0,
        version_id: None,
        last_modified: cx.now,
        etag: ETag::of_parts(etags.into_iter()),
        blob: Blob::join(parts.iter().map(|(_, part)| part.blob.clone())),
        storage_class: upload.storage_class,
        checksum: checksum.map(Box::new),
        encryption: upload.encryption.clone(),
        properties: Some(Box::new(properties)),
    };
    // The bodies of the requested parts belong to the object now; those of all other parts are not used any more.
    let used: BTreeSet<i32> = parts.iter().map(|(part_number, _)| *part_number).collect();
    for part_number in &used {
        tables.parts.remove(&PartKey { upload_id: upload_id.into(), part_number: *part_number });
    }
    unused.extend(remove_parts(tables, upload_id));
    tables.multipart_uploads.remove(&upload_key(key, upload_id));
    Ok(object)
}

/// A condition that holds is a conflict when the object was written or deleted after the upload was created.
fn check_condition(tables: &BucketTables, key: &str, upload: &MultipartUpload, condition: &WriteCondition) -> Result<(), Fault> {
    let current = versions::current(tables, key);
    condition.check(key, current.as_ref().map(|object| object.etag.to_string()).as_deref())?;
    let changed = upload.object_was_deleted || current.is_some_and(|object| object.sequence > upload.sequence);
    if !condition.is_none() && changed {
        return Err(faults::conditional_request_conflict(condition.header(), key));
    }
    Ok(())
}

fn upload_state(found: &BucketHandle, key: &str, upload_id: &str) -> Result<UploadState, Fault> {
    found.tables.read(|tables| find(tables, key, upload_id)).ok_or_else(access::gone(&found.name))?
}

impl Handle<api::CompleteMultipartUpload> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::CompleteMultipartUploadRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.paid_by(cx, input.request_payer.as_ref())?;
        let mut permission = found.write_permission(cx, &input.key, Creates::Object);
        objects::set_write_keys(
            &mut permission.keys,
            &[("s3:if-match", input.if_match.as_ref()), ("s3:if-none-match", input.if_none_match.as_ref())],
        );
        Ok(permission.into())
    }

    async fn handle(&self, cx: &Cx, mut input: api::CompleteMultipartUploadRequest) -> Result<api::CompleteMultipartUploadOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let condition = WriteCondition::of(input.if_match.as_deref(), input.if_none_match.as_deref())?;
        let state = upload_state(&found, &input.key, &input.upload_id)?;
        customer_key!(input).parse(None)?;
        let parts = requested_parts(&input.upload_id, input.multipart_upload.take())?;
        let object = RequestedObject { checksums: input.take_checksums(), checksum_type: input.checksum_type.take(), size: input.mpu_object_size };
        let completion = Completion { key: &input.key, upload_id: &input.upload_id, parts: &parts, object: &object, condition: &condition };
        let object = match state {
            UploadState::Completed(object) => object,
            UploadState::InProgress => {
                let mut unused = vec![];
                let by = CreatedBy::CompleteMultipartUpload;
                let made = self.create_object(cx, &found, &input.key, by, |tables| complete(cx, tables, &completion, &mut unused));
                match (made, upload_state(&found, &input.key, &input.upload_id)) {
                    (Ok(object), _) => {
                        self.discard(unused);
                        object
                    }
                    // Another request has completed the upload meanwhile.
                    (Err(_), Ok(UploadState::Completed(object))) => object,
                    (Err(fault), _) => return Err(fault),
                }
            }
        };
        let mut output = api::CompleteMultipartUploadOutput {
            location: Some(names::location(cx.endpoint(), &input.bucket, &input.key)),
            bucket: Some(input.bucket.clone()),
            key: Some(input.key.clone()),
            etag: Some(object.etag.quoted()),
            version_id: created_id(&object),
            expiration: found.expiration(VersionSelector::Current, &input.key, &object),
            ..Default::default()
        };
        let answer = encryption::answer(object.encryption.as_deref());
        output.server_side_encryption = answer.algorithm;
        output.sse_kms_key_id = answer.kms_key_id;
        output.bucket_key_enabled = answer.bucket_key;
        if let Some(checksum) = object.checksum.as_deref() {
            output.set_checksum(checksum);
        }
        Ok(output)
    }
}
