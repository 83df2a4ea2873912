//! Headers that are refused before the operation reads its input: those that an input does not have, and those that exclude each other.

use super::selectors::{Level, Selection, parameter};
use crate::{
    checksums::ContentMd5,
    faults::{self, INVALID_REQUEST},
    limits,
    multipart::parse_part_number,
};
use cloudlet_aws::{Fault, FaultKind, Head};
use cloudlet_digest::{Algorithm, Sum};

/// What a request does to the body of an object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Transfer {
    /// PutObject, UploadPart.
    Upload,
    /// CopyObject, UploadPartCopy.
    Copy,
    /// All others: a body, if there is one, is a document.
    None,
}

impl Transfer {
    fn of(head: &Head<'_>, level: Level, selection: Selection) -> Transfer {
        match (head.method, level, selection) {
            ("PUT", Level::Object, Selection::Plain | Selection::Part) => match head.header("x-amz-copy-source") {
                None => Transfer::Upload,
                Some(_) => Transfer::Copy,
            },
            _ => Transfer::None,
        }
    }
}

/// Refused before the signature is verified.
pub fn check_length(head: &Head<'_>, level: Level, selection: Selection) -> Result<(), Fault> {
    if Transfer::of(head, level, selection) == Transfer::None || head.header("x-amz-decoded-content-length").is_some() {
        return Ok(());
    }
    let streaming = head.header("x-amz-content-sha256").is_some_and(|hash| hash.starts_with("STREAMING-"));
    if head.header("content-length").is_some() && !streaming {
        return Ok(());
    }
    if head.header("transfer-encoding").is_some() && !streaming {
        return Err(faults::not_implemented("Transfer-Encoding"));
    }
    Err(FaultKind::sender("MissingContentLength", 411).says("You must provide the Content-Length HTTP header."))
}

/// Refused when the signature is verified.
pub fn check(head: &Head<'_>, path: &str, level: Level, selection: Selection) -> Result<(), Fault> {
    let transfer = Transfer::of(head, level, selection);
    check_key(path, level)?;
    check_part_number(head, level, selection)?;
    check_payload_hash(head, transfer)?;
    if matches!(head.method, "PUT" | "POST" | "DELETE") && level == Level::Object {
        check_conditions(head, selection)?;
    }
    check_encryption(head, level, selection)?;
    if transfer == Transfer::Upload {
        ContentMd5::of(head.header("content-md5"))?;
    }
    if matches!(head.method, "PUT" | "POST") {
        check_checksums(head, selection)?;
    }
    if (head.method, selection.name()) == ("POST", "delete") {
        check_digest(head)?;
    }
    if selection.name() == "uploadId"
        && let Some(size) = head.header("x-amz-mp-object-size")
        && size.parse::<u64>().is_err()
    {
        return Err(INVALID_REQUEST.says(format!("Value for x-amz-mp-object-size header is invalid: '{size}'")));
    }
    if transfer == Transfer::Copy && has_body(head) {
        return Err(INVALID_REQUEST.says("The request included a body. Requests of this type must not include a non-empty body."));
    }
    Ok(())
}

/// DeleteObjects has a digest.
fn check_digest(head: &Head<'_>) -> Result<(), Fault> {
    ContentMd5::of(head.header("content-md5"))?;
    let mut has_digest = head.header("content-md5").is_some() || head.header("x-amz-trailer").is_some();
    head.headers.each(&mut |name, _| has_digest |= Algorithm::of_header(name).is_some());
    if has_digest { Ok(()) } else { Err(INVALID_REQUEST.says("Missing required header for this request: Content-MD5 OR x-amz-checksum-*")) }
}

fn has_body(head: &Head<'_>) -> bool {
    head.header("transfer-encoding").is_some() || head.header("content-length").is_some_and(|length| length != "0")
}

fn check_key(path: &str, level: Level) -> Result<(), Fault> {
    // Percent-encoding makes a key longer: most need not be decoded.
    if level != Level::Object || path.len() <= limits::MAX_KEY {
        return Ok(());
    }
    let key = path.strip_prefix('/').unwrap_or(path).split_once('/').map_or("", |(_, key)| key);
    limits::check_key_length(percent_encoding::percent_decode_str(key).count())
}

fn check_part_number(head: &Head<'_>, level: Level, selection: Selection) -> Result<(), Fault> {
    if level != Level::Object || head.query.is_empty() {
        return Ok(());
    }
    let Some(value) = parameter(head, "partNumber") else { return Ok(()) };
    match (selection, head.method) {
        (Selection::Part, _) => parse_part_number(&value).map(drop),
        (_, "GET" | "HEAD") if head.header("range").is_some() => {
            Err(INVALID_REQUEST.says("Cannot specify both Range header and partNumber query parameter"))
        }
        (_, "GET" | "HEAD") => parse_part_number(&value).map(drop),
        _ => Err(faults::invalid_argument("This operation does not accept partNumber without uploadId", "partNumber", "partNumber")),
    }
}

/// How an object is encrypted is said when it is written.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/specifying-kms-encryption.html>
fn check_encryption(head: &Head<'_>, level: Level, selection: Selection) -> Result<(), Fault> {
    const HEADER: &str = "x-amz-server-side-encryption";
    let is_refused = match (level, head.method) {
        (Level::Object, "GET" | "HEAD") => selection == Selection::Plain,
        (Level::Object, "PUT") => selection == Selection::Part,
        _ => false,
    };
    match head.header(HEADER) {
        Some(value) if is_refused => Err(faults::invalid_argument(format!("{HEADER} header is not supported for this operation."), HEADER, value)),
        _ => Ok(()),
    }
}

/// A trailer belongs to an upload. AWS: measured (<https://github.com/brekkylab/backlot>).
fn check_payload_hash(head: &Head<'_>, transfer: Transfer) -> Result<(), Fault> {
    match head.header("x-amz-content-sha256") {
        Some(hash) if transfer != Transfer::Upload && hash.starts_with("STREAMING-") && hash.ends_with("-TRAILER") => {
            Err(INVALID_REQUEST.says("The value of x-amz-content-sha256 header is invalid."))
        }
        _ => Ok(()),
    }
}

/// The conditional headers that an operation does not have.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>
fn check_conditions(head: &Head<'_>, selection: Selection) -> Result<(), Fault> {
    let refused: &[(&str, &str)] = match (head.method, selection.name()) {
        ("PUT" | "DELETE", "") | ("POST", "uploadId") => {
            &[("if-modified-since", "If-Modified-Since"), ("if-unmodified-since", "If-Unmodified-Since")]
        }
        ("PUT", "partNumber") | ("POST", "uploads") => &[
            ("if-match", "If-Match"),
            ("if-none-match", "If-None-Match"),
            ("if-modified-since", "If-Modified-Since"),
            ("if-unmodified-since", "If-Unmodified-Since"),
        ],
        _ => &[],
    };
    match refused.iter().find(|(name, _)| head.header(name).is_some()) {
        // AWS: unverified for the dates.
        Some((_, shown)) => Err(faults::not_implemented_because(shown, format!("We don't accept the provided value of {shown} header for this API"))),
        None => Ok(()),
    }
}

/// The checksum headers of a body. AWS: the order of the checks was measured (<https://github.com/brekkylab/backlot>).
fn check_checksums(head: &Head<'_>, selection: Selection) -> Result<(), Fault> {
    const PREFIX: &str = "x-amz-checksum-";
    let (mut found, mut unknown, mut count) = (None, false, 0_usize);
    head.headers.each(&mut |name, value| {
        let suffix = name.strip_prefix(PREFIX).filter(|suffix| !matches!(*suffix, "type" | "algorithm" | "mode"));
        if suffix.is_some() {
            count = count.saturating_add(1);
            match Algorithm::of_header(name) {
                Some(algorithm) => found = Some((algorithm, value)),
                None => unknown = true,
            }
        }
    });
    let requested = head.header("x-amz-sdk-checksum-algorithm").filter(|algorithm| !algorithm.is_empty());
    let trailer = head.header("x-amz-trailer").filter(|trailer| !trailer.is_empty());
    if unknown {
        return Err(INVALID_REQUEST.says("The algorithm type you specified in x-amz-checksum- header is invalid."));
    }
    if count > 1 {
        return Err(INVALID_REQUEST.says("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."));
    }
    if count == 1 && trailer.is_some() {
        return Err(INVALID_REQUEST.says("Expecting a single x-amz-checksum- header"));
    }
    if let Some((algorithm, value)) = found
        // CompleteMultipartUpload compares the value, which may be composite.
        && selection.name() != "uploadId"
        && Sum::from_base64(algorithm, value).is_err()
    {
        return Err(INVALID_REQUEST.says(format!("Value for {} header is invalid.", algorithm.header())));
    }
    let algorithm = found.map(|(algorithm, _)| algorithm).or_else(|| trailer.and_then(Algorithm::of_header));
    match (requested, algorithm) {
        (Some(_), None) if trailer.is_none() => Err(INVALID_REQUEST
            .says("x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.")),
        (Some(requested), Some(algorithm)) if !requested.eq_ignore_ascii_case(algorithm.name()) => {
            Err(INVALID_REQUEST.says("Value for x-amz-sdk-checksum-algorithm header is invalid."))
        }
        _ => Ok(()),
    }
}
