//! Names of header fields as AWS writes them: `ETag`, `Content-Type`, and `x-amz-…` as they are. HTTP compares them without case; scripts that
//! read what curl prints do not, nor do recorded answers.

use axum::body::Body;
use futures_util::FutureExt;
use http::{Extensions, Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{cell::RefCell, convert::Infallible};
use tokio::io::AsyncWriteExt;

/// Those that are not in lower case. A field that comes twice is here twice.
const NAMES: [&str; 31] = [
    "Accept-Ranges",
    "Access-Control-Allow-Credentials",
    "Access-Control-Allow-Headers",
    "Access-Control-Allow-Methods",
    "Access-Control-Allow-Origin",
    "Access-Control-Expose-Headers",
    "Access-Control-Max-Age",
    "Allow",
    "Cache-Control",
    "Connection",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-MD5",
    "Content-Range",
    "Content-Type",
    "Date",
    "ETag",
    "Expires",
    "Last-Modified",
    "Location",
    "Retry-After",
    "Server",
    "Strict-Transport-Security",
    "Transfer-Encoding",
    "Vary",
    "Vary",
    "WWW-Authenticate",
    "x-amzn-RequestId",
    "x-amzn-ErrorType",
];

thread_local! {
    // One of each thread: a clone counts references, which threads would take from each other.
    static SPELLED: Extensions = spelled();
}

/// Has a response over HTTP/1.1 written with these names.
pub fn spell(extensions: &mut Extensions) {
    SPELLED.with(|spelled| extensions.clone_from(spelled));
}

/// hyper writes the names of a response as its extensions say, in a type that it makes only when it reads a request: so it reads one with all names.
fn spelled() -> Extensions {
    let value = |name: &str| match name {
        "Content-Length" => "0",
        "Transfer-Encoding" => "chunked",
        _ => "x",
    };
    let fields: String = NAMES.iter().map(|name| format!("{name}: {}\r\n", value(name))).collect();
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
    fn a_thread_has_the_names() {
        let mut extensions = Extensions::new();
        spell(&mut extensions);
        assert_eq!(extensions.len(), 1);
    }
}
