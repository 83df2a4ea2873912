//! Commands, their invocations on nodes, and what came of each step.

use cloudlet_api_ssm::{NotificationConfig, Target};
use cloudlet_aws::{Arn, Scope, Timestamp};
use cloudlet_engine::StoredShape;
use cloudlet_shape::Map;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How far a command, an invocation or a step is. AWS has two words for it: a status, and details of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::enum_variant_names, reason = "the words are those of AWS")]
pub enum Progress {
    Pending,
    InProgress,
    Cancelling,
    Success,
    Failed,
    Cancelled,
    DeliveryTimedOut,
    ExecutionTimedOut,
    /// The command had too many errors before its turn came.
    Terminated,
    Undeliverable,
    AccessDenied,
    InvalidPlatform,
    /// Of a command: no node has the tags.
    NoInstancesInTag,
    /// Of a command: some of its invocations failed, though not too many.
    Incomplete,
}

impl Progress {
    pub fn status(self) -> &'static str {
        match self {
            Progress::Pending => "Pending",
            Progress::InProgress => "InProgress",
            Progress::Cancelling => "Cancelling",
            Progress::Success | Progress::NoInstancesInTag => "Success",
            Progress::Cancelled | Progress::Terminated => "Cancelled",
            Progress::DeliveryTimedOut | Progress::ExecutionTimedOut => "TimedOut",
            // AWS: unverified for those beside Failed.
            Progress::Failed | Progress::Undeliverable | Progress::AccessDenied | Progress::InvalidPlatform | Progress::Incomplete => "Failed",
        }
    }

    pub fn details(self) -> &'static str {
        match self {
            Progress::Pending => "Pending",
            Progress::InProgress => "InProgress",
            Progress::Cancelling => "Cancelling",
            Progress::Success => "Success",
            Progress::Failed => "Failed",
            Progress::Cancelled => "Cancelled",
            Progress::DeliveryTimedOut => "DeliveryTimedOut",
            Progress::ExecutionTimedOut => "ExecutionTimedOut",
            Progress::Terminated => "Terminated",
            Progress::Undeliverable => "Undeliverable",
            Progress::AccessDenied => "AccessDenied",
            Progress::InvalidPlatform => "InvalidPlatform",
            Progress::NoInstancesInTag => "NoInstancesInTag",
            Progress::Incomplete => "Incomplete",
        }
    }

    pub fn is_over(self) -> bool {
        !matches!(self, Progress::Pending | Progress::InProgress | Progress::Cancelling)
    }

    /// What both come to: a cancellation counts more than a timeout, and that more than another failure.
    #[must_use]
    pub fn worse(self, other: Progress) -> Progress {
        let weight = |progress: Progress| match progress {
            Progress::Success => 0,
            Progress::ExecutionTimedOut => 2,
            Progress::Cancelled => 3,
            _ => 1,
        };
        if weight(other) > weight(self) { other } else { self }
    }

    /// Whether it counts against the errors that a command may have.
    /// <https://docs.aws.amazon.com/systems-manager/latest/userguide/monitor-commands.html>
    pub fn is_error(self) -> bool {
        matches!(self, Progress::Failed | Progress::DeliveryTimedOut | Progress::ExecutionTimedOut)
    }
}

/// A place in S3 for outputs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct S3Output {
    pub bucket: Arc<str>,
    pub prefix: Option<Arc<str>>,
    pub region: Arc<str>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Command {
    pub document: Arc<str>,
    pub version: Arc<str>,
    /// The document's value, as JSON.
    pub content: Arc<str>,
    pub parameters: Map<Vec<String>>,
    pub comment: Option<Arc<str>>,
    pub requested: Timestamp,
    pub expires: Timestamp,
    pub timeout_seconds: i32,
    pub instance_ids: Vec<String>,
    pub targets: Vec<StoredShape<Target>>,
    pub max_concurrency: Arc<str>,
    pub max_errors: Arc<str>,
    pub s3: Option<S3Output>,
    /// The log group, if outputs go to one.
    pub log_group: Option<Arc<str>>,
    pub service_role: Option<Arc<str>>,
    pub notification: Option<StoredShape<NotificationConfig>>,
    pub progress: Progress,
    pub target_count: u32,
    /// The association that sent it.
    pub association: Option<Arc<str>>,
}

/// A command on one node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Invocation {
    pub node_name: Option<Arc<str>>,
    pub arn: Arn,
    pub progress: Progress,
    /// Its turn has come.
    pub is_sent: bool,
    pub started: Option<Timestamp>,
    pub finished: Option<Timestamp>,
    /// In the order of the document.
    pub steps: Arc<Vec<StepResult>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StepResult {
    /// The name of the step, or of the plugin in documents of schema 1.2.
    pub name: Arc<str>,
    pub action: Arc<str>,
    /// The part of paths in S3 below the action.
    pub id: Arc<str>,
    pub progress: Progress,
    pub code: i32,
    pub started: Option<Timestamp>,
    pub finished: Option<Timestamp>,
    pub output: Arc<str>,
    pub error: Arc<str>,
}

/// A row of an account in a region.
pub type RowKey = (Scope, Arc<str>);
