//! The head of an HTTP request as the house sees it.

use cloudlet_aws::{Head, Headers};
use http::{HeaderMap, request::Parts};

/// Header fields over hyper's map. Values were checked to be UTF-8 before anything else looked at them.
pub struct Fields<'a>(pub &'a HeaderMap);

impl Headers for Fields<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
    }

    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a str)) {
        for (name, value) in self.0 {
            if let Ok(value) = std::str::from_utf8(value.as_bytes()) {
                visit(name.as_str(), value);
            }
        }
    }
}

/// Whether every field is text. AWS knows no other kind, and a signature covers text.
pub fn is_text(fields: &HeaderMap) -> bool {
    fields.values().all(|value| std::str::from_utf8(value.as_bytes()).is_ok())
}

/// The head, borrowed. HTTP/2 names the host in the request line: `settle_host` has copied it into the fields.
pub fn head<'a>(parts: &'a Parts, fields: &'a Fields<'a>) -> Head<'a> {
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
