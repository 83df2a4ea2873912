//! Faults of several operations.
//! AWS: the messages are recorded (LocalStack's snapshots, moto's tests) or quoted in reports of users.

use cloudlet_api_iam::faults::{DELETE_CONFLICT, ENTITY_ALREADY_EXISTS, INVALID_INPUT, LIMIT_EXCEEDED, NO_SUCH_ENTITY, UNMODIFIABLE_ENTITY};
use cloudlet_aws::{Fault, FaultKind};

pub(crate) const VALIDATION: FaultKind = FaultKind::sender("ValidationError", 400);

pub(crate) fn validation_error(message: impl Into<String>) -> Fault {
    VALIDATION.says(message)
}

pub(crate) fn invalid_input(message: impl Into<String>) -> Fault {
    INVALID_INPUT.says(message)
}

pub(crate) fn no_such(message: impl Into<String>) -> Fault {
    NO_SUCH_ENTITY.says(message)
}

/// `no_such_entity("user", "bob")`: "The user with name bob cannot be found."
pub(crate) fn no_such_entity(kind: &'static str, name: &str) -> impl FnOnce() -> Fault {
    move || no_such(format!("The {kind} with name {name} cannot be found."))
}

pub(crate) fn no_profile(name: &str) -> impl FnOnce() -> Fault {
    move || no_such(format!("Instance Profile {name} cannot be found."))
}

pub(crate) fn no_policy(arn: &str) -> impl FnOnce() -> Fault {
    move || no_such(format!("Policy {arn} was not found."))
}

pub(crate) fn no_oidc_provider(arn: &str) -> impl FnOnce() -> Fault {
    move || no_such(format!("OpenIDConnect Provider not found for arn {arn}"))
}

pub(crate) fn no_saml_provider(arn: &str) -> impl FnOnce() -> Fault {
    move || no_such(format!("Manifest not found for arn {arn}"))
}

pub(crate) fn no_mfa_device(serial: &str) -> impl FnOnce() -> Fault {
    move || no_such(format!("VirtualMFADevice with serial number {serial} doesn't exist."))
}

pub(crate) fn already_exists(message: impl Into<String>) -> Fault {
    ENTITY_ALREADY_EXISTS.says(message)
}

/// `entity_exists("User", "bob")`: "User with name bob already exists."
pub(crate) fn entity_exists(kind: &str, name: &str) -> Fault {
    already_exists(format!("{kind} with name {name} already exists."))
}

pub(crate) fn limit_exceeded(message: impl Into<String>) -> Fault {
    LIMIT_EXCEEDED.says(message)
}

pub(crate) fn quota(name: &str, limit: usize) -> Fault {
    limit_exceeded(format!("Cannot exceed quota for {name}: {limit}"))
}

pub(crate) fn delete_conflict(message: impl Into<String>) -> Fault {
    DELETE_CONFLICT.says(message)
}

/// `must_first("detach all policies")`: "Cannot delete entity, must detach all policies first."
pub(crate) fn must_first(what: &str) -> Fault {
    delete_conflict(format!("Cannot delete entity, must {what} first."))
}

pub(crate) fn protected(role: &str) -> Fault {
    UNMODIFIABLE_ENTITY.says(format!("Cannot perform the operation on the protected role '{role}' - this role is only modifiable by AWS"))
}
