//! A change as an automation of the subtype ChangeRequest.

use super::state::{Change, LevelRun, Status};
use crate::{Ssm, automation::Execution};
use cloudlet_api_ssm::*;
use cloudlet_aws::TimestampFormat;
use cloudlet_engine::{Cx, StoredShape};
use cloudlet_shape::Map;
use serde_json::json;
use std::sync::Arc;

/// What approvers have decided, as a step of the action `aws:approve` has it.
fn decisions(run: &LevelRun) -> Map<Vec<String>> {
    if run.decisions.is_empty() {
        return Map::new();
    }
    let decided = run.decisions.iter().map(|decision| {
        let decided = json!({
            "approver": decision.by.arn,
            "decision": if decision.approves { "Approve" } else { "Reject" },
            "comment": decision.comment,
            "time": decision.at.text(TimestampFormat::DateTime),
        });
        decided.to_string()
    });
    let decided = ("ApproverDecisions".to_owned(), decided.collect());
    let status = run.ended.map(|_| ("ApprovalStatus".to_owned(), vec![if run.status == "Success" { "Approved" } else { &run.status }.to_owned()]));
    [decided].into_iter().chain(status).collect()
}

fn run_status(change: &Change) -> &'static str {
    match change.status {
        Status::CompletedWithSuccess => "Success",
        Status::CompletedWithFailure => "Failed",
        Status::Cancelled => "Cancelled",
        Status::Cancelling => "Cancelling",
        _ => "InProgress",
    }
}

fn shown(id: &str, change: &Change) -> AutomationExecution {
    let step = |run: &LevelRun| StepExecution {
        step_name: Some(run.level.name.clone()),
        action: Some("aws:approve".to_owned()),
        timeout_seconds: Some(run.level.timeout_seconds),
        execution_start_time: run.began,
        execution_end_time: run.ended,
        step_status: Some(run.status.clone()),
        step_execution_id: Some(run.id.clone()),
        outputs: Some(decisions(run)),
        ..StepExecution::default()
    };
    let runs = change.child.as_ref().map(|child| StepExecution {
        step_name: Some(change.runbook.document_name.clone()),
        action: Some("aws:executeAutomation".to_owned()),
        execution_start_time: change.run_started,
        execution_end_time: change.run_ended,
        step_status: Some(run_status(change).to_owned()),
        step_execution_id: Some(format!("{child}-run")),
        outputs: Some([("ExecutionId".to_owned(), vec![child.clone()])].into_iter().collect()),
        failure_message: change.failure.clone(),
        ..StepExecution::default()
    });
    AutomationExecution {
        automation_execution_id: Some(id.to_owned()),
        document_name: Some(change.template.clone()),
        document_version: Some(change.template_version.clone()),
        execution_start_time: Some(change.started),
        execution_end_time: change.ended,
        automation_execution_status: Some(change.status.as_str().to_owned()),
        step_executions: Some(change.levels.iter().map(step).chain(runs).collect()),
        parameters: Some(change.parameters.clone()),
        failure_message: change.failure.clone(),
        executed_by: Some(change.requester.arn.to_string()),
        automation_subtype: Some("ChangeRequest".to_owned()),
        scheduled_time: change.scheduled,
        runbooks: Some(vec![change.runbook.shape()]),
        ops_item_id: Some(change.ops_item.clone()),
        change_request_name: Some(change.name.clone()),
        ..AutomationExecution::default()
    }
}

impl Ssm {
    /// A change as GetAutomationExecution shows it. `None`: the id is not one of a change.
    pub fn shown_change(&self, cx: &Cx, id: &str) -> Option<AutomationExecution> {
        self.changes.read(|state| state.change(&cx.scope, id).map(|change| shown(id, change)))
    }

    /// The automation by which a change is listed.
    pub fn mirror_automation(&self, cx: &Cx, id: &str, change: &Change) {
        let listed = Execution {
            scope: cx.scope.clone(),
            document: change.template.clone(),
            version: change.template_version.clone(),
            definition: "".into(),
            request: StoredShape::new(StartAutomationExecutionRequest { document_name: change.template.clone(), ..Default::default() }),
            parameters: change.parameters.clone(),
            status: change.status.as_str().to_owned(),
            started: change.started,
            ended: change.ended,
            caller: change.requester.clone(),
            role: None,
            parent: None,
            waited_for: false,
            target: None,
            failure: change.failure.clone(),
            outputs: Map::default(),
            variables: Map::default(),
            current_step: change.open_level().and_then(|at| change.levels.get(at)).map(|run| run.level.name.clone()),
            current_action: None,
            tags: change.tags.clone(),
            subtype: Some("ChangeRequest".to_owned()),
            ops_item_id: Some(change.ops_item.clone()),
            association_id: None,
            change_request_name: Some(change.name.clone()),
            scheduled: change.scheduled,
            runbooks: Some(vec![change.runbook.clone()]),
            rate: None,
        };
        let id: Arc<str> = id.into();
        self.automations.store.update(|state| state.put(&id, listed));
    }
}
