//! Faults that several operations answer. Many messages begin with the name of the error, as AWS's do.

pub use cloudlet_api_sns::faults::*;

use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::Cx;
use std::fmt::Display;

/// AWS: it is in no model; violations of the model's constraints are answered with it.
pub const VALIDATION_ERROR: FaultKind = FaultKind::sender("ValidationError", 400);

/// `Invalid parameter: …`
pub fn invalid(what: impl Display) -> Fault {
    INVALID_PARAMETER.says(format!("Invalid parameter: {what}"))
}

/// `Invalid parameter: … Reason: …`
pub fn reason(parameter: &str, why: impl Display) -> Fault {
    invalid(format_args!("{parameter} Reason: {why}"))
}

pub fn no_topic() -> Fault {
    NOT_FOUND.says("Topic does not exist")
}

pub fn no_subscription() -> Fault {
    NOT_FOUND.says("Subscription does not exist")
}

pub fn no_application() -> Fault {
    NOT_FOUND.says("PlatformApplication does not exist")
}

pub fn no_endpoint() -> Fault {
    NOT_FOUND.says("Endpoint does not exist")
}

/// Refuses a call without a required string. AWS: SNS reports those itself, before it looks at ARNs.
pub fn check_missing_strings(cx: &Cx) -> Result<(), Fault> {
    let Some(path) = cx.origin.missing.iter().find(|path| !path.contains('.') && !is_collection(path)) else { return Ok(()) };
    let mut characters = path.chars();
    let name: String = characters.next().into_iter().flat_map(char::to_uppercase).chain(characters).collect();
    Err(reason(&name, "no value for required parameter"))
}

/// Refuses a call without a required member. Other members than strings are reported with the model's message.
pub fn check_missing(cx: &Cx) -> Result<(), Fault> {
    check_missing_strings(cx)?;
    let missing = &cx.origin.missing;
    let Some(first) = missing.first() else { return Ok(()) };
    let violation = |path: &str| format!("Value null at '{path}' failed to satisfy constraint: Member must not be null");
    let (count, errors) = (missing.len(), if missing.len() == 1 { "error" } else { "errors" });
    let mut text = format!("{count} validation {errors} detected: {}", violation(first));
    for path in missing.iter().skip(1).take(9) {
        text.push_str("; ");
        text.push_str(&violation(path));
    }
    Err(VALIDATION_ERROR.says(text))
}

fn is_collection(path: &str) -> bool {
    matches!(path, "attributes" | "publishBatchRequestEntries" | "tags" | "tagKeys" | "aWSAccountId" | "actionName" | "awsAccountId")
}
