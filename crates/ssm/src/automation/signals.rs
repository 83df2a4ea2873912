//! Signals sent, and automations stopped.

use super::state::{Execution, execution_arn};
use crate::{Ssm, faults};
use cloudlet_api_ssm::{
    SendAutomationSignal, SendAutomationSignalRequest, SendAutomationSignalResult, StopAutomationExecution, StopAutomationExecutionResult,
};
use cloudlet_aws::{Caller, Fault, Identity};
use cloudlet_engine::{Cx, Permission, Permissions, handler};
use cloudlet_runbook::{
    approvals::Principal,
    machine::{Event, SignalProblem, StepRecord},
};
use cloudlet_shape::Operation;
use std::sync::Arc;

/// AWS: unverified messages in this file.
pub fn no_execution(id: &str) -> Fault {
    faults::AUTOMATION_EXECUTION_NOT_FOUND.says(format!("Automation execution {id} was not found."))
}

/// Who calls, as approvers are compared with it.
fn principal(caller: &Caller) -> Principal {
    let mut principal = Principal { arn: caller.arn.to_string(), ..Principal::default() };
    match &caller.identity {
        Identity::User { name } => principal.user = Some(name.to_string()),
        Identity::AssumedRole { role, .. } => principal.role = Some(role.to_string()),
        _ => {}
    }
    principal
}

fn said(problem: &SignalProblem) -> Fault {
    match problem {
        SignalProblem::Over => faults::INVALID_AUTOMATION_SIGNAL.says("The automation has ended."),
        SignalProblem::NotWaited => faults::INVALID_AUTOMATION_SIGNAL.says("The automation does not wait for this signal."),
        SignalProblem::NotApprover => faults::INVALID_AUTOMATION_SIGNAL.says("The caller is not one of the approvers of this step."),
        SignalProblem::Step(step) => faults::AUTOMATION_STEP_NOT_FOUND.says(format!("Step {step} was not found, or does not wait for this signal.")),
    }
}

impl Ssm {
    /// An automation of the account and region of the call.
    pub fn execution_of(&self, cx: &Cx, id: &str) -> Result<Arc<Execution>, Fault> {
        let found = self.automations.store.read(|state| state.executions.get(id).filter(|execution| execution.scope == cx.scope).cloned());
        found.ok_or_else(|| no_execution(id))
    }

    pub fn on_execution<O: Operation>(&self, cx: &Cx, id: &str) -> Permissions {
        let tags = self.automations.store.read(|state| state.executions.get(id).map(|execution| execution.tags.clone())).unwrap_or_default();
        let permission = Permission::of::<O>(execution_arn(&cx.scope, id));
        permission.with_resource_tags(tags).into()
    }

    fn step_of_id(&self, input: &SendAutomationSignalRequest, wanted: &str) -> Result<StepRecord, Fault> {
        let id: Arc<str> = input.automation_execution_id.as_str().into();
        let found = self.automations.store.read(|state| state.steps_of(&id).find(|row| row.id == wanted).map(|row| row.record.clone()));
        found.ok_or_else(|| said(&SignalProblem::Step(wanted.to_owned())))
    }

    fn event(&self, cx: &Cx, input: &SendAutomationSignalRequest) -> Result<Event, Fault> {
        let value = |name: &str| {
            let found = input.payload.iter().flatten().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.and_then(|(_, values)| values.first().cloned()).filter(|text| !text.is_empty())
        };
        let by = principal(&cx.caller);
        Ok(match input.signal_type.as_str() {
            "Approve" => Event::Approve { by, comment: value("Comment") },
            "Reject" => Event::Reject { by, comment: value("Comment") },
            "Revoke" => Event::Revoke { by },
            "Resume" => {
                let of_id = value("StepExecutionId").map(|wanted| self.step_of_id(input, &wanted).map(|record| record.step)).transpose()?;
                Event::Resume { step: of_id.or_else(|| value("StepName")) }
            }
            "StartStep" => Event::StartStep { step: value("StepName") },
            "StopStep" => {
                let wanted =
                    value("StepExecutionId").ok_or_else(|| faults::INVALID_AUTOMATION_SIGNAL.says("StepExecutionId is required in the payload."))?;
                Event::StopStep { number: self.step_of_id(input, &wanted)?.number }
            }
            other => return Err(faults::INVALID_AUTOMATION_SIGNAL.says(format!("Signal {other} is not supported."))),
        })
    }

    /// Stops an automation: `Cancel` at once, `Complete` with the step that is being done.
    pub async fn stop_automation(&self, cx: &Cx, id: &Arc<str>, kind: &str) -> Result<(), Fault> {
        let execution = self.automations.store.read(|state| state.executions.get(id).cloned()).ok_or_else(|| no_execution(id))?;
        if execution.is_over() {
            return Err(
                faults::INVALID_AUTOMATION_STATUS_UPDATE.says("The specified update status operation is not valid: the automation has ended.")
            );
        }
        if execution.rate.is_some() {
            for child in self.stop_targets(cx, id, kind)? {
                let event = Event::Cancel;
                self.stop_one(cx, &child, event).await?;
            }
            return Ok(());
        }
        self.stop_one(cx, id, if kind == "Complete" { Event::Complete } else { Event::Cancel }).await
    }

    async fn stop_one(&self, cx: &Cx, id: &Arc<str>, event: Event) -> Result<(), Fault> {
        let pending = self.automations.store.update(|state| {
            let execution = state.executions.get(id).filter(|execution| execution.status == "Pending").cloned()?;
            let ended = Execution { status: "Cancelled".to_owned(), ended: Some(cx.clock().now()), ..(*execution).clone() };
            state.put(id, ended.clone());
            Some(ended)
        });
        match pending {
            Some(ended) => self.tell_end(cx, id, &ended),
            None => self.advance(cx, id, event).await.map(drop),
        }
    }
}

handler!(
    Ssm,
    SendAutomationSignal,
    |ssm, cx, input| Ok(ssm.on_execution::<SendAutomationSignal>(cx, &input.automation_execution_id)),
    |ssm, cx, input| {
        if ssm.is_change(cx, &input.automation_execution_id) {
            ssm.signal_change(cx, &input).await?;
            return Ok(SendAutomationSignalResult {});
        }
        ssm.execution_of(cx, &input.automation_execution_id)?;
        let event = ssm.event(cx, &input)?;
        let id: Arc<str> = input.automation_execution_id.as_str().into();
        ssm.advance(cx, &id, event).await?.map_err(|problem| said(&problem))?;
        Ok(SendAutomationSignalResult {})
    }
);

handler!(
    Ssm,
    StopAutomationExecution,
    |ssm, cx, input| Ok(ssm.on_execution::<StopAutomationExecution>(cx, &input.automation_execution_id)),
    |ssm, cx, input| {
        if ssm.is_change(cx, &input.automation_execution_id) {
            ssm.stop_change(cx, &input.automation_execution_id).await?;
            return Ok(StopAutomationExecutionResult {});
        }
        ssm.execution_of(cx, &input.automation_execution_id)?;
        ssm.stop_automation(cx, &input.automation_execution_id.as_str().into(), input.r#type.as_deref().unwrap_or("Cancel")).await?;
        Ok(StopAutomationExecutionResult {})
    }
);
