//! The faults of S3, with messages recorded from AWS.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>

use cloudlet_aws::{Fault, FaultKind, Timestamp, TimestampFormat};

pub const ACCESS_DENIED: FaultKind = FaultKind::sender("AccessDenied", 403);
pub const INVALID_ARGUMENT: FaultKind = FaultKind::sender("InvalidArgument", 400);
pub const INVALID_REQUEST: FaultKind = FaultKind::sender("InvalidRequest", 400);
pub const INVALID_TAG: FaultKind = FaultKind::sender("InvalidTag", 400);
pub const BAD_DIGEST: FaultKind = FaultKind::sender("BadDigest", 400);
const NOT_IMPLEMENTED: FaultKind = FaultKind::receiver("NotImplemented", 501);

pub fn access_denied() -> Fault {
    ACCESS_DENIED.says("Access Denied")
}

pub fn no_such_bucket(bucket: &str) -> Fault {
    FaultKind::sender("NoSuchBucket", 404).says("The specified bucket does not exist").with("BucketName", bucket)
}

pub fn no_such_key(key: &str) -> Fault {
    FaultKind::sender("NoSuchKey", 404).says("The specified key does not exist.").with("Key", key)
}

pub fn no_such_version(key: &str, version: &str) -> Fault {
    FaultKind::sender("NoSuchVersion", 404).says("The specified version does not exist.").with("Key", key).with("VersionId", version)
}

pub fn no_such_upload(upload: &str) -> Fault {
    FaultKind::sender("NoSuchUpload", 404)
        .says("The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.")
        .with("UploadId", upload)
}

pub fn invalid_bucket_name(bucket: &str) -> Fault {
    FaultKind::sender("InvalidBucketName", 400).says("The specified bucket is not valid.").with("BucketName", bucket)
}

pub fn invalid_argument(message: impl Into<String>, name: &str, value: &str) -> Fault {
    INVALID_ARGUMENT.says(message).with("ArgumentName", name).with("ArgumentValue", value)
}

pub fn invalid_version_id(version: &str) -> Fault {
    invalid_argument("Invalid version id specified", "versionId", version)
}

pub fn user_key_must_be_specified() -> Fault {
    FaultKind::sender("UserKeyMustBeSpecified", 400).says("User key must be specified.")
}

pub fn malformed_xml() -> Fault {
    FaultKind::sender("MalformedXML", 400).says("The XML you provided was not well-formed or did not validate against our published schema")
}

pub fn malformed_acl() -> Fault {
    FaultKind::sender("MalformedACLError", 400).says("The XML you provided was not well-formed or did not validate against our published schema")
}

pub fn precondition_failed(condition: &str) -> Fault {
    FaultKind::sender("PreconditionFailed", 412).says("At least one of the pre-conditions you specified did not hold").with("Condition", condition)
}

/// Another write has come between the start and the end of a conditional request.
pub fn conditional_request_conflict(condition: &str, key: &str) -> Fault {
    FaultKind::sender("ConditionalRequestConflict", 409)
        .says("The conditional request cannot succeed due to a conflicting operation against this resource.")
        .with("Condition", condition)
        .with("Key", key)
}

/// Another call has changed the same thing meanwhile.
pub fn conflict() -> Fault {
    FaultKind::sender("OperationAborted", 409)
        .says("A conflicting conditional operation is currently in progress against this resource. Please try again.")
}

/// Carries the validators of the object: <https://www.rfc-editor.org/rfc/rfc9110#name-304-not-modified>
pub fn not_modified(etag: &str, modified: Timestamp) -> Fault {
    FaultKind::sender("NotModified", 304)
        .says("Not Modified")
        .with_header("ETag", etag)
        .with_header("Last-Modified", modified.text(TimestampFormat::HttpDate))
}

pub fn not_implemented(header: &str) -> Fault {
    NOT_IMPLEMENTED.says("A header you provided implies functionality that is not implemented").with("Header", header)
}

pub fn not_implemented_because(header: &str, additional_message: impl Into<String>) -> Fault {
    not_implemented(header).with("additionalMessage", additional_message)
}

pub fn invalid_range(range: &str, size: u64) -> Fault {
    FaultKind::sender("InvalidRange", 416)
        .says("The requested range is not satisfiable")
        .with("RangeRequested", range)
        .with("ActualObjectSize", size.to_string())
}

pub fn invalid_part_number(number: i32, count: usize) -> Fault {
    FaultKind::sender("InvalidPartNumber", 416)
        .says("The requested partnumber is not satisfiable")
        .with("PartNumberRequested", number.to_string())
        .with("ActualPartCount", count.to_string())
}

pub fn invalid_part(upload: &str, number: i32, etag: &str) -> Fault {
    FaultKind::sender("InvalidPart", 400)
        .says("One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.")
        .with("UploadId", upload)
        .with("PartNumber", number.to_string())
        .with("ETag", etag)
}

pub fn invalid_part_order(upload: &str) -> Fault {
    FaultKind::sender("InvalidPartOrder", 400)
        .says("The list of parts was not in ascending order. Parts must be ordered by part number.")
        .with("UploadId", upload)
}

pub fn entity_too_large(proposed: u64, max: u64) -> Fault {
    FaultKind::sender("EntityTooLarge", 400)
        .says("Your proposed upload exceeds the maximum allowed size")
        .with("ProposedSize", proposed.to_string())
        .with("MaxSizeAllowed", max.to_string())
}

pub fn invalid_storage_class(class: &str) -> Fault {
    FaultKind::sender("InvalidStorageClass", 400).says("The storage class you specified is not valid").with("StorageClassRequested", class)
}

pub fn invalid_object_state(class: &str) -> Fault {
    FaultKind::sender("InvalidObjectState", 403).says("The operation is not valid for the object's storage class").with("StorageClass", class)
}

pub fn incomplete_body() -> Fault {
    FaultKind::sender("IncompleteBody", 400).says("You did not provide the number of bytes specified by the Content-Length HTTP header")
}

/// The request needs something that is not built.
pub fn not_built(what: &str) -> Fault {
    NOT_IMPLEMENTED.says(format!("Cloudlet does not implement {what} yet."))
}
