//! Query parameters that are refused before the signature is verified, whatever bucket they are for.
//! AWS: measured on S3 in September 2026 (<https://github.com/brekkylab/backlot>).

use super::selectors::{Level, Selection, parameter};
use crate::{buckets, faults, limits, lists::page::EncodingType, objects::attributes};
use cloudlet_aws::{Fault, Head};

pub fn check(head: &Head<'_>, level: Level, selection: Selection) -> Result<(), Fault> {
    if head.query.is_empty() {
        return Ok(());
    }
    if level == Level::Bucket && selection.name() == "partNumber" && selection != Selection::Part {
        return Err(faults::INVALID_REQUEST.says("Object must have a valid key name."));
    }
    if matches!(head.method, "GET" | "HEAD") {
        check_read(head, level, selection)?;
    }
    check_version_id(head, level, selection)?;
    match parameter(head, "website") {
        Some(value) if level != Level::Service && !value.is_empty() => {
            Err(faults::invalid_argument("The website parameter must not have a value", "website", &value))
        }
        _ => Ok(()),
    }
}

/// The parameters of listings.
fn check_read(head: &Head<'_>, level: Level, selection: Selection) -> Result<(), Fault> {
    match (level, selection.name()) {
        (Level::Service, _) => check_list_buckets(head),
        (Level::Bucket, "") => {
            integer(head, "max-keys")?;
            check_list_version(head)
        }
        (Level::Bucket, "versions") => {
            integer(head, "max-keys")?;
            match parameter(head, "version-id-marker") {
                Some(marker) if parameter(head, "key-marker").is_none() => {
                    Err(faults::invalid_argument("A version-id marker cannot be specified without a key marker.", "version-id-marker", &marker))
                }
                Some(marker) if marker.is_empty() => Err(faults::invalid_argument("A version-id marker cannot be empty.", "version-id-marker", "")),
                _ => Ok(()),
            }
        }
        (Level::Bucket, "uploads") => integer(head, "max-uploads").map(drop),
        (Level::Object, "uploadId") => {
            integer(head, "max-parts")?;
            integer(head, "part-number-marker").map(drop)
        }
        (Level::Object, "attributes") => attributes::check_names(head.header("x-amz-object-attributes")),
        (Level::Object, "annotation") if head.method == "GET" && parameter(head, "annotationName").is_none() => check_annotations(head),
        _ => Ok(()),
    }
}

fn check_annotations(head: &Head<'_>) -> Result<(), Fault> {
    const NAME: &str = "max-annotation-results";
    match integer(head, NAME)? {
        Some(size) if !(1..=limits::MAX_KEYS).contains(&size) => {
            let message = format!("Argument {NAME} must be an integer between 1 and {}", limits::MAX_KEYS);
            Err(faults::invalid_argument(message, NAME, &parameter(head, NAME).unwrap_or_default()))
        }
        _ => Ok(()),
    }
}

/// Refused when the signature is verified and the bucket found.
pub fn check_verified(head: &Head<'_>, level: Level, selection: Selection) -> Result<(), Fault> {
    match (head.method, level, selection.name()) {
        // AWS: HeadBucket reads the parameters of a list.
        ("HEAD", Level::Bucket, "") => EncodingType::of(parameter(head, "encoding-type").as_deref()).map(drop),
        ("PUT", Level::Bucket, "acl") | ("POST", Level::Bucket, "restore") => match parameter(head, "versionId") {
            Some(version_id) => Err(faults::invalid_version_id(&version_id)),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

fn check_list_buckets(head: &Head<'_>) -> Result<(), Fault> {
    if let Some(size) = integer(head, "max-buckets")? {
        limits::check_max_buckets(size)?;
    }
    match parameter(head, "bucket-region") {
        Some(region) => buckets::check_region_name(&region),
        None => Ok(()),
    }
}

/// Each of the two listings refuses the parameters of the other.
fn check_list_version(head: &Head<'_>) -> Result<(), Fault> {
    let refused = |name: &str, message: &str| match parameter(head, name) {
        Some(_) => Err(faults::INVALID_ARGUMENT.says(message).with("ArgumentName", name)),
        None => Ok(()),
    };
    if parameter(head, "list-type").is_some_and(|value| value == "2") {
        return refused("marker", "Marker unsupported with REST.GET.BUCKET in list-type=2");
    }
    refused("continuation-token", "continuation-token only supported in REST.GET.BUCKET with list-type=2")?;
    refused("start-after", "startAfter only supported in REST.GET.BUCKET with list-type=2")
}

/// A 32-bit integer. Leading zeros and a minus sign are accepted, a space and a plus sign are not. An empty value means none.
fn integer(head: &Head<'_>, name: &str) -> Result<Option<i32>, Fault> {
    let Some(value) = parameter(head, name).filter(|value| !value.is_empty()) else { return Ok(None) };
    let parsed = value.strip_prefix('-').unwrap_or(&value).bytes().all(|byte| byte.is_ascii_digit()).then(|| value.parse().ok()).flatten();
    parsed.map(Some).ok_or_else(|| faults::invalid_argument(format!("Provided {name} not an integer or within integer range"), name, &value))
}

const NO_VERSION_ID: &str = "This operation does not accept a version-id.";

/// A version id belongs to reads and deletions of objects.
fn check_version_id(head: &Head<'_>, level: Level, selection: Selection) -> Result<(), Fault> {
    let Some(version_id) = parameter(head, "versionId") else { return Ok(()) };
    let refused = |message: &str| Err(faults::invalid_argument(message, "versionId", &version_id));
    match (level, selection.name(), head.method) {
        (Level::Service, ..) | (Level::Bucket, "", "POST") => Ok(()),
        (Level::Bucket, "acl", "PUT") | (Level::Bucket, "restore", "POST") => Ok(()),
        (Level::Bucket, "acl", "GET" | "HEAD") => refused("Invalid version id specified"),
        (Level::Bucket, ..) => refused(NO_VERSION_ID),
        // AWS: unverified for PutObject and UploadPart.
        (Level::Object, "" | "partNumber", "PUT") => refused(NO_VERSION_ID),
        (Level::Object, "torrent" | "uploadId" | "uploads", _) => refused(NO_VERSION_ID),
        (Level::Object, ..) if selection.is_of_bucket(head.method) || matches!(selection.name(), "logging" | "versions") => refused(NO_VERSION_ID),
        (Level::Object, ..) if version_id.is_empty() => refused("Version id cannot be the empty string"),
        (Level::Object, ..) => Ok(()),
    }
}
