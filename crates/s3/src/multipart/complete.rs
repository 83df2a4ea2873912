//! CompleteMultipartUpload: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>

use super::{create::remove_parts, find_upload, upload_key};
use crate::{
    S3, access, api,
    checksums::{Checksum, HasChecksums, Kind, ShowsChecksum},
    conditions::WriteCondition,
    etags::ETag,
    faults::{self, BAD_DIGEST, INVALID_REQUEST},
    keys,
    keys::Which,
    limits::{MAX_OBJECT, MIN_PART},
    names,
    objects::{self, ENCRYPTION},
    state::{Contents, More, Object, Part, PartKey, Piece, Upload},
};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_digest::{Algorithm, Sum};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_store::Blob;
use std::{collections::BTreeSet, sync::Arc};

/// What the client says of one part.
struct Named {
    number: i32,
    etag: String,
    checksums: Vec<(Algorithm, String)>,
}

/// What the client says of the object.
struct Claims {
    checksums: Vec<(Algorithm, String)>,
    kind: Option<String>,
    size: Option<i64>,
}

fn named(upload_id: &str, parts: Option<api::CompletedMultipartUpload>) -> Result<Vec<Named>, Fault> {
    let parts = parts.and_then(|parts| parts.parts).unwrap_or_default();
    if parts.is_empty() {
        return Err(INVALID_REQUEST.says("You must specify at least one part"));
    }
    let mut named: Vec<Named> = Vec::with_capacity(parts.len());
    for mut part in parts {
        let (Some(number), Some(etag)) = (part.part_number, part.etag.take()) else { return Err(faults::malformed_xml()) };
        if named.last().is_some_and(|before| before.number >= number) {
            return Err(faults::invalid_part_order(upload_id));
        }
        named.push(Named { number, etag, checksums: part.take_checksums() });
    }
    Ok(named)
}

/// The parts that the client names, each compared with what it says of it.
fn assemble(contents: &Contents, id: &str, upload: &Upload, named: &[Named], claims: &Claims) -> Result<Vec<(i32, Arc<Part>)>, Fault> {
    let mut assembled = Vec::with_capacity(named.len());
    for one in named {
        let place = PartKey { upload: id.into(), number: one.number };
        let invalid = || faults::invalid_part(id, one.number, crate::conditions::bare(&one.etag));
        let part = contents.parts.get(&place).filter(|part| part.etag.is(&one.etag)).ok_or_else(invalid)?;
        assembled.push((one.number, part.clone()));
    }
    claims.check_sum(upload, combined(upload, &assembled).as_ref())?;
    for (one, (_, part)) in named.iter().zip(&assembled) {
        let invalid = || faults::invalid_part(id, one.number, crate::conditions::bare(&one.etag));
        compare(upload, part, one).map_err(|refusal| refusal.unwrap_or_else(invalid))?;
    }
    let small = assembled.iter().rev().skip(1).rev().find(|(_, part)| part.blob.length() < MIN_PART);
    if let Some((number, part)) = small {
        return Err(FaultKind::sender("EntityTooSmall", 400)
            .says("Your proposed upload is smaller than the minimum allowed size")
            .with("ProposedSize", part.blob.length().to_string())
            .with("MinSizeAllowed", MIN_PART.to_string())
            .with("PartNumber", number.to_string())
            .with("ETag", part.etag.to_string()));
    }
    Ok(assembled)
}

/// `Err(None)`: the part is not the one the client means.
fn compare(upload: &Upload, part: &Part, named: &Named) -> Result<(), Option<Fault>> {
    let same = |algorithm: Algorithm, value: &str| part.sum.as_ref().is_some_and(|sum| sum.algorithm() == algorithm && sum.base64() == *value);
    match (upload.checksum, named.checksums.as_slice()) {
        (None | Some((_, Kind::FullObject)), []) => Ok(()),
        // AWS: an upload without an algorithm knows no checksum that could match (recorded).
        (None, _) => Err(None),
        (Some((algorithm, Kind::Composite)), []) => Err(Some(INVALID_REQUEST.says(format!(
            "The upload was created using a {} checksum. The complete request must include the checksum for each part. It was missing for part {} in the request.",
            algorithm.name().to_ascii_lowercase(),
            named.number
        )))),
        (Some(_), checksums) if checksums.iter().all(|(algorithm, value)| same(*algorithm, value)) => Ok(()),
        (Some((_, Kind::FullObject)), _) => Err(None),
        (Some((algorithm, Kind::Composite)), _) => Err(Some(BAD_DIGEST.says(format!(
            "The {} you specified for part {} did not match what we received.",
            algorithm.name().to_ascii_lowercase(),
            named.number
        )))),
    }
}

/// The checksum of the whole, from those of the parts.
fn combined(upload: &Upload, parts: &[(i32, Arc<Part>)]) -> Option<Checksum> {
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
        None => full(|part| part.crc64.as_ref()),
        Some((_, Kind::FullObject)) => full(|part| part.sum.as_ref()),
        Some((algorithm, Kind::Composite)) => {
            let sums: Option<Vec<&Sum>> = parts.iter().map(|(_, part)| part.sum.as_ref()).collect();
            let sum = Sum::composite(algorithm, sums?)?;
            Some(Checksum { sum, kind: Kind::Composite, parts: u32::try_from(parts.len()).unwrap_or(u32::MAX) })
        }
    }
}

impl Claims {
    fn check_kind(&self, upload: &Upload) -> Result<(), Fault> {
        let kind = upload.checksum.map_or("null", |(_, kind)| kind.name());
        match &self.kind {
            Some(claimed) if claimed != kind => Err(INVALID_REQUEST
                .says(format!("The upload was created using the {kind} checksum mode. The complete request must use the same checksum mode."))),
            _ => Ok(()),
        }
    }

    fn check_size(&self, size: u64) -> Result<(), Fault> {
        if size > MAX_OBJECT {
            return Err(faults::entity_too_large(size, MAX_OBJECT));
        }
        match self.size {
            Some(claimed) if u64::try_from(claimed).ok() != Some(size) => {
                Err(INVALID_REQUEST
                    .says(format!("The provided 'x-amz-mp-object-size' header value {claimed} does not match what was computed: {size}")))
            }
            _ => Ok(()),
        }
    }

    /// AWS: a claim without its kind has the kind its algorithm would have had, and what an upload without an algorithm
    /// is told goes unheard (both recorded).
    fn check_sum(&self, upload: &Upload, computed: Option<&Checksum>) -> Result<(), Fault> {
        let (Some((algorithm, kind)), Some(computed), Some((claimed, value))) = (upload.checksum, computed, self.checksums.first()) else {
            return Ok(());
        };
        let claimed_kind = if self.kind.is_some() { kind } else { Kind::of_upload(*claimed) };
        let bare = value.split_once('-').map_or(value.as_str(), |(bare, _)| bare);
        let matches = value == &computed.text() || (kind == Kind::Composite && bare == value && *value == computed.sum.base64());
        if self.checksums.len() == 1 && *claimed == algorithm && claimed_kind == kind && matches {
            return Ok(());
        }
        Err(BAD_DIGEST.says(format!("The {} you specified did not match the calculated checksum.", algorithm.name().to_ascii_lowercase())))
    }
}

/// What becomes of an upload that is complete: an object, and bodies that no row names any more.
struct Completed {
    object: Arc<Object>,
    left: Vec<Blob>,
}

/// How far an upload is.
enum Phase {
    Open(Arc<Upload>),
    /// Completing it again answers the same, as long as its object is there.
    Complete(Arc<Object>),
}

fn find(contents: &Contents, key: &str, id: &str) -> Result<Phase, Fault> {
    find_upload(contents, key, id).map(Phase::Open).or_else(|fault| {
        let object = keys::get(contents, key, Which::Current);
        let made = object.filter(|object| object.more.as_ref().and_then(|more| more.upload.as_deref()) == Some(id));
        made.map(Phase::Complete).ok_or(fault)
    })
}

fn complete(s3: &S3, cx: &Cx, contents: &mut Contents, target: Target<'_>) -> Result<Completed, Fault> {
    let Target { key, id, parts: named, claims, condition } = target;
    let upload = match find(contents, key, id)? {
        Phase::Open(upload) => upload,
        Phase::Complete(object) => return Ok(Completed { object, left: vec![] }),
    };
    claims.check_kind(&upload)?;
    let parts = assemble(contents, id, &upload, named, claims)?;
    let size: u64 = parts.iter().map(|(_, part)| part.blob.length()).fold(0, u64::saturating_add);
    claims.check_size(size)?;
    let checksum = combined(&upload, &parts);
    check_condition(contents, key, &upload, condition)?;

    let composite = upload.checksum.is_some_and(|(_, kind)| kind == Kind::Composite);
    let pieces: Arc<[Piece]> = parts
        .iter()
        .map(|(number, part)| Piece { number: *number, size: part.blob.length(), sum: part.sum.filter(|_| composite).map(Box::new) })
        .collect();
    let etags: Vec<&ETag> = parts.iter().map(|(_, part)| &part.etag).collect();
    let object = Object {
        order: 0,
        modified: cx.now,
        etag: ETag::of_parts(etags.into_iter()),
        blob: Blob::join(parts.iter().map(|(_, part)| part.blob.clone())),
        class: upload.class,
        checksum: checksum.map(Box::new),
        more: Some(Box::new(More { pieces, upload: Some(id.into()), ..upload.more.clone() })),
    };
    // The bodies of the named parts belong to the object now; those of the others to nobody.
    let kept: BTreeSet<i32> = parts.iter().map(|(number, _)| *number).collect();
    for number in &kept {
        contents.parts.remove(&PartKey { upload: id.into(), number: *number });
    }
    let mut left = remove_parts(contents, id);
    contents.uploads.remove(&upload_key(key, id));
    left.extend(objects::write(s3, cx, contents, key, object));
    let object = keys::get(contents, key, Which::Current).ok_or_else(|| Fault::internal("the completed object is not there"))?;
    Ok(Completed { object, left })
}

/// A condition that holds over an object which is younger than the upload is a lost race.
fn check_condition(contents: &Contents, key: &str, upload: &Upload, condition: &WriteCondition) -> Result<(), Fault> {
    let current = keys::get(contents, key, Which::Current);
    condition.check(key, current.as_ref().map(|object| object.etag.to_string()).as_deref())?;
    if !condition.is_none() && current.is_some_and(|object| object.order > upload.order) {
        return Err(faults::conditional_request_conflict(condition.header(), key));
    }
    Ok(())
}

struct Target<'a> {
    key: &'a str,
    id: &'a str,
    parts: &'a [Named],
    claims: &'a Claims,
    condition: &'a WriteCondition,
}

impl Handle<api::CompleteMultipartUpload> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::CompleteMultipartUploadRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?;
        let mut permission = found.permission_on(cx, "s3:PutObject", &input.key);
        objects::set_write_keys(
            &mut permission.keys,
            &[("s3:if-match", input.if_match.as_ref()), ("s3:if-none-match", input.if_none_match.as_ref())],
        );
        Ok(permission.into())
    }

    async fn handle(&self, cx: &Cx, mut input: api::CompleteMultipartUploadRequest) -> Result<api::CompleteMultipartUploadOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let condition = WriteCondition::of(input.if_match.as_deref(), input.if_none_match.as_deref())?;
        found.contents.read(|contents| find(contents, &input.key, &input.upload_id)).ok_or_else(access::gone(&input.bucket))??;
        let parts = named(&input.upload_id, input.multipart_upload.take())?;
        let claims = Claims { checksums: input.take_checksums(), kind: input.checksum_type.take(), size: input.mpu_object_size };
        let target = Target { key: &input.key, id: &input.upload_id, parts: &parts, claims: &claims, condition: &condition };
        let completed = found.contents.write(|contents| complete(self, cx, contents, target));
        let Completed { object, left } = completed.ok_or_else(access::gone(&input.bucket))??;
        self.discard(left);
        self.synced().await?;
        let mut output = api::CompleteMultipartUploadOutput {
            location: Some(names::location(cx.endpoint(), &input.bucket, &input.key)),
            bucket: Some(input.bucket.clone()),
            key: Some(input.key.clone()),
            etag: Some(object.etag.quoted()),
            server_side_encryption: Some(ENCRYPTION.to_owned()),
            ..Default::default()
        };
        if let Some(checksum) = object.checksum.as_deref() {
            output.show_checksum(checksum);
        }
        Ok(output)
    }
}
