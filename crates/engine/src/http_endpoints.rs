//! Endpoints that a service serves for its users at hosts of their own: the URLs of functions. A request to one is no operation of AWS's: it is
//! handed over as it came, as the input of one operation of the service, which no model has, and is authorized like any other call.

use cloudlet_aws::{Fault, Head, Scope};
use cloudlet_shape::{Blob, Body, OperationSchema, Shape};

/// What a service serves at hosts of its users.
pub trait HttpEndpoints: Send + Sync {
    /// The endpoint that a request is to, if it is to one. Most requests are not: it must be quick to say so.
    fn endpoint(&self, host: &str, path: &str) -> Option<HttpEndpoint>;

    /// The answer to a preflight request of a browser, if the endpoint has rules for other origins.
    fn preflight(&self, endpoint: &HttpEndpoint, head: &Head<'_>) -> Option<Vec<(&'static str, String)>>;

    /// The answer to a request that was refused before the endpoint's operation was performed, or by it.
    fn refusal(&self, fault: &Fault) -> EndpointRefusal;
}

/// An endpoint, and the part of a request's path that is its own.
#[derive(Clone, Debug)]
pub struct HttpEndpoint {
    /// Its input is `EndpointRequest`, its output `EndpointAnswer`.
    pub operation: &'static OperationSchema,
    /// The account and region of the endpoint, whoever calls it.
    pub scope: Scope,
    pub id: String,
    /// As it came, escaped.
    pub path: String,
    pub callers: EndpointCallers,
    /// The service that signatures name, where it is not the one that serves the endpoint.
    pub signing_name: Option<&'static str>,
    /// Bytes of a request's body.
    pub largest: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointCallers {
    /// Requests are signed.
    Signed,
    /// Everybody is anonymous, whatever the request says.
    Anonymous,
}

#[derive(Clone, Debug)]
pub struct EndpointRefusal {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

#[derive(Shape, Clone, Default)]
pub struct EndpointField {
    /// In lower case.
    pub name: String,
    pub value: String,
}

/// A request to an endpoint.
#[derive(Shape, Clone, Default)]
pub struct EndpointRequest {
    pub endpoint: String,
    pub method: String,
    pub path: String,
    pub query: String,
    /// `HTTP/1.1`
    pub version: String,
    pub headers: Vec<EndpointField>,
    pub body: Blob,
}

#[derive(Shape, Clone, Default)]
pub struct EndpointAnswer {
    pub status: i32,
    pub headers: Vec<EndpointField>,
    pub body: Body,
}
