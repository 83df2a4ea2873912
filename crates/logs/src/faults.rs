//! The faults of CloudWatch Logs, with AWS's messages.

pub use cloudlet_api_logs::faults::*;
use cloudlet_aws::{Fault, FaultKind};

const NOT_IMPLEMENTED: FaultKind = FaultKind::receiver("NotImplemented", 501);

/// What is in the model and not built here.
pub fn not_implemented(what: &str) -> Fault {
    NOT_IMPLEMENTED.says(format!("Cloudlet does not implement {what} yet.")).with_header("x-cloudlet-not-implemented", what)
}

pub fn no_such_group() -> Fault {
    RESOURCE_NOT_FOUND.says("The specified log group does not exist.")
}

pub fn no_such_stream() -> Fault {
    RESOURCE_NOT_FOUND.says("The specified log stream does not exist.")
}

pub fn group_exists() -> Fault {
    RESOURCE_ALREADY_EXISTS.says("The specified log group already exists")
}

pub fn stream_exists() -> Fault {
    RESOURCE_ALREADY_EXISTS.says("The specified log stream already exists")
}

pub fn limit_exceeded() -> Fault {
    LIMIT_EXCEEDED.says("Resource limit exceeded.")
}

pub fn invalid(message: impl Into<String>) -> Fault {
    INVALID_PARAMETER.says(message)
}

pub fn invalid_token() -> Fault {
    invalid("The specified nextToken is invalid.")
}
