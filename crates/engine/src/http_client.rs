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
}
