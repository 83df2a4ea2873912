//! The answer of StartSyncExecution, which a Task that makes this call gets too.

use crate::state::Execution;
use cloudlet_api_states::{BillingDetails, CloudWatchEventsExecutionDataDetails, StartSyncExecutionOutput};

/// How an execution ended, as StartSyncExecution says it.
pub fn of(arn: &str, execution: &Execution) -> StartSyncExecutionOutput {
    let included = Some(CloudWatchEventsExecutionDataDetails { included: Some(true) });
    let stopped = execution.stopped.unwrap_or(execution.started);
    let millis = stopped.millis().saturating_sub(execution.started.millis());
    StartSyncExecutionOutput {
        execution_arn: arn.to_owned(),
        state_machine_arn: Some(execution.machine_arn()),
        name: Some(execution.name.clone()),
        start_date: execution.started,
        stop_date: stopped,
        status: execution.status.name().to_owned(),
        error: execution.error.clone(),
        cause: execution.cause.clone(),
        input: Some(execution.input.to_string()),
        input_details: included.clone(),
        output: execution.output.as_ref().map(ToString::to_string),
        output_details: execution.output.as_ref().and(included),
        trace_header: execution.trace_header.clone(),
        // AWS bills in steps of 100 milliseconds and 64 MB.
        billing_details: Some(BillingDetails { billed_memory_used_in_mb: Some(64), billed_duration_in_milliseconds: Some((millis / 100 + 1) * 100) }),
    }
}
