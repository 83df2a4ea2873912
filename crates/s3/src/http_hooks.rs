//! HTTP requests of S3 that are not operations: buckets in host names, preflight requests, browser forms; and what is refused of a request
//! before its operation is decoded.

mod forms;
mod headers;
mod parameters;
mod selectors;

use crate::{S3, access_points, faults, logging};
use cloudlet_aws::{Fault, FaultKind, Head};
use cloudlet_engine::{self as engine, AnswerObserver, Form, PostResponse, PostedObject, RequestView, ServiceEvents};
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
        let (head, level) = (view.head, Level::of(path));
        let selection = select(head, level)?;
        check_method(head.method, level, selection)?;
        check_level(head.method, level, selection)?;
        headers::check(head, path, level, selection)?;
        self.s3.check_accelerated(head.header("host"), bucket_of(path))
    }

    /// No bucket has a CORS configuration yet.
    fn response_headers(&self, _: &RequestView<'_>, _: &str) -> Vec<(&'static str, String)> {
        vec![]
    }

    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTOPTIONSobject.html>
    fn preflight(&self, view: &RequestView<'_>, path: &str) -> Result<Vec<(&'static str, String)>, Fault> {
        let header = |name| view.head.header(name).filter(|value| !value.is_empty());
        let refused = |message: &str| Err(FaultKind::sender("BadRequest", 400).says(message));
        if header("origin").is_none() {
            return refused("Insufficient information. Origin request header needed.");
        }
        let method = header("access-control-request-method").unwrap_or("OPTIONS");
        if !CORS_METHODS.contains(&method) {
            return refused(&format!("Invalid Access-Control-Request-Method: {method}"));
        }
        let text = if self.s3.buckets.contains(bucket_of(path)) { "CORS is not enabled for this bucket." } else { "Bucket not found" };
        // AWS: the resource type is the same for a key (measured, <https://github.com/brekkylab/backlot>).
        Err(FaultKind::sender("AccessForbidden", 403).says(format!("CORSResponse: {text}")).with("Method", method).with("ResourceType", "BUCKET"))
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
