//! Executions and steps as the API shows them.

use super::state::{AutomationState, Execution, StepRow};
use cloudlet_api_ssm::{
    AutomationExecution, AutomationExecutionMetadata, FailureDetails, ParentStepDetails, ProgressCounters, ResolvedTargets, StepExecution,
    TargetsSummary,
};
use cloudlet_aws::Timestamp;
use cloudlet_runbook::{
    Runbook,
    definition::{Route, Step},
    machine::Failure,
    types::texts,
};
use cloudlet_shape::Map;
use serde_json::Value;
use std::sync::Arc;

/// AWS: unverified: so many targets are shown.
const TARGETS: usize = 100;

fn seconds(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn details(failure: &Failure) -> FailureDetails {
    FailureDetails {
        failure_stage: Some(failure.stage.name().to_owned()),
        failure_type: Some(failure.kind.clone()),
        details: Some(failure.details.iter().map(|(name, values)| (name.clone(), values.clone())).collect()),
    }
}

fn route(route: &Route) -> String {
    match route {
        Route::Abort => "Abort".to_owned(),
        Route::Continue => "Continue".to_owned(),
        Route::Step(step) => format!("step:{step}"),
    }
}

/// What the document says of a step.
fn described(runbook: &Runbook, step: &Step) -> StepExecution {
    let seconds = step.timeout_seconds.as_ref().and_then(|seconds| cloudlet_runbook::types::shown(seconds).parse().ok());
    StepExecution {
        step_name: Some(step.name.clone()),
        action: Some(step.action.name().to_owned()),
        timeout_seconds: seconds,
        on_failure: Some(step.on_failure.as_ref().map_or_else(|| "Abort".to_owned(), route)),
        max_attempts: Some(i32::try_from(step.max_attempts).unwrap_or(i32::MAX)),
        is_end: step.is_end.then_some(true),
        next_step: step.next.clone(),
        is_critical: Some(step.is_critical()),
        valid_next_steps: Some(runbook.valid_next_steps(step)).filter(|steps| !steps.is_empty()),
        overridden_parameters: Some(Map::default()),
        ..StepExecution::default()
    }
}

/// AWS: inputs are JSON: texts are in quotes.
fn input(value: &Value) -> String {
    value.to_string()
}

fn begun(runbook: &Runbook, row: &StepRow, parent: impl Fn(u64) -> Option<String>) -> StepExecution {
    let record = &row.record;
    let step = runbook.step(&record.step).map(|step| described(runbook, step)).unwrap_or_default();
    StepExecution {
        step_name: Some(record.step.clone()),
        action: Some(record.action.name().to_owned()),
        execution_start_time: Some(Timestamp::from_millis(record.started)),
        execution_end_time: record.ended.map(Timestamp::from_millis),
        step_status: Some(record.status.name().to_owned()),
        response_code: record.response_code.clone(),
        response: record.response.clone(),
        inputs: Some(record.inputs.iter().map(|(name, value)| (name.clone(), input(value))).collect()),
        outputs: Some(record.outputs.iter().map(|(name, value)| (name.clone(), texts(value))).collect()),
        failure_message: record.failure.as_ref().map(|failure| failure.message.clone()),
        failure_details: record.failure.as_ref().map(details),
        step_execution_id: Some(row.id.clone()),
        timeout_seconds: step.timeout_seconds,
        parent_step_details: record.parent.as_ref().map(|of| ParentStepDetails {
            step_execution_id: parent(of.number),
            step_name: Some(of.step.clone()),
            action: Some("aws:loop".to_owned()),
            iteration: i32::try_from(of.iteration).ok(),
            iterator_value: of.value.clone(),
        }),
        ..step
    }
}

/// All steps: those that were begun in their order, then those of the main list that were not.
pub fn steps(state: &AutomationState, id: &Arc<str>, execution: &Execution, runbook: &Runbook) -> Vec<StepExecution> {
    if execution.rate.is_some() {
        return children(state, id);
    }
    let rows: Vec<&Arc<StepRow>> = state.steps_of(id).collect();
    let id_of = |number: u64| rows.iter().find(|row| row.record.number == number).map(|row| row.id.clone());
    let mut out: Vec<StepExecution> = rows.iter().map(|row| begun(runbook, row, id_of)).collect();
    for step in &runbook.steps {
        if !rows.iter().any(|row| row.record.step == step.name) {
            let pending = StepExecution {
                step_status: Some("Pending".to_owned()),
                // The same for as long as it is not begun.
                step_execution_id: Some(pending_id(id, &step.name)),
                inputs: Some(Map::default()),
                outputs: Some(Map::default()),
                ..described(runbook, step)
            };
            out.push(pending);
        }
    }
    out
}

fn pending_id(id: &str, step: &str) -> String {
    let digest = cloudlet_engine::fingerprint::Fingerprint::of_texts(&[id, step]);
    cloudlet_engine::uuid_text(*digest.as_bytes())
}

/// The children of an automation on many targets, as its steps.
fn children(state: &AutomationState, id: &Arc<str>) -> Vec<StepExecution> {
    let found = state.children(id).filter_map(|child| Some((child, state.executions.get(child)?)));
    let mut all: Vec<(Timestamp, StepExecution)> = found
        .map(|(child, execution)| {
            let step = StepExecution {
                step_name: execution.target.clone(),
                action: Some("aws:executeAutomation".to_owned()),
                execution_start_time: Some(execution.started),
                execution_end_time: execution.ended,
                step_status: Some(execution.status.clone()),
                inputs: Some(Map::from([
                    ("DocumentName".to_owned(), Value::from(execution.document.as_str()).to_string()),
                    ("RuntimeParameters".to_owned(), serde_json::json!(execution.parameters).to_string()),
                ])),
                outputs: Some(Map::from([
                    ("ExecutionId".to_owned(), vec![child.to_string()]),
                    ("Status".to_owned(), vec![execution.status.clone()]),
                ])),
                failure_message: execution.failure.clone(),
                step_execution_id: Some(pending_id(id, child)),
                overridden_parameters: Some(Map::default()),
                ..StepExecution::default()
            };
            (execution.started, step)
        })
        .collect();
    all.sort_by_key(|(started, _)| *started);
    all.into_iter().map(|(_, step)| step).collect()
}

fn resolved(execution: &Execution) -> ResolvedTargets {
    let targets = execution.rate.as_ref().map_or(&[][..], |rate| rate.targets.as_slice());
    let shown = targets.iter().take(TARGETS).map(|target| target.shown.clone()).collect();
    ResolvedTargets { parameter_values: Some(shown), truncated: Some(targets.len() > TARGETS) }
}

fn mode(execution: &Execution) -> Option<String> {
    Some(execution.request.mode.clone().unwrap_or_else(|| "Auto".to_owned()))
}

pub fn execution(id: &str, of: &Execution, steps: Vec<StepExecution>, truncated: bool) -> AutomationExecution {
    let request = &of.request;
    let rate = of.rate.as_ref();
    AutomationExecution {
        automation_execution_id: Some(id.to_owned()),
        document_name: Some(of.document.clone()),
        document_version: Some(of.version.clone()),
        execution_start_time: Some(of.started),
        execution_end_time: of.ended,
        automation_execution_status: Some(of.status.clone()),
        step_executions: Some(steps),
        step_executions_truncated: Some(truncated),
        parameters: Some(of.parameters.clone()),
        outputs: Some(of.outputs.clone()),
        failure_message: of.failure.clone(),
        mode: mode(of),
        parent_automation_execution_id: of.parent.as_ref().map(ToString::to_string),
        executed_by: Some(of.caller.arn.to_string()),
        current_step_name: of.current_step.clone(),
        current_action: of.current_action.clone(),
        target_parameter_name: request.target_parameter_name.clone(),
        targets: Some(request.targets.clone().unwrap_or_default()),
        target_maps: request.target_maps.clone(),
        resolved_targets: Some(resolved(of)),
        max_concurrency: request.max_concurrency.clone(),
        max_errors: request.max_errors.clone(),
        target: of.target.clone(),
        target_locations: request.target_locations.clone(),
        progress_counters: rate.map(|rate| ProgressCounters {
            total_steps: Some(seconds(rate.targets.len())),
            success_steps: Some(seconds(rate.succeeded)),
            failed_steps: Some(seconds(rate.failed)),
            cancelled_steps: Some(seconds(rate.cancelled)),
            timed_out_steps: Some(seconds(rate.timed_out)),
        }),
        targets_summary: rate.map(|rate| TargetsSummary {
            total_count: Some(seconds(rate.targets.len())),
            started_count: Some(seconds(rate.next)),
            completed_count: Some(seconds(rate.succeeded + rate.failed + rate.timed_out + rate.cancelled)),
            successful_count: Some(seconds(rate.succeeded)),
            failed_count: Some(seconds(rate.failed + rate.timed_out)),
        }),
        alarm_configuration: request.alarm_configuration.clone(),
        automation_subtype: of.subtype.clone(),
        scheduled_time: of.scheduled,
        runbooks: of.runbooks.as_ref().map(|runbooks| runbooks.iter().map(cloudlet_engine::StoredShape::shape).collect()),
        ops_item_id: of.ops_item_id.clone(),
        association_id: of.association_id.clone(),
        change_request_name: of.change_request_name.clone(),
        variables: Some(of.variables.clone()).filter(|variables| !variables.is_empty()),
        ..AutomationExecution::default()
    }
}

pub fn metadata(id: &str, of: &Execution) -> AutomationExecutionMetadata {
    let shown = execution(id, of, Vec::new(), false);
    let elsewhere = of.request.target_locations.as_ref().is_some_and(|locations| !locations.is_empty());
    AutomationExecutionMetadata {
        automation_execution_id: shown.automation_execution_id,
        document_name: shown.document_name,
        document_version: shown.document_version,
        automation_execution_status: shown.automation_execution_status,
        execution_start_time: shown.execution_start_time,
        execution_end_time: shown.execution_end_time,
        executed_by: shown.executed_by,
        log_file: Some(String::new()),
        outputs: shown.outputs,
        mode: shown.mode,
        parent_automation_execution_id: shown.parent_automation_execution_id,
        current_step_name: shown.current_step_name,
        current_action: shown.current_action,
        failure_message: shown.failure_message,
        target_parameter_name: shown.target_parameter_name,
        targets: shown.targets,
        target_maps: shown.target_maps,
        resolved_targets: shown.resolved_targets,
        max_concurrency: shown.max_concurrency,
        max_errors: shown.max_errors,
        target: shown.target,
        automation_type: Some(if elsewhere { "CrossAccount" } else { "Local" }.to_owned()),
        alarm_configuration: shown.alarm_configuration,
        automation_subtype: shown.automation_subtype,
        scheduled_time: shown.scheduled_time,
        runbooks: shown.runbooks,
        ops_item_id: shown.ops_item_id,
        association_id: shown.association_id,
        change_request_name: shown.change_request_name,
        ..AutomationExecutionMetadata::default()
    }
}
