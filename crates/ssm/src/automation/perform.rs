//! A task performed: the action of a step.

use super::{
    actions, call,
    scheduled::{NoticeInput, TaskInput},
    state::Execution,
    work::{Outcome, Work},
};
use crate::Ssm;
use cloudlet_engine::Cx;
use cloudlet_runbook::{
    definition::Action,
    machine::{Event, Stage, Task, failed},
};
use serde_json::{Value, json};
use std::sync::Arc;

/// The first look again comes after so many milliseconds; each further one after twice the time, up to the most.
const FIRST_LOOK: i64 = 100;
const LAST_LOOK: i64 = 5_000;

impl Ssm {
    /// Performs a task, and says what the machine is to know of it.
    pub async fn perform(&self, cx: &Cx, id: &Arc<str>, execution: &Execution, task: &Task) -> Event {
        let number = task.number;
        let acting = match self.acting(cx, id, execution).await {
            Ok(acting) => acting,
            Err(_) => {
                let failure =
                    failed("Execute/Cancelling action", "The defined assume role is unable to be assumed", Stage::PreVerification, "Permission");
                return Event::Failed { task: number, failure: Box::new(failure) };
            }
        };
        let work = Work { ssm: self, cx, id, execution, task, acting };
        match self.outcome(&work).await {
            Outcome::Done(done) => Event::Done { task: number, done },
            Outcome::Failed(failure) => Event::Failed { task: number, failure },
            Outcome::Again(mut memo) => {
                let looks = work.memo("looks").and_then(Value::as_u64).unwrap_or(0);
                if let Some(memo) = memo.as_object_mut() {
                    memo.insert("looks".to_owned(), (looks + 1).into());
                }
                let after = FIRST_LOOK
                    .saturating_mul(1_i64.checked_shl(u32::try_from(looks).unwrap_or(32)).unwrap_or(i64::MAX).max(1))
                    .clamp(FIRST_LOOK, LAST_LOOK);
                Event::Again { task: number, memo, after }
            }
        }
    }

    async fn outcome(&self, work: &Work<'_>) -> Outcome {
        match work.task.action {
            Action::ExecuteAwsApi => actions::apis::execute(work).await,
            Action::AssertAwsResourceProperty => actions::apis::assert_property(work).await,
            Action::WaitForAwsResourceProperty => actions::apis::wait_for_property(work).await,
            Action::ChangeInstanceState => actions::instances::change_state(work).await,
            Action::RunInstances => actions::instances::run(work).await,
            Action::CreateImage => actions::images::create(work).await,
            Action::CopyImage => actions::images::copy(work).await,
            Action::DeleteImage => actions::images::delete(work).await,
            Action::CreateStack => actions::stacks::create(work).await,
            Action::DeleteStack => actions::stacks::delete(work).await,
            Action::CreateTags => actions::tags::create(work).await,
            Action::RunCommand => actions::commands::run(work).await,
            Action::ExecuteAutomation => actions::automations::execute(work).await,
            Action::ExecuteStateMachine => actions::machines::execute(work).await,
            Action::InvokeLambdaFunction => actions::functions::invoke(work).await,
            Action::ExecuteScript => actions::scripts::execute(work).await,
            // AWS: integrations are made in the console alone, so there is none.
            Action::InvokeWebhook => {
                let name = work.text("IntegrationName").unwrap_or_default();
                work.fails(&format!("The webhook integration {name} does not exist"))
            }
            Action::Approve | Action::Branch | Action::Loop | Action::Pause | Action::Sleep | Action::UpdateVariable => work.fails("It is no task"),
        }
    }

    /// What a step has started is stopped, since nobody waits for it.
    pub async fn stop_task(&self, cx: &Cx, input: TaskInput) {
        let id: Arc<str> = input.execution_id.as_str().into();
        let number = u64::try_from(input.number).unwrap_or(0);
        if let Some(worker) = self.automations.scripts.lock().remove(&(id.clone(), number)) {
            worker.kill();
        }
        let memo: Value = input.memo.and_then(|memo| serde_json::from_str(&memo).ok()).unwrap_or_default();
        let text = |name: &str| memo.get(name).and_then(Value::as_str).map(str::to_owned);
        let call = match Action::parse(&input.action) {
            Some(Action::RunCommand) => text("CommandId").map(|command| ("ssm", "CancelCommand", json!({"CommandId": command}))),
            Some(Action::ExecuteStateMachine) => text("executionArn").map(|arn| ("stepfunctions", "StopExecution", json!({"executionArn": arn}))),
            Some(Action::ExecuteAutomation) => {
                text("ExecutionId").map(|child| ("ssm", "StopAutomationExecution", json!({"AutomationExecutionId": child, "Type": "Cancel"})))
            }
            _ => None,
        };
        let Some((service, api, parameters)) = call else { return };
        let Some(execution) = self.automations.store.read(|state| state.executions.get(&id).cloned()) else { return };
        if let Ok(acting) = self.acting(cx, &id, &execution).await
            && let Err(problem) = call::call(cx, &acting.caller, &execution.scope, service, api, &parameters).await
        {
            tracing::debug!(problem = problem.text(), "what a cancelled step has started goes on");
        }
        if execution.is_over() {
            self.automations.sessions.forget(&id);
        }
    }

    /// The message to those who may approve. AWS: its text is unverified.
    pub async fn notify_approvers(&self, cx: &Cx, input: NoticeInput) {
        let id: Arc<str> = input.execution_id.as_str().into();
        let Some(execution) = self.automations.store.read(|state| state.executions.get(&id).cloned()) else { return };
        let message = format!(
            "{}\n\nAn approval is requested for step {} of the automation {} ({}).\nApprovers: {}\n\nTo approve or to reject it:\naws ssm send-automation-signal --automation-execution-id {id} --signal-type Approve --region {}\naws ssm send-automation-signal --automation-execution-id {id} --signal-type Reject --region {}\n",
            input.message.as_deref().unwrap_or_default(),
            input.step,
            execution.document,
            id,
            input.approvers.join(", "),
            execution.scope.region,
            execution.scope.region,
        );
        let parameters = json!({"TopicArn": input.topic, "Subject": "Automation approval requested", "Message": message.trim_start()});
        let outcome = match self.acting(cx, &id, &execution).await {
            Ok(acting) => call::call(cx, &acting.caller, &execution.scope, "sns", "Publish", &parameters).await.map_err(|problem| problem.text()),
            Err(fault) => Err(fault.message().to_owned()),
        };
        if let Err(problem) = outcome {
            tracing::warn!(problem, execution = %id, "approvers are not notified");
        }
    }
}
