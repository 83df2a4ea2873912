//! Query parameters that select another operation than the plain one of a path: `?acl`, `?uploads`, `?uploadId=…`.
//!
//! AWS: which parameters select at which level, with which methods, and the answers to all others were measured on S3 in September 2026
//! (<https://github.com/brekkylab/backlot> and its issues).

use crate::faults;
use cloudlet_aws::{Fault, FaultKind, Head};
use percent_encoding::percent_decode_str;
use smallvec::SmallVec;
use std::borrow::Cow;

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Service,
    Bucket,
    Object,
}

impl Level {
    pub fn of(path: &str) -> Level {
        let path = path.strip_prefix('/').unwrap_or(path);
        match path.split_once('/') {
            Some((_, key)) if !key.is_empty() => Level::Object,
            _ if path.is_empty() => Level::Service,
            _ => Level::Bucket,
        }
    }
}

/// A selector at one level.
#[derive(Debug, PartialEq, Eq)]
pub struct Selector {
    pub name: &'static str,
    /// As `MethodNotAllowed` names it.
    resource_type: &'static str,
    /// As `Allow` lists them.
    methods: &'static [&'static str],
}

const fn selector(name: &'static str, resource_type: &'static str, methods: &'static [&'static str]) -> Selector {
    Selector { name, resource_type, methods }
}

const GET: &[&str] = &["GET"];
const GET_PUT: &[&str] = &["GET", "PUT"];
const DELETE_GET_PUT: &[&str] = &["DELETE", "GET", "PUT"];
const DELETE_POST_GET: &[&str] = &["DELETE", "POST", "GET"];
const POST: &[&str] = &["POST"];
const POST_GET: &[&str] = &["POST", "GET"];
const PUT: &[&str] = &["PUT"];

/// UploadPart: `partNumber` beside `uploadId`.
const PART: Selector = selector("partNumber", "PART", PUT);

const OF_BUCKETS: [Selector; 35] = [
    selector("abac", "BUCKET_ABAC", GET_PUT),
    selector("accelerate", "ACCELERATE", GET_PUT),
    selector("acl", "ACL", GET_PUT),
    selector("analytics", "ANALYTICS", DELETE_GET_PUT),
    selector("cors", "CORS", DELETE_GET_PUT),
    selector("delete", "MULTI_OBJECT_DELETE", POST),
    selector("encryption", "ENCRYPTION", DELETE_GET_PUT),
    selector("intelligent-tiering", "INTELLIGENT_TIERING", DELETE_GET_PUT),
    selector("inventory", "INVENTORY", DELETE_GET_PUT),
    selector("lifecycle", "LIFECYCLE", DELETE_GET_PUT),
    selector("location", "LOCATION", GET),
    selector("logging", "LOGGING_STATUS", GET_PUT),
    selector("metadataAnnotationTable", "BUCKET_METADATA_ANNOTATION_TABLE_CONFIGURATION", PUT),
    selector("metadataConfiguration", "BUCKET_METADATA_CONFIGURATION", DELETE_POST_GET),
    selector("metadataInventoryTable", "BUCKET_METADATA_INVENTORY_TABLE_CONFIGURATION", PUT),
    selector("metadataJournalTable", "BUCKET_METADATA_JOURNAL_TABLE_CONFIGURATION", PUT),
    selector("metadataTable", "BUCKET_METADATA_TABLE_CONFIGURATION", DELETE_POST_GET),
    selector("metrics", "METRICS", DELETE_GET_PUT),
    selector("notification", "NOTIFICATION", GET_PUT),
    selector("object-lock", "OBJECT_LOCK_CONFIGURATION", GET_PUT),
    selector("ownershipControls", "OWNERSHIP_CONTROLS", DELETE_GET_PUT),
    selector("policy", "BUCKETPOLICY", DELETE_GET_PUT),
    selector("policyStatus", "POLICY_STATUS", GET),
    selector("publicAccessBlock", "PUBLIC_ACCESS_BLOCK", DELETE_GET_PUT),
    selector("replication", "REPLICATION", DELETE_GET_PUT),
    selector("requestPayment", "REQUEST_PAYMENT", GET_PUT),
    selector("restore", "RESTORE", POST),
    selector("tagging", "TAGGING", DELETE_GET_PUT),
    selector("torrent", "TORRENT", &[]),
    selector("uploadId", "UPLOAD", DELETE_POST_GET),
    selector("uploads", "UPLOADS", POST_GET),
    selector("versioning", "VERSIONING", GET_PUT),
    selector("versions", "BUCKETVERSIONS", GET),
    selector("website", "WEBSITE", DELETE_GET_PUT),
    selector("partNumber", "PART", &[]),
];

const OF_OBJECTS: [Selector; 13] = [
    selector("acl", "ACL", GET_PUT),
    selector("annotation", "OBJECT_ANNOTATIONS", DELETE_GET_PUT),
    selector("attributes", "OBJECT_ATTRIBUTES", GET),
    selector("delete", "MULTI_OBJECT_DELETE", POST),
    selector("encryption", "OBJECT_ENCRYPTION", PUT),
    selector("legal-hold", "OBJECT_LOCK_LEGALHOLD", GET_PUT),
    selector("restore", "RESTORE", POST),
    selector("retention", "OBJECT_LOCK_RETENTION", GET_PUT),
    selector("select", "SELECT", POST),
    selector("tagging", "OBJECT_TAGGING", DELETE_GET_PUT),
    selector("torrent", "TORRENT", GET),
    selector("uploadId", "UPLOAD", DELETE_POST_GET),
    selector("uploads", "UPLOADS", POST_GET),
];

/// Selectors of a bucket that run the bucket's operation at the path of a key too.
const OF_BUCKETS_AT_KEYS: [&str; 13] = [
    "accelerate",
    "cors",
    "inventory",
    "lifecycle",
    "location",
    "logging",
    "notification",
    "policy",
    "replication",
    "requestPayment",
    "versioning",
    "versions",
    "website",
];

fn find(level: Level, name: &str) -> Option<&'static Selector> {
    static BUCKETS: [Selector; 35] = OF_BUCKETS;
    static OBJECTS: [Selector; 13] = OF_OBJECTS;
    let of_buckets = || BUCKETS.iter().find(|selector| selector.name == name);
    match level {
        Level::Service => None,
        Level::Bucket => of_buckets(),
        Level::Object => {
            let of_objects = OBJECTS.iter().find(|selector| selector.name == name);
            of_objects.or_else(|| of_buckets().filter(|_| OF_BUCKETS_AT_KEYS.contains(&name)))
        }
    }
}

/// The parameters of a query with their names decoded. AWS reads the first of several with one name.
pub fn parameters<'a>(head: &Head<'a>) -> impl Iterator<Item = (Cow<'a, str>, &'a str)> {
    head.raw_query().map(|(name, value)| (decode(name), value))
}

pub fn parameter<'a>(head: &Head<'a>, wanted: &str) -> Option<Cow<'a, str>> {
    let (_, value) = parameters(head).find(|(name, _)| name == wanted)?;
    Some(decode(value))
}

fn decode(text: &str) -> Cow<'_, str> {
    if text.contains('+') {
        return percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned().into();
    }
    percent_decode_str(text).decode_utf8_lossy()
}

/// What the query of a request selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// The plain operation of the path.
    Plain,
    Selector(&'static Selector),
    /// `partNumber` beside `uploadId`.
    Part,
}

/// `Err`: selectors that exclude each other.
pub fn select(head: &Head<'_>, level: Level) -> Result<Selection, Fault> {
    if head.query.is_empty() || level == Level::Service {
        return Ok(Selection::Plain);
    }
    let mut names: SmallVec<[&'static str; 2]> = SmallVec::new();
    let (mut part_number, mut annotation_name) = (false, false);
    for (name, _) in parameters(head) {
        match (level, name.as_ref()) {
            (_, "partNumber") => part_number = true,
            (Level::Object, "annotationName") => annotation_name = true,
            (_, name) => {
                if let Some(selector) = find(level, name)
                    && !names.contains(&selector.name)
                {
                    names.push(selector.name);
                }
            }
        }
    }
    if part_number && names.as_slice() == ["uploadId"] {
        return Ok(Selection::Part);
    }
    // At a key, a part number alone belongs to GetObject.
    if part_number && (level == Level::Bucket || !names.is_empty()) {
        names.push("partNumber");
    }
    if annotation_name && matches!(head.method, "GET" | "HEAD") && !names.contains(&"annotation") {
        if names.is_empty() {
            return Err(faults::invalid_argument("Unexpected query string parameter", "ResourceType", "annotationName"));
        }
        names.push("annotationName");
    }
    names.sort_unstable();
    match names.as_slice() {
        [] => Ok(Selection::Plain),
        [name] => Ok(find(level, name).map_or(Selection::Plain, Selection::Selector)),
        [first, ..] => {
            let message = format!("Conflicting query string parameters: {}", names.join(", "));
            Err(faults::invalid_argument(message, "ResourceType", first))
        }
    }
}

impl Selection {
    pub fn name(self) -> &'static str {
        match self {
            Selection::Plain => "",
            Selection::Selector(selector) => selector.name,
            Selection::Part => PART.name,
        }
    }

    /// Whether a request at the path of a key runs the operation of its bucket.
    pub fn is_of_bucket(self, method: &str) -> bool {
        match self.name() {
            // AWS: these two are refused at a key.
            "logging" => method == "PUT",
            "versions" => false,
            "delete" => method == "POST",
            name => OF_BUCKETS_AT_KEYS.contains(&name),
        }
    }
}

const NOT_ALLOWED: FaultKind = FaultKind::sender("MethodNotAllowed", 405);

fn not_allowed(method: &str, resource_type: &str, allowed: &[&str]) -> Fault {
    let fault =
        NOT_ALLOWED.says("The specified method is not allowed against this resource.").with("Method", method).with("ResourceType", resource_type);
    if allowed.is_empty() { fault } else { fault.with_header("Allow", allowed.join(", ")) }
}

/// The resource of a request, as faults and access logs name it.
pub fn resource_type(level: Level, selection: Selection) -> &'static str {
    match (level, selection) {
        (Level::Service, _) => "SERVICE",
        (_, Selection::Selector(selector)) => selector.resource_type,
        (_, Selection::Part) => PART.resource_type,
        (Level::Bucket, Selection::Plain) => "BUCKET",
        (Level::Object, Selection::Plain) => "OBJECT",
    }
}

/// Refuses a method that the selected resource does not have.
pub fn check_method(method: &str, level: Level, selection: Selection) -> Result<(), Fault> {
    // AWS: the bucket is looked up before this one (measured).
    if (level, selection.name(), method) == (Level::Bucket, "torrent", "GET") {
        return Ok(());
    }
    let (resource_type, methods): (&str, &[&str]) = match (level, selection) {
        (Level::Service, _) => ("SERVICE", GET),
        (_, Selection::Selector(selector)) => (selector.resource_type, selector.methods),
        (_, Selection::Part) => (PART.resource_type, PART.methods),
        (Level::Bucket, Selection::Plain) => ("BUCKET", &["HEAD", "DELETE", "POST", "GET", "PUT"]),
        (Level::Object, Selection::Plain) => ("OBJECT", &["HEAD", "DELETE", "GET", "PUT"]),
    };
    if methods.contains(&method) { Ok(()) } else { Err(not_allowed(method, resource_type, methods)) }
}

/// Refuses selectors that a bucket has but that need a key, and the reverse.
pub fn check_level(method: &str, level: Level, selection: Selection) -> Result<(), Fault> {
    let refused = |message: &str| Err(faults::INVALID_REQUEST.says(message));
    match (level, selection.name(), method) {
        (Level::Bucket, "uploadId", _) => refused("A key must be specified"),
        (Level::Bucket, "restore", _) => Err(faults::user_key_must_be_specified()),
        (_, "torrent", "GET") => Err(not_allowed(method, "TORRENT", &[])),
        // AWS: S3 Select is closed to new customers. The answer to them is unverified.
        (Level::Object, "select", "POST") => Err(not_allowed(method, "SELECT", &[])),
        (Level::Object, "uploads", "GET") => refused("Key is not expected for the GET method ?uploads subresource"),
        (Level::Object, "versions", "GET") => refused("There is no such thing as the ?versions sub-resource for a key"),
        (Level::Object, "logging", "GET") => {
            Err(FaultKind::sender("NoLoggingStatusForKey", 400).says("There is no such thing as the ?logging sub-resource for a key"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METHODS: [&str; 6] = ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH"];

    /// Selector, method, level: the operation, or the refusal.
    fn cell(name: &str, method: &str, level: Level) -> Result<Selection, Fault> {
        let headers: Vec<(&str, &str)> = Vec::new();
        let head = Head { method, path: "/", query: name, headers: &headers };
        let selection = select(&head, level)?;
        check_method(method, level, selection)?;
        check_level(method, level, selection)?;
        Ok(selection)
    }

    #[test]
    fn no_selector_falls_through_to_the_plain_operation() {
        let names = OF_BUCKETS.iter().chain(&OF_OBJECTS).map(|selector| selector.name);
        for name in names.filter(|name| *name != "partNumber") {
            for level in [Level::Bucket, Level::Object] {
                let Some(selector) = find(level, name) else { continue };
                for method in METHODS {
                    match cell(name, method, level) {
                        Ok(selection) => {
                            assert_eq!(selection, Selection::Selector(selector), "{method} {name}");
                            assert!(selector.methods.contains(&method), "{method} {name} {level:?}");
                        }
                        // Operations that S3 has no more.
                        Err(fault) if fault.status() == 405 && matches!((name, method), ("torrent", "GET") | ("select", "POST")) => {}
                        Err(fault) if fault.status() == 405 => {
                            assert!(!selector.methods.contains(&method), "{method} {name} {level:?}");
                            let expected = [("Method", method.to_owned()), ("ResourceType", selector.resource_type.to_owned())];
                            assert_eq!(fault.members(), expected, "{method} {name}");
                            let allow: Vec<_> = (!selector.methods.is_empty()).then(|| ("Allow", selector.methods.join(", "))).into_iter().collect();
                            assert_eq!(fault.headers(), allow, "{method} {name}");
                        }
                        // A method that the selector has, but not at this level.
                        Err(fault) => assert!(fault.status() == 400 && selector.methods.contains(&method), "{method} {name} {level:?}: {fault}"),
                    }
                }
            }
        }
    }

    #[test]
    fn any_two_selectors_conflict() {
        for level in [Level::Bucket, Level::Object] {
            let names: Vec<&str> =
                OF_BUCKETS.iter().chain(&OF_OBJECTS).map(|selector| selector.name).filter(|name| find(level, name).is_some()).collect();
            for one in &names {
                for other in names.iter().filter(|other| *other != one) {
                    let pair = [*one, *other];
                    let is_part = pair.contains(&"partNumber") && (level == Level::Object || pair.contains(&"uploadId"));
                    if is_part {
                        continue;
                    }
                    let fault = cell(&pair.join("&"), "GET", level).unwrap_err();
                    assert_eq!((fault.status(), fault.code()), (400, "InvalidArgument"), "{pair:?} {level:?}");
                    assert!(fault.message().starts_with("Conflicting query string parameters: "), "{pair:?}");
                }
            }
        }
    }
}
