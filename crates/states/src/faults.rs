//! The faults, with AWS's sentences (recorded: LocalStack, `tests/aws/services/stepfunctions`).

pub use cloudlet_api_states::faults::*;
use cloudlet_aws::{Fault, FaultKind};

pub const ACCESS_DENIED: FaultKind = FaultKind::sender("AccessDeniedException", 400);

pub fn invalid_arn(detail: impl std::fmt::Display) -> Fault {
    INVALID_ARN.says(format!("Invalid Arn: '{detail}'"))
}

pub fn wrong_arn(arn: &str) -> Fault {
    invalid_arn(format_args!("Invalid ARN prefix: {arn}"))
}

pub fn wrong_resource(kind: &str) -> Fault {
    invalid_arn(format_args!("Resource type not valid in this context: {kind}"))
}

pub fn invalid_name(name: &str) -> Fault {
    INVALID_NAME.says(format!("Invalid Name: '{name}'"))
}

pub fn no_machine(arn: &str) -> Fault {
    STATE_MACHINE_DOES_NOT_EXIST.says(format!("State Machine Does Not Exist: '{arn}'"))
}

pub fn machine_exists(arn: &str) -> Fault {
    STATE_MACHINE_ALREADY_EXISTS.says(format!("State Machine Already Exists: '{arn}'"))
}

pub fn deleting(arn: &str) -> Fault {
    STATE_MACHINE_DELETING.says(format!("State Machine is deleting: '{arn}'"))
}

pub fn no_execution(arn: &str) -> Fault {
    EXECUTION_DOES_NOT_EXIST.says(format!("Execution Does Not Exist: '{arn}'"))
}

pub fn no_activity(arn: &str) -> Fault {
    ACTIVITY_DOES_NOT_EXIST.says(format!("Activity Does Not Exist: '{arn}'"))
}

pub fn no_resource(arn: &str) -> Fault {
    RESOURCE_NOT_FOUND.says(format!("Resource not found: '{arn}'")).with("resourceName", arn)
}

pub fn wrong_type() -> Fault {
    STATE_MACHINE_TYPE_NOT_SUPPORTED.says("This operation is not supported by this type of state machine")
}

pub fn invalid_page() -> Fault {
    INVALID_TOKEN.says("Invalid Token: 'Invalid token'")
}

pub fn invalid_input(detail: impl std::fmt::Display) -> Fault {
    INVALID_EXECUTION_INPUT.says(format!("Invalid State Machine Execution Input: '{detail}'"))
}

pub fn validation(reason: &'static str, message: impl Into<String>) -> Fault {
    VALIDATION.says(message).with("reason", reason)
}

pub fn labeled() -> Fault {
    // AWS: unverified wording.
    validation("API_DOES_NOT_SUPPORT_LABELED_ARNS", "This API does not support labeled state machine ARNs")
}
