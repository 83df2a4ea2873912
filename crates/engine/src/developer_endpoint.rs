//! Developer endpoints: what a service shows beside its API, such as the messages of a queue without receiving them.

use crate::Output;
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_shape::OperationSchema;

/// A request to a developer endpoint.
#[derive(Clone, Debug)]
pub struct DeveloperRequest {
    /// The path below that of the endpoint: `/us-east-1/000000000000/q`.
    pub rest: String,
    pub query: Vec<(String, String)>,
    pub now: Timestamp,
    /// The region of requests that name none.
    pub region: String,
}

impl DeveloperRequest {
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether a parameter is `true` or `1`.
    pub fn flag(&self, name: &str) -> bool {
        self.parameter(name).is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("true"))
    }
}

/// A page under `/_cloudlet/`, for people: it changes nothing.
pub trait AdminPage: Send + Sync {
    /// The page for what follows its path; `None`: there is no such thing.
    fn page(&self, rest: &str) -> Option<Page>;
}

pub struct Page {
    pub content_type: &'static str,
    pub text: String,
}

/// An endpoint under `/_aws/`. It changes nothing.
pub trait DeveloperEndpoint: Send + Sync {
    /// The answer as the output of an operation, so that it can be written in any of the service's protocols.
    fn view(&self, request: &DeveloperRequest) -> Result<(&'static OperationSchema, Output), Fault>;
}
