//! The head of an HTTP request as the pipeline sees it.

use crate::gateway::Peer;
use cloudlet_aws::{Head, Headers};
use http::{HeaderMap, request::Parts};
use percent_encoding::percent_decode_str;
use smallvec::SmallVec;
use std::sync::Arc;

/// A request on its way through the pipeline.
pub struct PipelineRequest<'a> {
    pub head: &'a Head<'a>,
    pub request_id: &'a Arc<str>,
    pub peer: Peer,
}

/// The header fields as text, read once: a request has few, and most steps look at them.
pub struct Fields<'a>(SmallVec<[(&'a str, &'a str); 16]>);

impl<'a> Fields<'a> {
    /// `None` where a field is not UTF-8. AWS knows no other kind, and a signature covers text.
    pub fn of(map: &'a HeaderMap) -> Option<Fields<'a>> {
        map.iter().map(|(name, value)| Some((name.as_str(), std::str::from_utf8(value.as_bytes()).ok()?))).collect::<Option<_>>().map(Fields)
    }

    /// Their size as HTTP/1.1 writes them.
    pub fn size(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + value.len() + 4).sum()
    }
}

impl Headers for Fields<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| *field == name).map(|(_, value)| *value)
    }

    fn each<'a>(&'a self, view: &mut dyn FnMut(&'a str, &'a str)) {
        for (name, value) in &self.0 {
            view(name, value);
        }
    }
}

/// The fields of a presigned request: those that came as fields, and those that stand in its query.
/// AWS: recorded for `If-Match` and `x-amz-meta-…`.
pub struct PresignedFields<'a> {
    fields: &'a dyn Headers,
    query: Vec<(String, String)>,
}

impl<'a> PresignedFields<'a> {
    pub fn new(head: &Head<'a>) -> PresignedFields<'a> {
        let unescape = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let mut query: Vec<_> = head.raw_query().map(|(name, value)| (unescape(name).to_ascii_lowercase(), unescape(value))).collect();
        // AWS: a checksum in the query is ignored, and SDKs put that of an empty body there.
        // <https://github.com/aws/aws-sdk-go-v2/issues/2610>, <https://github.com/localstack/localstack/issues/12169>
        let is_ignored = |name: &str| name.starts_with("x-amz-checksum-") && name != "x-amz-checksum-mode" || name == "x-amz-sdk-checksum-algorithm";
        query.retain(|(name, _)| !is_ignored(name));
        // When a SigV2 URL expires is no field of the object.
        if query.iter().any(|(name, _)| name == "awsaccesskeyid") {
            query.retain(|(name, _)| name != "expires");
        }
        PresignedFields { fields: head.headers, query }
    }
}

impl Headers for PresignedFields<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name).or_else(|| self.query.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str()))
    }

    fn each<'a>(&'a self, view: &mut dyn FnMut(&'a str, &'a str)) {
        self.fields.each(view);
        for (name, value) in self.query.iter().filter(|(name, _)| self.fields.get(name).is_none()) {
            view(name, value);
        }
    }
}

/// The head, borrowed. HTTP/2 names the host in the request line: `settle_host` has copied it into the fields.
pub fn head<'a>(parts: &'a Parts, fields: &'a Fields<'_>) -> Head<'a> {
    Head { method: parts.method.as_str(), path: parts.uri.path(), query: parts.uri.query().unwrap_or(""), headers: fields }
}

/// Puts an HTTP/2 authority, or the host of an absolute request line, where HTTP/1.1 has its Host field.
pub fn settle_host(parts: &mut Parts) {
    if let Some(authority) = parts.uri.authority()
        && !parts.headers.contains_key(http::header::HOST)
        && let Ok(host) = http::HeaderValue::from_str(authority.as_str())
    {
        parts.headers.insert(http::header::HOST, host);
    }
}
