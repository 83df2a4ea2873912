//! What a service lets one see of itself beside its API: queues looked into without receiving, mail that nobody fetched.

use crate::Output;
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_shape::OperationSchema;

/// A look through a window.
#[derive(Clone, Debug)]
pub struct DeveloperRequest {
    /// What stands behind the window's own path: `/us-east-1/000000000000/q`.
    pub rest: String,
    pub query: Vec<(String, String)>,
    pub now: Timestamp,
    /// The region of who names none.
    pub region: String,
}

impl DeveloperRequest {
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(asked, _)| asked == name).map(|(_, value)| value.as_str())
    }

    /// A switch: `true` or `1`.
    pub fn flag(&self, name: &str) -> bool {
        self.parameter(name).is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("true"))
    }
}

/// A window stands under `/_aws/`. Looking changes nothing.
pub trait DeveloperEndpoint: Send + Sync {
    /// What is seen, in the shape of an operation's answer, so that it can be written in any of the service's protocols.
    fn view(&self, request: &DeveloperRequest) -> Result<(&'static OperationSchema, Output), Fault>;
}
