//! HTTP requests to somebody else's endpoints: an engine sends one and gets the response.
//! Deliberately only the types: `cloudlet-http-client` implements the client, and tests have one of their own.

use crate::Boxed;
use bytes::Bytes;
use std::{fmt, time::Duration};

/// A request to somebody's endpoint.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    pub method: &'static str,
    /// `http://localhost:8080/hook`, with `user:password@` before the host where the endpoint wants it.
    pub to: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
    /// How long the whole exchange may take.
    pub timeout: Duration,
}

/// What the endpoint said: its status, and the beginning of its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    pub status: u16,
    pub body: Bytes,
}

/// Why there was no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError {
    /// Not an address that a request can be sent to.
    InvalidAddress(String),
    Unreachable(String),
    TimedOut,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::InvalidAddress(why) | SendError::Unreachable(why) => f.write_str(why),
            SendError::TimedOut => f.write_str("the endpoint did not answer in time"),
        }
    }
}

/// Sends HTTP requests.
pub trait HttpClient: Send + Sync {
    fn send(&self, request: HttpRequest) -> Boxed<'_, Result<HttpResponse, SendError>>;

    /// The same for an endpoint whose answers are as large as they may be elsewhere: `most` bytes of a body are read.
    fn send_for(&self, request: HttpRequest, _most: usize) -> Boxed<'_, Result<HttpResponse, SendError>> {
        self.send(request)
    }
}

/// A URL as it may be shown: its password is masked.
pub fn without_password(url: &str) -> String {
    let masked = || {
        let (scheme, rest) = url.split_once("://")?;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (login, host) = authority.rsplit_once('@')?;
        let (user, _) = login.split_once(':')?;
        Some(format!("{scheme}://{user}:****@{host}{path}"))
    };
    masked().unwrap_or_else(|| url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn the_password_of_a_url_is_masked() {
        for (url, shown) in [
            ("https://ann:hush@example.com/a:b@c", "https://ann:****@example.com/a:b@c"),
            ("https://ann:a:b@example.com?x", "https://ann:****@example.com?x"),
            ("https://ann@example.com/", "https://ann@example.com/"),
            ("https://example.com/x@y:z", "https://example.com/x@y:z"),
            ("arn:aws:sqs:us-east-1:000000000000:queue", "arn:aws:sqs:us-east-1:000000000000:queue"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
