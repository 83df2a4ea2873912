//! What a browser wants to know before it lets a page read an answer. SQS, SNS, STS and their like answer so to pages of any origin; here to
//! those that may use the server. S3 answers by the rules of buckets, to which these are added.
//! <https://fetch.spec.whatwg.org/#http-cors-protocol>

use crate::{answer::AnswerBody, header_names};
use cloudlet_shape::Body;
use cloudlet_wire::Answer;
use http::{HeaderMap, HeaderValue, Response, header};

const METHODS: &str = "GET, HEAD, PUT, POST, DELETE, PATCH";

/// AWS: two days.
const MAX_AGE: &str = "172800";

/// Whether a browser asks for leave to send another request.
pub fn is_preflight(method: &str, headers: &HeaderMap) -> bool {
    method == "OPTIONS" && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// A page that may use the server may use all of it: every method, and every header that it wants to send.
pub fn preflight(headers: &HeaderMap) -> Answer {
    let mut fields = vec![("access-control-allow-methods".into(), METHODS.to_owned()), ("access-control-max-age".into(), MAX_AGE.to_owned())];
    if let Some(wanted) = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS).and_then(|wanted| wanted.to_str().ok()) {
        fields.push(("access-control-allow-headers".into(), wanted.to_owned()));
    }
    // Browsers ask so before a page of a public site may reach a server on a private network. <https://wicg.github.io/private-network-access/>
    if headers.contains_key("access-control-request-private-network") {
        fields.push(("access-control-allow-private-network".into(), "true".to_owned()));
    }
    Answer { status: 200, headers: fields, body: Body::empty() }
}

/// Lets the page of an origin read an answer, all header fields of it.
pub fn allow(response: &mut Response<AnswerBody>, origin: HeaderValue) {
    let fields = response.headers_mut();
    let names: Vec<&str> = fields.keys().map(|name| name.as_str()).filter(|name| !name.starts_with("access-control-")).collect();
    if let Ok(names) = HeaderValue::from_str(&names.join(", "))
        && !fields.contains_key(header::ACCESS_CONTROL_EXPOSE_HEADERS)
    {
        fields.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, names);
    }
    if !fields.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        fields.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        fields.append(header::VARY, HeaderValue::from_static("Origin"));
    }
    header_names::spell(response);
}
