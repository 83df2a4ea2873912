//! The faults of KMS, with AWS's messages.

pub use cloudlet_api_kms::faults::*;
use cloudlet_aws::{Fault, FaultKind};

pub const VALIDATION: FaultKind = FaultKind::sender("ValidationException", 400);
/// Not in the model; the code that all JSON services share.
pub const ACCESS_DENIED: FaultKind = FaultKind::sender("AccessDeniedException", 400);
const NOT_IMPLEMENTED: FaultKind = FaultKind::receiver("NotImplemented", 501);

pub fn validation(message: impl Into<String>) -> Fault {
    VALIDATION.says(message)
}

/// What is in the model and not built here.
pub fn not_implemented(what: &str) -> Fault {
    NOT_IMPLEMENTED.says(format!("Cloudlet does not implement {what} yet.")).with_header("x-cloudlet-not-implemented", what)
}

pub fn invalid_key_id(id: &str) -> Fault {
    NOT_FOUND.says(format!("Invalid keyId '{id}'"))
}

pub fn no_such_key(arn: &str) -> Fault {
    NOT_FOUND.says(format!("Key '{arn}' does not exist"))
}

pub fn no_such_alias(arn: &str) -> Fault {
    NOT_FOUND.says(format!("Alias {arn} is not found."))
}

/// AWS: no message.
pub fn invalid_ciphertext() -> Fault {
    INVALID_CIPHERTEXT.says("")
}

/// AWS: no message.
pub fn unsupported() -> Fault {
    UNSUPPORTED_OPERATION.says("")
}

pub fn invalid_marker() -> Fault {
    // AWS: unverified message.
    INVALID_MARKER.says("Could not deserialize marker.")
}

pub fn dry_run() -> Fault {
    DRY_RUN_OPERATION.says("The request would have succeeded, but the DryRun option is set.")
}
