//! Whether an execution can be redriven.
//! <https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html>

use crate::{
    limits,
    state::{Execution, Status},
};
use cloudlet_aws::Timestamp;

/// Whether an execution can be redriven, and why not.
pub fn redrive_status(execution: &Execution, now: Timestamp, deleting: bool) -> (&'static str, Option<&'static str>) {
    if execution.map_run.is_some() {
        return match execution.status {
            Status::Succeeded => ("NOT_REDRIVABLE", Some("Execution is SUCCEEDED and cannot be redriven")),
            Status::Running => ("NOT_REDRIVABLE", Some("Execution is RUNNING and cannot be redriven")),
            _ => ("REDRIVABLE_BY_MAP_RUN", None),
        };
    }
    let reason = match (execution.status, execution.stopped) {
        (Status::Running, _) => Some("Execution is RUNNING and cannot be redriven"),
        (Status::Succeeded, _) => Some("Execution is SUCCEEDED and cannot be redriven"),
        _ if deleting => Some("State machine is in DELETING status"),
        _ if execution.events >= limits::EVENTS - 1 => Some("Execution history event limit exceeded"),
        (_, Some(stopped)) if stopped.plus_secs(limits::REDRIVE_DAYS * 86_400) < now => Some("Execution redrivable period exceeded"),
        _ if execution.started.plus_secs(365 * 86_400) < now => Some("Execution has exceeded the max execution time"),
        _ => None,
    };
    (if reason.is_some() { "NOT_REDRIVABLE" } else { "REDRIVABLE" }, reason)
}
