//! HTTP requests of S3 that are not operations: buckets in host names, preflight requests, browser forms; and what is refused of a request
//! before its operation is decoded.

mod forms;
mod headers;
mod parameters;
mod selectors;

use crate::{
    S3, access_points,
    cors::{self, CrossOrigin},
    faults, logging,
    state::Bucket,
    website::site,
};
use cloudlet_aws::{Fault, FaultKind, Head};
use cloudlet_engine::{self as engine, AnswerObserver, Form, PageContext, PostResponse, PostedObject, RequestView, ServiceEvents, Website};
pub use selectors::{Level, Selection, resource_type, select};
use selectors::{check_level, check_method};
use std::{borrow::Cow, sync::Arc};

pub struct HttpHooks {
    s3: Arc<S3>,
}

impl HttpHooks {
    pub fn new(s3: Arc<S3>) -> HttpHooks {
        HttpHooks { s3 }
    }

    /// What is refused once the bucket is found.
    fn check_found(&self, head: &Head<'_>, path: &str, level: Level, selection: Selection) -> Result<(), Fault> {
        check_level(head.method, level, selection)?;
        parameters::check_verified(head, level, selection)?;
        headers::check(head, path, level, selection)?;
        self.s3.check_accelerated(head.header("host"), bucket_of(path))
    }

    /// AWS: a bucket that does not exist is reported before what is wrong with a request to it (measured, <https://github.com/brekkylab/backlot>).
    fn missing_bucket(&self, head: &Head<'_>, path: &str, level: Level, selection: Selection) -> Option<Fault> {
        let creates = (head.method, level, selection) == ("PUT", Level::Bucket, Selection::Plain);
        if creates || level == Level::Service {
            return None;
        }
        self.s3.find_in_any_region(bucket_of(path), None).err().filter(|fault| fault.code() == "NoSuchBucket")
    }

    fn bucket(&self, path: &str) -> Option<Arc<Bucket>> {
        self.s3.find_in_any_region(bucket_of(path), None).ok().map(|found| found.bucket)
    }
}

/// The bucket of a path-style path, still percent-encoded.
fn bucket_of(path: &str) -> &str {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.split_once('/').map_or(path, |(bucket, _)| bucket)
}

/// `bucket.s3.eu-west-1.amazonaws.com/key` is `/bucket/key`. The key is not decoded.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html>
fn path_style<'a>(view: &RequestView<'a>) -> Cow<'a, str> {
    let path = view.head.path;
    match view.prefix.filter(|bucket| !bucket.is_empty()) {
        Some(bucket) if path.is_empty() || path == "/" => format!("/{bucket}").into(),
        Some(bucket) => format!("/{bucket}{path}").into(),
        None => path.into(),
    }
}

/// The methods that S3 has.
const METHODS: [&str; 7] = ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"];
/// The methods that a preflight request may ask for.
const CORS_METHODS: [&str; 7] = METHODS;

impl engine::HttpHooks for HttpHooks {
    fn path(&self, view: &RequestView<'_>) -> Option<String> {
        let path = path_style(view);
        if site::is_website(view) {
            return Some(site::path_style(&path).to_owned());
        }
        let path = match access_points::path_of_arn(&path) {
            Some(named) => Cow::Owned(named),
            None => path,
        };
        if !view.head.query.is_empty()
            && Level::of(&path) == Level::Object
            && select(view.head, Level::Object).is_ok_and(|selection| selection.is_of_bucket(view.head.method))
        {
            return Some(format!("/{}", bucket_of(&path)));
        }
        match path {
            Cow::Owned(path) => Some(path),
            Cow::Borrowed(_) => None,
        }
    }

    fn website(&self, view: &RequestView<'_>, path: &str, context: PageContext<'_>) -> Option<Box<dyn Website>> {
        site::is_website(view).then(|| Box::new(site::Site::new(&self.s3, view.head, path, context)) as Box<dyn Website>)
    }

    fn observer(&self, view: &RequestView<'_>, path: &str, events: ServiceEvents) -> Option<Box<dyn AnswerObserver>> {
        logging::observer(&self.s3, view, path, events)
    }

    fn admit(&self, view: &RequestView<'_>, path: &str) -> Result<(), Fault> {
        let (head, level) = (view.head, Level::of(path));
        if !METHODS.contains(&head.method) {
            return Err(FaultKind::sender("BadRequest", 400).says("An error occurred when parsing the HTTP request."));
        }
        let selection = select(head, level)?;
        parameters::check(head, level, selection)?;
        headers::check_length(head, level, selection)
    }

    fn admit_verified(&self, view: &RequestView<'_>, path: &str) -> Result<(), Fault> {
        if Level::of(path) == Level::Service && view.head.header("authorization").is_some_and(|signature| signature.contains("/s3express/")) {
            // The same request as ListBuckets, but for the service that it is signed for.
            return Err(faults::not_built("directory buckets"));
        }
        let (head, level) = (view.head, Level::of(path));
        let selection = select(head, level)?;
        check_method(head.method, level, selection)?;
        self.check_found(head, path, level, selection).map_err(|fault| self.missing_bucket(head, path, level, selection).unwrap_or(fault))
    }

    /// AWS: a bucket that does not exist is reported before a document that is none (recorded for PutBucketEncryption).
    fn unreadable(&self, view: &RequestView<'_>, path: &str, fault: Fault) -> Fault {
        let level = Level::of(path);
        match select(view.head, level) {
            Ok(selection) if matches!(fault.code(), "MalformedXML" | "MissingRequestBodyError") => {
                self.missing_bucket(view.head, path, level, selection).unwrap_or(fault)
            }
            _ => fault,
        }
    }

    /// A page under development may create its bucket.
    fn rules_origins(&self, _: &RequestView<'_>, path: &str) -> bool {
        Level::of(path) != Level::Service && self.bucket(path).is_some()
    }

    /// A page that no rule allows gets no header fields by which its browser would let it read the answer.
    fn admits_origin(&self, view: &RequestView<'_>, path: &str) -> bool {
        matches!(view.head.method, "GET" | "HEAD") && Level::of(path) != Level::Service || !self.response_headers(view, path).is_empty()
    }

    fn response_headers(&self, view: &RequestView<'_>, path: &str) -> Vec<(&'static str, String)> {
        let header = |name| view.head.header(name).filter(|value| !value.is_empty());
        let Some(origin) = header("origin") else { return vec![] };
        // AWS: the method that a preflight would ask for counts in other requests too (recorded).
        let method = header("access-control-request-method").unwrap_or(view.head.method);
        let request = CrossOrigin { origin, method, headers: "" };
        let allowed = |bucket: &Bucket| cors::allowed(&bucket.cors.as_ref()?.cors_rules, &request);
        self.bucket(path).and_then(|bucket| allowed(&bucket)).unwrap_or_default()
    }

    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTOPTIONSobject.html>
    fn preflight(&self, view: &RequestView<'_>, path: &str) -> Result<Vec<(&'static str, String)>, Fault> {
        let header = |name| view.head.header(name).filter(|value| !value.is_empty());
        let refused = |message: &str| Err(FaultKind::sender("BadRequest", 400).says(message));
        let Some(origin) = header("origin") else { return refused("Insufficient information. Origin request header needed.") };
        let requested = header("access-control-request-method");
        let method = requested.unwrap_or("OPTIONS");
        if !CORS_METHODS.contains(&method) {
            return refused(&format!("Invalid Access-Control-Request-Method: {method}"));
        }
        let (text, resource_type) = match self.bucket(path) {
            None => ("Bucket not found", "BUCKET"),
            // AWS: the resource type is the same for a key (measured, <https://github.com/brekkylab/backlot>).
            Some(bucket) if bucket.cors.is_none() => ("CORS is not enabled for this bucket.", "BUCKET"),
            Some(bucket) => {
                let request = CrossOrigin { origin, method, headers: header("access-control-request-headers").unwrap_or_default() };
                let rules = bucket.cors.as_ref().map_or(&[][..], |configuration| &configuration.cors_rules);
                if let Some(fields) = requested.and_then(|_| cors::allowed(rules, &request)) {
                    return Ok(fields);
                }
                let resource_type = if Level::of(path) == Level::Object { "OBJECT" } else { "BUCKET" };
                (
                    "This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.",
                    resource_type,
                )
            }
        };
        Err(FaultKind::sender("AccessForbidden", 403)
            .says(format!("CORSResponse: {text}"))
            .with("Method", method)
            .with("ResourceType", resource_type))
    }

    /// A POST to a bucket without a selector must be a form.
    fn is_form(&self, view: &RequestView<'_>, path: &str) -> Result<bool, Fault> {
        if !is_post_to_bucket(view.head, path)? {
            return Ok(false);
        }
        match view.head.header("content-type") {
            Some(kind) if kind.trim_start().to_ascii_lowercase().starts_with("multipart/form-data") => Ok(true),
            _ => Err(faults::precondition_failed("Bucket POST must be of the enclosure-type multipart/form-data")),
        }
    }

    fn form(&self, path: &str, form: Form) -> Result<PostedObject, Fault> {
        forms::posted_object(bucket_of(path), form)
    }

    fn post_response(&self, posted: &PostedObject, endpoint: &str, etag: &str) -> PostResponse {
        forms::post_response(posted, endpoint, etag)
    }
}

fn is_post_to_bucket(head: &Head<'_>, path: &str) -> Result<bool, Fault> {
    Ok(head.method == "POST" && Level::of(path) == Level::Bucket && select(head, Level::Bucket)? == Selection::Plain)
}

#[cfg(test)]
mod tests;
