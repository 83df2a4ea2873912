//! GetObject and HeadObject: conditions, ranges, parts, and what an answer says of the object.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>

use super::{ENCRYPTION, GET};
use crate::{
    S3,
    access::{self, Found},
    api, bodies,
    checksums::{Checksum, Kind, ShowsChecksum},
    conditions::{ReadConditions, Refusal},
    faults, keys,
    keys::Which,
    metadata, ranges,
    state::{Object, Tag},
};
use cloudlet_aws::{Fault, Timestamp, TimestampFormat};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_store::BlobReader;
use std::{ops::Range, sync::Arc};

/// The part of an object that an answer carries.
#[derive(Debug, PartialEq)]
struct Extent {
    range: Range<u64>,
    /// 206, with a Content-Range.
    partial: bool,
    /// Of an object that came in parts, when one part was asked for.
    parts: Option<usize>,
    /// What is known of exactly these bytes.
    checksum: Option<Checksum>,
}

/// What a reader asks for. Both inputs have these members.
struct Wanted<'a> {
    key: &'a str,
    which: Which,
    conditions: ReadConditions<'a>,
    range: Option<&'a str>,
    part: Option<i32>,
    with_checksum: bool,
}

macro_rules! wanted {
    ($input:expr) => {
        Wanted {
            key: &$input.key,
            which: Which::of($input.version_id.as_deref())?,
            conditions: ReadConditions {
                if_match: $input.if_match.as_deref(),
                if_none_match: $input.if_none_match.as_deref(),
                if_modified_since: $input.if_modified_since,
                if_unmodified_since: $input.if_unmodified_since,
            },
            range: $input.range.as_deref(),
            part: $input.part_number,
            with_checksum: $input.checksum_mode.as_deref().is_some_and(|mode| mode.eq_ignore_ascii_case("ENABLED")),
        }
    };
}

impl Wanted<'_> {
    /// Whether the object may be read as asked, and which bytes of it.
    fn check(&self, object: &Object, now: Timestamp) -> Result<Extent, Fault> {
        if !self.conditions.is_empty() {
            self.conditions.check(&object.etag.to_string(), object.modified, now).map_err(|refusal| match refusal {
                Refusal::Failed(condition) => faults::precondition_failed(condition),
                Refusal::NotModified(_) => not_modified(object),
            })?;
        }
        match (self.part, self.range) {
            (Some(_), Some(_)) => Err(faults::INVALID_REQUEST.says("Cannot specify both Range header and partNumber query parameter")),
            (Some(number), None) => part(object, number),
            (None, range) => {
                let size = object.size();
                let cut = range.map(|range| ranges::parse(range, size)).transpose()?.flatten();
                let partial = cut.is_some();
                let range = cut.unwrap_or(0..size);
                let whole = range == (0..size);
                let checksum = object.checksum.as_deref().filter(|_| whole).cloned();
                Ok(Extent { range, partial, parts: None, checksum })
            }
        }
    }
}

fn not_modified(object: &Object) -> Fault {
    let mut fault = faults::not_modified(&object.etag.quoted(), object.modified);
    for (name, value) in [("Cache-Control", &object.fields().cache_control), ("Expires", &object.fields().expires)] {
        if let Some(value) = value {
            fault = fault.with_header(name, value);
        }
    }
    fault
}

/// One part of an object; an object that was written in one piece is its own first part.
fn part(object: &Object, number: i32) -> Result<Extent, Fault> {
    if number < 1 {
        return Err(faults::invalid_argument("Part number must be an integer between 1 and 10000, inclusive", "partNumber", &number.to_string()));
    }
    let pieces = object.pieces();
    if pieces.is_empty() {
        return match number {
            1 => Ok(Extent { range: 0..object.size(), partial: object.size() > 0, parts: None, checksum: object.checksum.as_deref().cloned() }),
            _ => Err(faults::invalid_part_number(number, 1)),
        };
    }
    // Numbers may have gaps in an upload; the object counts its parts from one.
    let index = usize::try_from(number).unwrap_or_default().saturating_sub(1);
    let piece = pieces.get(index).ok_or_else(|| faults::invalid_part_number(number, pieces.len()))?;
    let start: u64 = pieces.iter().take(index).map(|piece| piece.size).sum();
    let range = start..start.saturating_add(piece.size);
    let checksum = match object.checksum.as_deref() {
        Some(checksum) if checksum.kind == Kind::Composite => piece.sum.as_deref().map(|sum| Checksum { sum: *sum, kind: Kind::Composite, parts: 0 }),
        Some(checksum) if range == (0..object.size()) => Some(checksum.clone()),
        _ => None,
    };
    Ok(Extent { partial: !range.is_empty(), range, parts: Some(pieces.len()), checksum })
}

/// Writes what both answers say about the object.
macro_rules! describe {
    ($output:ident, $object:expr, $extent:expr, $tags:expr) => {{
        let (object, extent) = ($object, $extent);
        let fields = object.fields();
        $output.accept_ranges = Some("bytes".to_owned());
        $output.last_modified = Some(object.modified);
        $output.content_length = i64::try_from(extent.range.end.saturating_sub(extent.range.start)).ok();
        $output.etag = Some(object.etag.quoted());
        $output.cache_control = fields.cache_control.clone();
        $output.content_disposition = fields.content_disposition.clone();
        $output.content_encoding = fields.content_encoding.clone();
        $output.content_language = fields.content_language.clone();
        $output.content_type = Some(fields.content_type.clone().unwrap_or_else(|| metadata::DEFAULT_CONTENT_TYPE.to_owned()));
        $output.expires = fields.expires.clone();
        $output.website_redirect_location = object.redirect().cloned();
        $output.server_side_encryption = Some(ENCRYPTION.to_owned());
        $output.metadata = object.metadata().map(metadata::shown);
        $output.storage_class = object.class.header();
        $output.parts_count = extent.parts.and_then(|count| i32::try_from(count).ok());
        $output.tag_count = $tags;
        if extent.partial {
            let last = extent.range.end.saturating_sub(1);
            $output.content_range = Some(format!("bytes {}-{last}/{}", extent.range.start, object.size()));
        }
    }};
}

/// Headers of the answer that the request may set.
macro_rules! override_fields {
    ($output:ident, $input:ident) => {{
        let fields = [
            ("response-cache-control", $input.response_cache_control, &mut $output.cache_control),
            ("response-content-disposition", $input.response_content_disposition, &mut $output.content_disposition),
            ("response-content-encoding", $input.response_content_encoding, &mut $output.content_encoding),
            ("response-content-language", $input.response_content_language, &mut $output.content_language),
            ("response-content-type", $input.response_content_type, &mut $output.content_type),
            ("response-expires", $input.response_expires.map(|expires| expires.text(TimestampFormat::HttpDate)), &mut $output.expires),
        ];
        for (name, value, field) in fields {
            if let Some(value) = value {
                *field = Some(check_override(name, value)?);
            }
        }
    }};
}

/// AWS: a value must fit into ISO-8859-1 (recorded).
fn check_override(name: &str, value: String) -> Result<String, Fault> {
    if value.chars().all(|letter| u32::from(letter) < 256) {
        return Ok(value);
    }
    Err(faults::invalid_argument("Header value cannot be represented using ISO-8859-1.", name, &value))
}

macro_rules! overrides {
    ($input:expr) => {
        $input.response_cache_control.is_some()
            || $input.response_content_disposition.is_some()
            || $input.response_content_encoding.is_some()
            || $input.response_content_language.is_some()
            || $input.response_content_type.is_some()
            || $input.response_expires.is_some()
    };
}

/// Only who signs may say what an answer says.
fn check_signed(cx: &Cx, overrides: bool) -> Result<(), Fault> {
    if overrides && cx.caller.is_anonymous() {
        return Err(faults::INVALID_REQUEST.says("Request specific response headers cannot be used for anonymous GET requests."));
    }
    Ok(())
}

impl S3 {
    fn ask_get(&self, cx: &Cx, bucket: &str, key: &str, version: Option<&String>, owner: Option<&String>) -> Result<Permissions, Fault> {
        let found = self.find(cx, bucket, owner)?;
        let mut permission = found.ask_version(cx, GET, key, version);
        self.set_existing_tags(&found, key, &mut permission);
        Ok(permission.into())
    }

    /// What a policy may say of the tags an object has.
    pub(crate) fn set_existing_tags(&self, found: &Found, key: &str, permission: &mut Permission) {
        let object = found.contents.read(|contents| keys::get(contents, key, Which::Current)).flatten();
        for Tag { key, value } in object.iter().flat_map(|object| object.tags()) {
            permission.keys.set(format!("s3:ExistingObjectTag/{key}"), value.clone());
        }
    }

    fn tag_count<O: cloudlet_shape::Operation>(&self, cx: &Cx, found: &Found, key: &str, object: &Object) -> Option<i32> {
        let count = object.tags().len();
        let shown = count > 0 && cx.check::<O>(&found.permission_on(cx, "s3:GetObjectTagging", key)).is_ok();
        if shown { i32::try_from(count).ok() } else { None }
    }
}

impl Handle<api::GetObject> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::GetObjectRequest) -> Result<Permissions, Fault> {
        self.ask_get(cx, &input.bucket, &input.key, input.version_id.as_ref(), input.expected_bucket_owner.as_ref())
    }

    async fn handle(&self, cx: &Cx, input: api::GetObjectRequest) -> Result<api::GetObjectOutput, Fault> {
        check_signed(cx, overrides!(input))?;
        let found = self.find(cx, &input.bucket, None)?;
        let wanted = wanted!(input);
        let read = found.contents.read(|contents| -> Result<Option<(Arc<Object>, Extent, BlobReader)>, Fault> {
            let Some(object) = keys::get(contents, wanted.key, wanted.which) else { return Ok(None) };
            if object.class.is_archive() {
                return Err(faults::invalid_object_state(object.class.name()));
            }
            let extent = wanted.check(&object, cx.now)?;
            let reader = self.blobs.read(&object.blob, extent.range.clone()).map_err(Fault::internal)?;
            Ok(Some((object, extent, reader)))
        });
        let read = read.ok_or_else(access::gone(&input.bucket))??;
        let (object, extent, reader) = read.ok_or_else(|| found.missing::<api::GetObject>(cx, faults::no_such_key(&input.key)))?;
        let mut output = api::GetObjectOutput::default();
        describe!(output, &object, &extent, self.tag_count::<api::GetObject>(cx, &found, &input.key, &object));
        if let Some(checksum) = extent.checksum.as_ref().filter(|_| wanted.with_checksum) {
            output.show_checksum(checksum);
        }
        override_fields!(output, input);
        if extent.partial {
            cx.reply.status(206);
        }
        output.body = Some(bodies::answer(reader).await?);
        Ok(output)
    }
}

impl Handle<api::HeadObject> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::HeadObjectRequest) -> Result<Permissions, Fault> {
        self.ask_get(cx, &input.bucket, &input.key, input.version_id.as_ref(), input.expected_bucket_owner.as_ref())
    }

    async fn handle(&self, cx: &Cx, input: api::HeadObjectRequest) -> Result<api::HeadObjectOutput, Fault> {
        check_signed(cx, overrides!(input))?;
        let found = self.find(cx, &input.bucket, None)?;
        let wanted = wanted!(input);
        let object = found.contents.read(|contents| keys::get(contents, wanted.key, wanted.which)).ok_or_else(access::gone(&input.bucket))?;
        let object = object.ok_or_else(|| found.missing::<api::HeadObject>(cx, faults::no_such_key(&input.key)))?;
        let extent = wanted.check(&object, cx.now)?;
        let mut output = api::HeadObjectOutput::default();
        describe!(output, &object, &extent, self.tag_count::<api::HeadObject>(cx, &found, &input.key, &object));
        if let Some(checksum) = extent.checksum.as_ref().filter(|_| wanted.with_checksum) {
            output.show_checksum(checksum);
        }
        override_fields!(output, input);
        if extent.partial {
            cx.reply.status(206);
        }
        Ok(output)
    }
}
