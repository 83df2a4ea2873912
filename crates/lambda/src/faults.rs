//! The faults, with AWS's sentences (recorded: LocalStack, `tests/aws/services/lambda_`).

pub use cloudlet_api_lambda::faults::*;
use cloudlet_aws::{Fault, FaultKind};

const NOT_IMPLEMENTED: FaultKind = FaultKind::receiver("NotImplemented", 501);
pub const VALIDATION: FaultKind = FaultKind::sender("ValidationException", 400);
const REQUEST_ENTITY_TOO_LARGE: FaultKind = FaultKind::sender("RequestEntityTooLargeException", 413);

pub const BAD_GATEWAY: FaultKind = FaultKind::receiver("BadGateway", 502);

const USER: (&str, &str) = ("Type", "User");

fn user(kind: &FaultKind, message: impl Into<String>) -> Fault {
    kind.says(message).with(USER.0, USER.1)
}

pub fn not_built(what: &str) -> Fault {
    NOT_IMPLEMENTED.says(format!("Cloudlet does not have {what} yet."))
}

pub fn no_runtime(runtime: &str) -> Fault {
    let text = "Publish its function as an executable of the name bootstrap for provided.al2023, or run its image beside this server.";
    NOT_IMPLEMENTED.says(format!("Cloudlet does not have the runtime {runtime}. {text}"))
}

pub fn invalid(message: impl Into<String>) -> Fault {
    user(&INVALID_PARAMETER_VALUE, message)
}

/// AWS: this fault alone has its message under `Message`.
pub fn not_found(message: impl Into<String>) -> Fault {
    let message = message.into();
    user(&RESOURCE_NOT_FOUND, message.clone()).with("Message", message)
}

pub fn no_function(arn: impl std::fmt::Display) -> Fault {
    not_found(format!("Function not found: {arn}"))
}

pub fn no_resource() -> Fault {
    not_found("The resource you requested does not exist.")
}

pub fn conflict(message: impl Into<String>) -> Fault {
    user(&RESOURCE_CONFLICT, message)
}

/// Two changes at the same time.
pub fn in_progress(function: &cloudlet_aws::Arn) -> Fault {
    conflict(format!("The operation cannot be performed at this time. An update is in progress for resource: {function}"))
}

/// `api` names the operation that tells the revision: `GetFunction/GetAlias`.
pub fn wrong_revision(api: &str) -> Fault {
    let text = "The Revision Id provided does not match the latest Revision Id. Call the";
    user(&PRECONDITION_FAILED, format!("{text} {api} API to retrieve the latest Revision Id"))
}

pub fn validation(value: impl std::fmt::Display, member: &str, constraint: impl std::fmt::Display) -> Fault {
    VALIDATION.says(format!("1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"))
}

pub fn unzippable() -> Fault {
    invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")
}

pub fn too_large(bytes: usize, operation: &str) -> Fault {
    REQUEST_ENTITY_TOO_LARGE.says(format!("Request must be smaller than {bytes} bytes for the {operation} operation"))
}

pub fn function_only() -> Fault {
    let text = "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a";
    invalid(format!("{text} function name or an unqualified function ARN."))
}

pub fn rate_exceeded(reason: &str) -> Fault {
    user(&TOO_MANY_REQUESTS, "Rate Exceeded.").with("Reason", reason)
}

pub fn invalid_content(message: impl Into<String>) -> Fault {
    user(&INVALID_REQUEST_CONTENT, message)
}

pub fn invalid_page() -> Fault {
    // AWS: unverified wording.
    invalid("Invalid Marker")
}

pub fn recursive() -> Fault {
    let text = "Lambda has detected this function being invoked in a recursive loop with other Amazon Web Services resources";
    user(&RECURSIVE_INVOCATION, format!("{text} and stopped your function's invocation."))
}
