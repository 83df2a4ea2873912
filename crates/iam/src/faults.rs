//! IAM's sentences for what several operations refuse.
//! AWS: texts as its API answers them; those recorded by others (LocalStack's snapshots, moto's tests) and in users' reports.

use cloudlet_api_iam::faults::{DELETE_CONFLICT, ENTITY_ALREADY_EXISTS, INVALID_INPUT, LIMIT_EXCEEDED, NO_SUCH_ENTITY, UNMODIFIABLE_ENTITY};
use cloudlet_aws::{Fault, FaultKind};

pub(crate) const VALIDATION: FaultKind = FaultKind::sender("ValidationError", 400);

pub(crate) fn invalid(message: impl Into<String>) -> Fault {
    VALIDATION.says(message)
}

pub(crate) fn bad_input(message: impl Into<String>) -> Fault {
    INVALID_INPUT.says(message)
}

/// `the("user", "bob")`: "The user with name bob cannot be found."
pub(crate) fn the(kind: &'static str, name: &str) -> impl FnOnce() -> Fault {
    move || NO_SUCH_ENTITY.says(format!("The {kind} with name {name} cannot be found."))
}

pub(crate) fn no_profile(name: &str) -> impl FnOnce() -> Fault {
    move || NO_SUCH_ENTITY.says(format!("Instance Profile {name} cannot be found."))
}

pub(crate) fn no_policy(arn: &str) -> impl FnOnce() -> Fault {
    move || NO_SUCH_ENTITY.says(format!("Policy {arn} was not found."))
}

pub(crate) fn gone(message: impl Into<String>) -> Fault {
    NO_SUCH_ENTITY.says(message)
}

/// `taken("User", "bob")`: "User with name bob already exists."
pub(crate) fn taken(kind: &str, name: &str) -> Fault {
    ENTITY_ALREADY_EXISTS.says(format!("{kind} with name {name} already exists."))
}

pub(crate) fn exists(message: impl Into<String>) -> Fault {
    ENTITY_ALREADY_EXISTS.says(message)
}

pub(crate) fn quota(name: &str, limit: usize) -> Fault {
    LIMIT_EXCEEDED.says(format!("Cannot exceed quota for {name}: {limit}"))
}

pub(crate) fn limit(message: impl Into<String>) -> Fault {
    LIMIT_EXCEEDED.says(message)
}

/// `first("detach all policies")`: "Cannot delete entity, must detach all policies first."
pub(crate) fn first(what: &str) -> Fault {
    DELETE_CONFLICT.says(format!("Cannot delete entity, must {what} first."))
}

pub(crate) fn conflict(message: impl Into<String>) -> Fault {
    DELETE_CONFLICT.says(message)
}

pub(crate) fn protected(role: &str) -> Fault {
    UNMODIFIABLE_ENTITY.says(format!("Cannot perform the operation on the protected role '{role}' - this role is only modifiable by AWS"))
}
