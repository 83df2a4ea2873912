//! GetObject and HeadObject: conditions, ranges, parts, and the headers of their answers.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>

use super::GET;
use crate::{
    S3,
    access::{self, BucketHandle},
    api,
    bodies::{PlainReader, response_body},
    checksums::{Checksum, ChecksumType, HasChecksumType},
    conditions::{ConditionFailure, ReadConditions},
    encryption::{CustomerKey, CustomerKeyHeaders, describe_encryption},
    faults, metadata,
    object_lock::{ShownLock, describe_lock},
    ranges,
    state::Object,
    tags,
    versions::{self, Found, VersionSelector},
};
use cloudlet_aws::{Fault, Timestamp, TimestampFormat};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_store::BlobReader;
use std::{ops::Range, sync::Arc};

/// The bytes of an object that an answer carries.
#[derive(Debug, PartialEq)]
struct Selection {
    range: Range<u64>,
    /// Answered with 206 and Content-Range.
    partial: bool,
    /// The number of parts, when one part of a multipart object was requested.
    parts_count: Option<usize>,
    /// The checksum of exactly these bytes, if it is known.
    checksum: Option<Checksum>,
    /// The key of SSE-C.
    customer: Option<CustomerKey>,
}

/// The members that both inputs have.
struct ReadRequest<'a> {
    key: &'a str,
    selector: VersionSelector,
    conditions: ReadConditions<'a>,
    range: Option<&'a str>,
    part: Option<i32>,
    checksum_mode: Option<&'a str>,
    customer_key: CustomerKeyHeaders,
}

/// What is read of an object.
type Opened = (Arc<Object>, Selection, BlobReader);

macro_rules! read_request {
    ($input:expr) => {
        ReadRequest {
            key: &$input.key,
            selector: VersionSelector::of($input.version_id.as_deref())?,
            conditions: ReadConditions {
                if_match: $input.if_match.as_deref(),
                if_none_match: $input.if_none_match.as_deref(),
                if_modified_since: $input.if_modified_since,
                if_unmodified_since: $input.if_unmodified_since,
            },
            range: $input.range.as_deref(),
            part: $input.part_number,
            checksum_mode: $input.checksum_mode.as_deref(),
            customer_key: $crate::encryption::customer_key!($input),
        }
    };
}

impl ReadRequest<'_> {
    /// Whether the answer has a checksum.
    fn with_checksum(&self) -> Result<bool, Fault> {
        match self.checksum_mode {
            None => Ok(false),
            Some(mode) if mode.trim().eq_ignore_ascii_case("ENABLED") => Ok(true),
            Some(_) => Err(faults::INVALID_REQUEST.says("Value for x-amz-checksum-mode header is invalid.")),
        }
    }

    /// Checks the conditions and selects the bytes.
    fn check(&self, object: &Object, now: Timestamp) -> Result<Selection, Fault> {
        let customer = self.customer_key.check_read(object.encryption.as_deref())?;
        if !self.conditions.is_empty() {
            self.conditions.check(&object.etag.to_string(), object.last_modified, now).map_err(|failure| match failure {
                ConditionFailure::Failed(condition) => faults::precondition_failed(condition),
                ConditionFailure::NotModified(_) => not_modified(object),
            })?;
        }
        match (self.part, self.range) {
            (Some(_), Some(_)) => Err(faults::INVALID_REQUEST.says("Cannot specify both Range header and partNumber query parameter")),
            (Some(number), None) => Ok(Selection { customer, ..part(object, number)? }),
            (None, range) => {
                let size = object.size();
                let parsed = range.map(|range| ranges::parse(range, size)).transpose()?.flatten();
                let partial = parsed.is_some();
                let range = parsed.unwrap_or(0..size);
                let whole = range == (0..size);
                let checksum = object.checksum.as_deref().filter(|_| whole).cloned();
                Ok(Selection { range, partial, parts_count: None, checksum, customer })
            }
        }
    }
}

fn not_modified(object: &Object) -> Fault {
    let mut fault = faults::not_modified(&object.etag.quoted(), object.last_modified);
    for (name, value) in [("Cache-Control", &object.system_metadata().cache_control), ("Expires", &object.system_metadata().expires)] {
        if let Some(value) = value {
            fault = fault.with_header(name, value);
        }
    }
    fault
}

/// One part of an object. An object of one PutObject counts as one part.
fn part(object: &Object, number: i32) -> Result<Selection, Fault> {
    if number < 1 {
        return Err(faults::invalid_argument("Part number must be an integer between 1 and 10000, inclusive", "partNumber", &number.to_string()));
    }
    let parts = object.parts();
    if parts.is_empty() {
        return match number {
            1 => Ok(Selection {
                range: 0..object.size(),
                partial: object.size() > 0,
                parts_count: None,
                checksum: object.checksum.as_deref().cloned(),
                customer: None,
            }),
            _ => Err(faults::invalid_part_number(number, 1)),
        };
    }
    // Part numbers of an upload may have gaps. Those of the object have none.
    let index = usize::try_from(number).unwrap_or_default().saturating_sub(1);
    let part = parts.get(index).ok_or_else(|| faults::invalid_part_number(number, parts.len()))?;
    let start: u64 = parts.iter().take(index).map(|part| part.size).sum();
    let range = start..start.saturating_add(part.size);
    let checksum = match object.checksum.as_deref() {
        Some(checksum) if checksum.checksum_type == ChecksumType::Composite => {
            part.checksum.as_deref().map(|sum| Checksum { value: *sum, checksum_type: ChecksumType::Composite, parts: 0 })
        }
        Some(checksum) if range == (0..object.size()) => Some(checksum.clone()),
        _ => None,
    };
    Ok(Selection { partial: !range.is_empty(), range, parts_count: Some(parts.len()), checksum, customer: None })
}

/// Sets the members that both outputs have.
macro_rules! describe {
    ($output:ident, $found:expr, $object:expr, $selection:expr, $tags:expr, $lock:expr) => {{
        let (object, selection) = ($object, $selection);
        let system_metadata = object.system_metadata();
        $output.accept_ranges = Some("bytes".to_owned());
        $output.last_modified = Some(object.last_modified);
        $output.content_length = i64::try_from(selection.range.end.saturating_sub(selection.range.start)).ok();
        $output.etag = Some(object.etag.quoted());
        $output.cache_control = system_metadata.cache_control.clone();
        $output.content_disposition = system_metadata.content_disposition.clone();
        $output.content_encoding = system_metadata.content_encoding.clone();
        $output.content_language = system_metadata.content_language.clone();
        $output.content_type = Some(system_metadata.content_type.clone().unwrap_or_else(|| metadata::DEFAULT_CONTENT_TYPE.to_owned()));
        $output.expires = system_metadata.expires.clone();
        $output.website_redirect_location = object.website_redirect_location().cloned();
        describe_encryption!($output, object.encryption.as_deref(), &selection.customer);
        $output.metadata = object.user_metadata().map(metadata::to_headers);
        $output.storage_class = object.storage_class.header();
        $output.parts_count = selection.parts_count.and_then(|count| i32::try_from(count).ok());
        $output.tag_count = $tags;
        $output.replication_status = object.replication_status().map(|status| status.name().to_owned());
        describe_lock!($output, $lock);
        $output.version_id = $found.bucket.shown_version(object.version_id);
        if selection.partial {
            let last = selection.range.end.saturating_sub(1);
            $output.content_range = Some(format!("bytes {}-{last}/{}", selection.range.start, object.size()));
        }
    }};
}

/// Sets the headers that the request overrides.
macro_rules! override_headers {
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
    if value.chars().all(|character| u32::from(character) < 256) {
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

/// Anonymous callers may not override headers.
fn check_signed(cx: &Cx, overrides: bool) -> Result<(), Fault> {
    if overrides && cx.caller.is_anonymous() {
        return Err(faults::INVALID_REQUEST.says("Request specific response headers cannot be used for anonymous GET requests."));
    }
    Ok(())
}

impl S3 {
    fn tag_count<O: cloudlet_shape::Operation>(
        &self,
        cx: &Cx,
        found: &BucketHandle,
        key: &str,
        version: Option<&String>,
        object: &Object,
    ) -> Option<i32> {
        let count = object.tags().len();
        let may_see = count > 0 && cx.check::<O>(&found.version_permission(cx, tags::GET, key, version)).is_ok();
        if may_see { i32::try_from(count).ok() } else { None }
    }
}

/// All that GetObject and HeadObject answer of an object but its body.
macro_rules! head_of {
    ($engine:ident, $cx:ident, $found:ident, $input:ident, $request:ident, $object:ident, $selection:ident, $with_checksum:ident, $output:ident, $operation:ty) => {
        describe!(
            $output,
            $found,
            &$object,
            &$selection,
            $engine.tag_count::<$operation>($cx, &$found, &$input.key, $input.version_id.as_ref(), &$object),
            ShownLock::of::<$operation>($cx, &$found, &$input.key, &$object)
        );
        $output.expiration = $found.expiration($request.selector, &$input.key, &$object);
        $output.restore = $object.restore_header($cx.now);
        if let Some(checksum) = $selection.checksum.as_ref().filter(|_| $with_checksum) {
            $output.set_checksum(checksum);
        }
        override_headers!($output, $input);
        if $selection.partial {
            $cx.reply.status(206);
        }
    };
}

impl Handle<api::GetObject> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::GetObjectRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.paid_by(cx, input.request_payer.as_ref())?;
        Ok(found.version_permission(cx, GET, &input.key, input.version_id.as_ref()).into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetObjectRequest) -> Result<api::GetObjectOutput, Fault> {
        check_signed(cx, overrides!(input))?;
        let found = self.find(cx, &input.bucket, None)?;
        let request = read_request!(input);
        let read = found.tables.read(|tables| -> Result<Result<Opened, Found>, Fault> {
            let object = match versions::find(tables, request.key, request.selector) {
                Found::Object(object) => object,
                other => return Ok(Err(other)),
            };
            if object.is_archived(cx.now) {
                return Err(faults::invalid_object_state(object.storage_class.name()));
            }
            let selection = request.check(&object, cx.now)?;
            let reader = self.blobs.read(&object.blob, selection.range.clone()).map_err(Fault::internal)?;
            Ok(Ok((object, selection, reader)))
        });
        let read = read.ok_or_else(access::gone(&input.bucket))??;
        // AWS: reported before a missing object by GetObject, not by HeadObject (measured, <https://github.com/brekkylab/backlot>).
        let with_checksum = request.with_checksum()?;
        let (object, selection, reader) =
            read.map_err(|other| found.missing_object::<api::GetObject>(cx, other, &input.key, request.selector, "GET"))?;
        let mut output = api::GetObjectOutput::default();
        head_of!(self, cx, found, input, request, object, selection, with_checksum, output, api::GetObject);
        let cipher = self.open(cx, &found, &input.key, &object, selection.customer.as_ref()).await?;
        output.body = Some(response_body(PlainReader::new(reader, cipher, selection.range.start)).await?);
        Ok(output)
    }
}

impl Handle<api::HeadObject> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::HeadObjectRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.paid_by(cx, input.request_payer.as_ref())?;
        Ok(found.version_permission(cx, GET, &input.key, input.version_id.as_ref()).into())
    }

    async fn handle(&self, cx: &Cx, input: api::HeadObjectRequest) -> Result<api::HeadObjectOutput, Fault> {
        check_signed(cx, overrides!(input))?;
        let found = self.find(cx, &input.bucket, None)?;
        let request = read_request!(input);
        let object = found.object::<api::HeadObject>(cx, &input.key, request.selector, "HEAD")?;
        let selection = request.check(&object, cx.now)?;
        let with_checksum = request.with_checksum()?;
        let mut output = api::HeadObjectOutput::default();
        head_of!(self, cx, found, input, request, object, selection, with_checksum, output, api::HeadObject);
        Ok(output)
    }
}
