//! Names of header fields as AWS writes them: `ETag`, `Content-Type`, and `x-amz-…` as they are. HTTP compares them without case; scripts that
//! read what curl prints do not, nor do recorded answers.

use axum::body::Body;
use futures_util::FutureExt;
use http::{Extensions, HeaderName, Request, Response, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{cell::RefCell, convert::Infallible};
use tokio::io::AsyncWriteExt;

/// Those of most answers, which are not in lower case.
const COMMON: [&str; 9] =
    ["Accept-Ranges", "Connection", "Content-Length", "Content-Type", "Date", "ETag", "Last-Modified", "Server", "x-amzn-RequestId"];
static COMMON_NAMES: [HeaderName; 8] = [
    header::ACCEPT_RANGES,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::DATE,
    header::ETAG,
    header::LAST_MODIFIED,
    header::SERVER,
];
/// The others. A field that comes twice is here twice.
const RARE: [&str; 22] = [
    "Access-Control-Allow-Credentials",
    "Access-Control-Allow-Headers",
    "Access-Control-Allow-Methods",
    "Access-Control-Allow-Origin",
    "Access-Control-Expose-Headers",
    "Access-Control-Max-Age",
    "Allow",
    "Cache-Control",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-MD5",
    "Content-Range",
    "Expires",
    "Location",
    "Retry-After",
    "Strict-Transport-Security",
    "Transfer-Encoding",
    "Vary",
    "Vary",
    "WWW-Authenticate",
    "x-amzn-ErrorType",
];

thread_local! {
    // One of each thread: a clone counts references, which threads would take from each other. A clone of the common ones is short.
    static SPELLED_COMMON: Extensions = spelled(COMMON.iter());
    static SPELLED_ALL: Extensions = spelled(COMMON.iter().chain(&RARE));
}

/// Has a response over HTTP/1.1 written with these names.
pub fn spell<B>(response: &mut Response<B>) {
    let is_common = |name: &HeaderName| name.as_str().starts_with("x-amz-") || name == "x-amzn-requestid" || COMMON_NAMES.contains(name);
    let all_common = response.status().is_success() && response.headers().keys().all(is_common);
    let names = if all_common { &SPELLED_COMMON } else { &SPELLED_ALL };
    names.with(|spelled| response.extensions_mut().clone_from(spelled));
}

/// hyper writes the names of a response as its extensions say, in a type that it makes only when it reads a request: so it reads one with all names.
fn spelled<'n>(names: impl Iterator<Item = &'n &'n str>) -> Extensions {
    let value = |name: &str| match name {
        "Content-Length" => "0",
        "Transfer-Encoding" => "chunked",
        _ => "x",
    };
    let fields: String = names.map(|name| format!("{name}: {}\r\n", value(name))).collect();
    let request = format!("GET / HTTP/1.1\r\n{fields}\r\n");
    let (mut client, server) = tokio::io::duplex(request.len());
    let found = RefCell::new(Extensions::new());
    let service = service_fn(|request: Request<Incoming>| {
        found.borrow_mut().clone_from(request.extensions());
        async { Ok::<_, Infallible>(Response::new(Body::empty())) }
    });
    // All of it is there at once, and nobody reads the answer.
    let _ = client.write_all(request.as_bytes()).now_or_never();
    let _ = http1::Builder::new().preserve_header_case(true).serve_connection(TokioIo::new(server), service).now_or_never();
    found.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_has_names() {
        for (name, status) in [("etag", 200), ("vary", 200), ("x-amz-id-2", 404)] {
            let mut response = Response::builder().status(status).header(name, "x").body(()).unwrap();
            spell(&mut response);
            assert_eq!(response.extensions().len(), 1, "{name}");
        }
    }
}
