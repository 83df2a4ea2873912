//! Failures of steps, with AWS's sentences.

use super::status::Status;
use crate::definition::Action;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Why a step failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Failed or TimedOut.
    pub status: Status,
    pub message: String,
    pub stage: Stage,
    /// `Action`, `Permission`, `Throttling`, `Verification`, `Internal`.
    pub kind: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, Vec<String>>,
}

/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_FailureDetails.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    InputValidation,
    PreVerification,
    Invocation,
    PostVerification,
}

impl Stage {
    pub fn name(self) -> &'static str {
        match self {
            Stage::InputValidation => "InputValidation",
            Stage::PreVerification => "PreVerification",
            Stage::Invocation => "Invocation",
            Stage::PostVerification => "PostVerification",
        }
    }
}

const GUIDE: &str = "Please refer to Automation Service Troubleshooting Guide for more diagnosis details.";

/// A step that failed while it was doing something: `Execute/Cancelling action`.
pub fn failed(doing: &str, what: &str, stage: Stage, kind: &str) -> Failure {
    let what = what.trim_end().trim_end_matches('.');
    let message = format!("Step fails when it is {doing}. {what}. {GUIDE}");
    let details = BTreeMap::from([("VerificationErrorMessage".to_owned(), vec![what.chars().take(512).collect()])]);
    let details = if matches!(stage, Stage::PreVerification | Stage::PostVerification) { details } else { BTreeMap::new() };
    Failure { status: Status::Failed, message, stage, kind: kind.to_owned(), details }
}

/// A step that did not end in its time.
pub fn timed_out(doing: &str) -> Failure {
    let message = format!("Step timed out while step is {doing}. {GUIDE}");
    Failure { status: Status::TimedOut, message, stage: Stage::Invocation, kind: "Action".to_owned(), details: BTreeMap::new() }
}

/// What a step is doing, in AWS's words. AWS: verified for APIs, scripts, commands and launches; otherwise unverified.
pub fn doing(action: Action) -> &'static str {
    match action {
        Action::ExecuteScript => "Poll action status for completion",
        Action::RunCommand => "verifying the command has completed",
        Action::RunInstances => "verifying launched instance(s) are ready to be used",
        Action::ChangeInstanceState => "verifying the instance(s) have reached the desired state",
        Action::Approve => "waiting for approval",
        Action::Pause => "waiting for a resume signal",
        Action::Sleep => "sleeping",
        Action::Loop => "iterating over the steps",
        Action::ExecuteAutomation => "verifying the automation has completed",
        Action::ExecuteStateMachine => "verifying the state machine has completed",
        _ => "Execute/Cancelling action",
    }
}

/// Inputs that have no values.
pub fn unresolved(name: &str) -> Failure {
    let what = format!("Failed to resolve input: {name}. {name} is not defined in the automation document, or has no value yet");
    failed("validating and resolving the step inputs", &what, Stage::InputValidation, "Verification")
}

pub fn too_large() -> Failure {
    failed("validating and resolving the step inputs", "The inputs of the step are too large", Stage::InputValidation, "Verification")
}
