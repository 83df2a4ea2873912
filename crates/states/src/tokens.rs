//! SendTaskSuccess, SendTaskFailure, SendTaskHeartbeat.

use crate::{States, faults, limits};
use cloudlet_api_states::*;
use cloudlet_asl::machine::{Event, Failure};
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Permission, handler};
use cloudlet_shape::Operation;
use std::sync::Arc;

/// Hexadecimal digits of a token.
const LENGTH: usize = 128;

impl States {
    /// The task that a token stands for.
    fn task_of(&self, token: &str) -> Result<(Arc<str>, u64), Fault> {
        let found = self.store.read(|state| state.by_token.get(token).cloned());
        found.ok_or_else(|| {
            let ours = token.len() == LENGTH && token.bytes().all(|byte| byte.is_ascii_hexdigit());
            if ours {
                faults::TASK_TIMED_OUT.says("Task Timed Out: 'Provided task does not exist anymore'")
            } else {
                faults::INVALID_TOKEN.says("Invalid Token: 'Invalid token'")
            }
        })
    }

    /// The permission is on the machine, or the activity, of the task. Nothing is known of an unknown token.
    fn token_permission<O: Operation>(&self, cx: &Cx, token: &str) -> Permission {
        let resource = self.store.read(|state| {
            let key = state.by_token.get(token)?;
            let task = state.tasks.get(key)?;
            if let Some(activity) = &task.activity {
                return Arn::parse(activity);
            }
            state.executions.get(&key.0).map(|execution| execution.machine.machine_arn())
        });
        match resource {
            Some(resource) => Permission::of::<O>(resource),
            None => Permission::of::<O>(Arn::any()).owned_by(cx.scope.account),
        }
    }

    async fn answer_token(&self, cx: &Cx, token: &str, event: impl FnOnce(u64) -> Event) -> Result<(), Fault> {
        let (execution, task) = self.task_of(token)?;
        let event = event(task);
        let ends = !matches!(event, Event::Heartbeat { .. });
        self.advance(cx, &execution, event).await?;
        if ends {
            self.store.update(|state| drop(state.remove_task(&(execution, task))));
        }
        Ok(())
    }
}

handler!(
    States,
    SendTaskSuccess,
    |states, cx, input| Ok(states.token_permission::<SendTaskSuccess>(cx, &input.task_token).into()),
    |states, cx, input| {
        if input.output.len() > limits::LARGEST_PAYLOAD {
            return Err(faults::INVALID_OUTPUT.says("Invalid Output: 'The output exceeds the maximum number of bytes service limit.'"));
        }
        let output = cloudlet_asl::definition::parse_json(&input.output)
            .map_err(|error| faults::INVALID_OUTPUT.says(format!("Invalid Output: '{}'", error.message)))?;
        states.answer_token(cx, &input.task_token, |task| Event::Answered { task, output }).await?;
        Ok(SendTaskSuccessOutput {})
    }
);

handler!(
    States,
    SendTaskFailure,
    |states, cx, input| Ok(states.token_permission::<SendTaskFailure>(cx, &input.task_token).into()),
    |states, cx, input| {
        let failure = Failure { error: input.error, cause: input.cause, also: None };
        states.answer_token(cx, &input.task_token, |task| Event::Failed { task, failure }).await?;
        Ok(SendTaskFailureOutput {})
    }
);

handler!(
    States,
    SendTaskHeartbeat,
    |states, cx, input| Ok(states.token_permission::<SendTaskHeartbeat>(cx, &input.task_token).into()),
    |states, cx, input| {
        states.answer_token(cx, &input.task_token, |task| Event::Heartbeat { task }).await?;
        Ok(SendTaskHeartbeatOutput {})
    }
);
