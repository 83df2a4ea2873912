//! Faults that several operations answer, and those that are not in the model.

pub use cloudlet_api_sqs::faults::*;

use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::Unseen;
use std::fmt::Display;

// AWS: not in the model; recorded under these names in JSON and these codes in the query protocol.
pub const INVALID_PARAMETER_VALUE: FaultKind = FaultKind::sender("InvalidParameterValueException", 400).coded("InvalidParameterValue");
pub const MISSING_PARAMETER: FaultKind = FaultKind::sender("MissingRequiredParameterException", 400).coded("MissingParameter");
/// AWS: a caller without sqs:GetQueueUrl does not learn whether the queue exists.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/troubleshooting-api-errors.html>
pub const UNSEEN: Unseen = Unseen {
    action: "sqs:GetQueueUrl",
    fault: QUEUE_DOES_NOT_EXIST,
    sentence: "The specified queue does not exist or you do not have access to it.",
};
pub const INVALID_ACTION: FaultKind = FaultKind::sender("InvalidAction", 400);

pub fn no_such_queue() -> Fault {
    QUEUE_DOES_NOT_EXIST.says("The specified queue does not exist.").in_query("The specified queue does not exist for this wsdl version.")
}

/// `Value 21 for parameter WaitTimeSeconds is invalid. Reason: …`
pub fn invalid(value: impl Display, parameter: &str, reason: impl Display) -> Fault {
    INVALID_PARAMETER_VALUE.says(format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}"))
}

pub fn not_for_this_type(value: impl Display, parameter: &str) -> Fault {
    // AWS: recorded so, for DelaySeconds on a FIFO queue.
    invalid(value, parameter, "The request include parameter that is not valid for this queue type.")
}

pub fn missing(parameter: &str) -> Fault {
    MISSING_PARAMETER.says(missing_message(parameter))
}

pub fn missing_message(parameter: &str) -> String {
    format!("The request must contain the parameter {parameter}.")
}

pub fn unknown_attribute(name: &str) -> Fault {
    INVALID_ATTRIBUTE_NAME.says(format!("Unknown Attribute {name}."))
}

pub fn invalid_attribute(name: &str) -> Fault {
    INVALID_ATTRIBUTE_VALUE.says(format!("Invalid value for the parameter {name}."))
}
