//! What a service does with HTTP beside its operations.
//! Only S3 has one: virtual hosts, forms, preflight requests, websites.

use crate::{AnswerObserver, PageContext, Website};
use cloudlet_aws::{Fault, Head};

/// A request before its operation is known, and what its host name says.
pub struct RequestView<'a> {
    pub head: &'a Head<'a>,
    /// The labels before the service's own host name: `bucket` of `bucket.s3.eu-west-1.amazonaws.com`.
    pub prefix: Option<&'a str>,
    /// The label of the service in its host name: `s3-website`.
    pub service: Option<&'a str>,
}

/// Whether somebody observes the events of services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceEvents {
    Observed,
    Unobserved,
}

/// The fields of a `multipart/form-data` request that precede its file.
#[derive(Debug, Default)]
pub struct Form {
    pub fields: Vec<(String, String)>,
    pub file_name: Option<String>,
}

/// The write of one object, which a form describes.
#[derive(Debug)]
pub struct PostedObject {
    pub bucket: String,
    pub key: String,
    /// The path of the object, escaped.
    pub path: String,
    /// The header fields of the write.
    pub headers: Vec<(String, String)>,
    /// The fields that the form's policy is checked against.
    pub fields: Vec<(String, String)>,
}

/// The answer to a form: no operation gives it.
#[derive(Debug)]
pub struct PostResponse {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    /// An XML document, or nothing.
    pub body: String,
}

pub trait HttpHooks: Send + Sync {
    /// The path the operation is routed by, where it differs from the raw one: virtual-hosted style becomes path style.
    fn path(&self, view: &RequestView<'_>) -> Option<String>;

    /// Whether the service alone decides which pages may read its answers to this request: by the rules of a bucket.
    fn rules_origins(&self, _view: &RequestView<'_>, _path: &str) -> bool {
        false
    }

    /// Whether a request of a web page is performed, though the server does not know its origin: by the rules of a bucket.
    fn admits_origin(&self, _view: &RequestView<'_>, _path: &str) -> bool {
        false
    }

    /// The website that the request is to, if it is to one. Such a request is no operation, whoever signed it.
    fn website(&self, _view: &RequestView<'_>, _path: &str, _context: PageContext<'_>) -> Option<Box<dyn Website>> {
        None
    }

    /// Who wants to know of the answer to this request. For most requests nobody does, and nothing is computed.
    fn observer(&self, _view: &RequestView<'_>, _path: &str, _events: ServiceEvents) -> Option<Box<dyn AnswerObserver>> {
        None
    }

    /// What is refused by its head alone, before it is authenticated.
    fn admit(&self, view: &RequestView<'_>, path: &str) -> Result<(), Fault>;

    /// What is refused once the signature is verified, before the operation is known: a method that the resource lacks.
    fn admit_verified(&self, view: &RequestView<'_>, path: &str) -> Result<(), Fault>;

    /// What is reported in place of a document that is not one of the operation.
    fn unreadable(&self, _view: &RequestView<'_>, _path: &str, fault: Fault) -> Fault {
        fault
    }

    /// Fields to add to the answer of an operation (`Access-Control-Allow-Origin`).
    fn response_headers(&self, view: &RequestView<'_>, path: &str) -> Vec<(&'static str, String)>;

    /// The answer to a preflight request: a status and header fields, or a fault.
    fn preflight(&self, view: &RequestView<'_>, path: &str) -> Result<Vec<(&'static str, String)>, Fault>;

    /// Whether the request is a form; a fault if it ought to be one.
    fn is_form(&self, view: &RequestView<'_>, path: &str) -> Result<bool, Fault>;

    /// The write that a form posted to `path` describes.
    fn form(&self, path: &str, form: Form) -> Result<PostedObject, Fault>;

    /// The answer to a form whose object is written.
    fn post_response(&self, posted: &PostedObject, endpoint: &str, etag: &str) -> PostResponse;
}
