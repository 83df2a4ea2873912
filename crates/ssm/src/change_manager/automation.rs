//! A change as an automation of the subtype ChangeRequest.

use super::state::{Change, arn};
use crate::{Ssm, faults};
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permission, Permissions};

fn shown(id: &str, change: &Change) -> AutomationExecution {
    let step = |run: &super::state::LevelRun| StepExecution {
        step_name: Some(run.level.name.clone()),
        action: Some("aws:approve".to_owned()),
        timeout_seconds: Some(run.level.timeout_seconds),
        execution_start_time: run.began,
        execution_end_time: run.ended,
        step_status: Some(run.status.clone()),
        step_execution_id: Some(run.id.clone()),
        ..StepExecution::default()
    };
    AutomationExecution {
        automation_execution_id: Some(id.to_owned()),
        document_name: Some(change.template.clone()),
        document_version: Some(change.template_version.clone()),
        execution_start_time: Some(change.started),
        execution_end_time: change.ended,
        automation_execution_status: Some(change.status.as_str().to_owned()),
        step_executions: Some(change.levels.iter().map(step).collect()),
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

fn missing(id: &str) -> Fault {
    faults::AUTOMATION_EXECUTION_NOT_FOUND.says(format!("Couldn't find an automation execution with id {id}."))
}

impl Handle<GetAutomationExecution> for Ssm {
    fn permissions(&self, cx: &Cx, input: &GetAutomationExecutionRequest) -> Result<Permissions, Fault> {
        Ok(Permission::of::<GetAutomationExecution>(arn(&cx.scope, &input.automation_execution_id)).into())
    }

    async fn handle(&self, cx: &Cx, input: GetAutomationExecutionRequest) -> Result<GetAutomationExecutionResult, Fault> {
        let id = input.automation_execution_id;
        let change = self.changes.read(|state| state.change(&cx.scope, &id).cloned()).ok_or_else(|| missing(&id))?;
        Ok(GetAutomationExecutionResult { automation_execution: Some(shown(&id, &change)) })
    }
}

impl Handle<SendAutomationSignal> for Ssm {
    fn permissions(&self, cx: &Cx, input: &SendAutomationSignalRequest) -> Result<Permissions, Fault> {
        Ok(Permission::of::<SendAutomationSignal>(arn(&cx.scope, &input.automation_execution_id)).into())
    }

    async fn handle(&self, cx: &Cx, input: SendAutomationSignalRequest) -> Result<SendAutomationSignalResult, Fault> {
        self.signal_change(cx, &input).await?;
        Ok(SendAutomationSignalResult {})
    }
}

impl Handle<StopAutomationExecution> for Ssm {
    fn permissions(&self, cx: &Cx, input: &StopAutomationExecutionRequest) -> Result<Permissions, Fault> {
        Ok(Permission::of::<StopAutomationExecution>(arn(&cx.scope, &input.automation_execution_id)).into())
    }

    async fn handle(&self, cx: &Cx, input: StopAutomationExecutionRequest) -> Result<StopAutomationExecutionResult, Fault> {
        if !self.is_change(cx, &input.automation_execution_id) {
            return Err(missing(&input.automation_execution_id));
        }
        self.stop_change(cx, &input.automation_execution_id).await?;
        Ok(StopAutomationExecutionResult {})
    }
}
