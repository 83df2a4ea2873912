//! A task performed: the action of a step.

use super::{
    acting::Acting,
    actions,
    call::{self, CallProblem},
    scheduled::{NoticeInput, TaskInput},
    state::Execution,
};
use crate::Ssm;
use cloudlet_engine::Cx;
use cloudlet_runbook::{
    definition::Action,
    machine::{Done, Event, Failure, Stage, Task, doing, failed},
    types::{boolean, shown},
};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// How an action went.
pub enum Outcome {
    Done(Done),
    Failed(Failure),
    /// It is to be looked at again later.
    Again(Value),
}

/// The first look again comes after so many milliseconds; each further one after twice the time, up to the most.
const FIRST_LOOK: i64 = 100;
const LAST_LOOK: i64 = 5_000;

/// What an action works on.
pub struct Work<'w> {
    pub ssm: &'w Ssm,
    pub cx: &'w Cx,
    pub id: &'w Arc<str>,
    pub execution: &'w Execution,
    pub task: &'w Task,
    pub acting: Acting,
}

impl Work<'_> {
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.task.inputs.get(name).filter(|value| !value.is_null())
    }

    /// A text that is not empty.
    pub fn text(&self, name: &str) -> Option<String> {
        self.value(name).map(shown).filter(|text| !text.is_empty())
    }

    /// A list, also where there is one text.
    pub fn texts(&self, name: &str) -> Vec<String> {
        match self.value(name) {
            Some(Value::Array(items)) => items.iter().map(shown).filter(|text| !text.is_empty()).collect(),
            Some(Value::String(text)) if text.trim_start().starts_with('[') => serde_json::from_str(text).unwrap_or_else(|_| vec![text.clone()]),
            Some(other) => Some(shown(other)).filter(|text| !text.is_empty()).into_iter().collect(),
            None => Vec::new(),
        }
    }

    pub fn flag(&self, name: &str) -> Option<bool> {
        self.text(name).as_deref().and_then(boolean)
    }

    pub fn number(&self, name: &str) -> Option<i64> {
        self.text(name).and_then(|text| text.trim().parse().ok())
    }

    /// What was noted when it was looked at last.
    pub fn memo(&self, name: &str) -> Option<&Value> {
        self.task.memo.as_ref()?.get(name)
    }

    pub async fn call(&self, of: &str, api: &str, input: &Value) -> Result<Value, CallProblem> {
        call::call(self.cx, &self.acting.caller, &self.execution.scope, of, api, input).await
    }

    /// A failure of what the step is doing.
    pub fn fails(&self, what: &str) -> Outcome {
        Outcome::Failed(failed(doing(self.task.action), what, Stage::Invocation, "Action"))
    }

    pub fn refused(&self, problem: &CallProblem) -> Outcome {
        Outcome::Failed(failed("Execute/Cancelling action", &problem.text(), Stage::Invocation, problem.kind()))
    }

    pub fn done(outputs: Value, answer: Option<Value>) -> Outcome {
        let outputs = if let Value::Object(outputs) = outputs { outputs } else { Map::new() };
        Outcome::Done(Done { outputs, answer, ..Done::default() })
    }
}

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
            Outcome::Done(done) => Event::Done { task: number, done: Box::new(done) },
            Outcome::Failed(failure) => Event::Failed { task: number, failure: Box::new(failure) },
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
