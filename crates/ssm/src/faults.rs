//! The faults of Systems Manager, with AWS's messages.

pub use cloudlet_api_ssm::faults::*;
use cloudlet_aws::{Fault, FaultKind};

const NOT_IMPLEMENTED: FaultKind = FaultKind::receiver("NotImplemented", 501);

/// A part of an operation that is not built.
pub fn not_implemented(what: &str) -> Fault {
    NOT_IMPLEMENTED.says(format!("Cloudlet does not implement {what} yet.")).with_header("x-cloudlet-not-implemented", what)
}

pub fn validation(message: impl Into<String>) -> Fault {
    VALIDATION.says(message)
}

/// AWS: no message.
pub fn no_such_parameter() -> Fault {
    PARAMETER_NOT_FOUND.says("")
}

pub fn no_such_version(version: i64, name: &str) -> Fault {
    PARAMETER_VERSION_NOT_FOUND.says(format!("Systems Manager could not find version {version} of {name}. Verify the version and try again."))
}

pub fn no_such_label(label: &str, name: &str) -> Fault {
    // AWS: unverified message.
    PARAMETER_VERSION_NOT_FOUND.says(format!("Systems Manager could not find label {label} of {name}. Verify the label and try again."))
}

pub fn invalid_next_token() -> Fault {
    INVALID_NEXT_TOKEN.says("The specified token isn't valid.")
}

pub fn concurrent_update() -> Fault {
    TOO_MANY_UPDATES.says("There are concurrent updates for a resource that supports one update at a time.")
}

pub fn no_such_window(id: &str) -> Fault {
    DOES_NOT_EXIST.says(format!("Maintenance window {id} does not exist"))
}
