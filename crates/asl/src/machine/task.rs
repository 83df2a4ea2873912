//! Task states: integrations, Lambda functions and activities.

use super::{
    events::{Call, Effect, Event},
    payload::{failure_details, payload},
    problem::Problem,
    run::{LARGEST, Run, Work},
    state::{Doing, Failure},
};
use crate::{
    definition::{Amount, Detail, Pattern, Resource, State},
    template::Template,
    text::{java_text, size, to_text},
};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// AWS: the timeout of a task without one.
const LONGEST_SECONDS: i64 = 99_999_999;

/// How the events of a resource are called, and what they say of it.
struct Names {
    prefix: &'static str,
    details: Map<String, Value>,
}

fn names(state: &State) -> Names {
    let Detail::Task { resource, .. } = &state.detail else { return Names { prefix: "Task", details: Map::new() } };
    match resource {
        Resource::Function(_) => Names { prefix: "LambdaFunction", details: Map::new() },
        Resource::Activity(_) => Names { prefix: "Activity", details: Map::new() },
        Resource::Service(integration) => {
            let mut details = Map::new();
            details.insert("resourceType".to_owned(), Value::String(integration.service.clone()));
            details.insert("resource".to_owned(), Value::String(integration.resource()));
            Names { prefix: "Task", details }
        }
    }
}

/// `taskSucceededEventDetails`
fn member(kind: &str) -> &'static str {
    match kind {
        "ActivityScheduled" => "activityScheduledEventDetails",
        "ActivityStarted" => "activityStartedEventDetails",
        "ActivitySucceeded" => "activitySucceededEventDetails",
        "ActivityFailed" => "activityFailedEventDetails",
        "ActivityTimedOut" => "activityTimedOutEventDetails",
        "ActivityScheduleFailed" => "activityScheduleFailedEventDetails",
        "LambdaFunctionScheduled" => "lambdaFunctionScheduledEventDetails",
        "LambdaFunctionSucceeded" => "lambdaFunctionSucceededEventDetails",
        "LambdaFunctionFailed" => "lambdaFunctionFailedEventDetails",
        "LambdaFunctionTimedOut" => "lambdaFunctionTimedOutEventDetails",
        "LambdaFunctionStartFailed" => "lambdaFunctionStartFailedEventDetails",
        "TaskScheduled" => "taskScheduledEventDetails",
        "TaskStarted" => "taskStartedEventDetails",
        "TaskSubmitted" => "taskSubmittedEventDetails",
        "TaskSucceeded" => "taskSucceededEventDetails",
        "TaskFailed" => "taskFailedEventDetails",
        "TaskTimedOut" => "taskTimedOutEventDetails",
        _ => "taskStartFailedEventDetails",
    }
}

impl Run<'_> {
    pub(super) fn start_task(&mut self, thread: u64, state: &State) -> Result<Work, Problem> {
        let Detail::Task { resource, arn, timeout, heartbeat, credentials } = &state.detail else { return Ok(Work::Later) };
        let callback = resource.pattern() != Pattern::RequestResponse || matches!(resource, Resource::Activity(_));
        let token = callback.then(|| self.token());
        let input = self.effective_input_with(thread, state, token.as_deref())?;
        let timeout = self.seconds(thread, state, timeout, "TimeoutSeconds")?;
        let heartbeat = self.seconds(thread, state, heartbeat, "HeartbeatSeconds")?;
        let role_arn = match credentials {
            None => None,
            Some(credentials) => self.role(thread, state, credentials)?,
        };
        if size(&input) > LARGEST {
            let cause = format!("The state/task '{}' returned a result with a size exceeding the maximum number of bytes service limit.", state.name);
            return Err(Problem::Fails(Failure::new("States.DataLimitExceeded", cause)));
        }
        let scheduled = self.scheduled(thread, state, &input, (timeout, heartbeat), role_arn.as_deref());
        let task = self.machine.number();
        let timer = |run: &mut Self, seconds: Option<i64>| seconds.map(|seconds| run.timer(seconds.saturating_mul(1000)));
        let (timeout_timer, heartbeat_timer) = (timer(self, timeout), timer(self, heartbeat));
        self.set_doing(
            thread,
            Doing::Task {
                task,
                timeout: timeout_timer,
                heartbeat: heartbeat_timer,
                heartbeat_seconds: heartbeat.unwrap_or(0),
                token: token.clone(),
                scheduled,
            },
        );
        self.effects.push(Effect::Call(Call {
            task,
            resource: arn.clone(),
            pattern: resource.pattern(),
            input: Arc::unwrap_or_clone(input),
            token,
            role_arn,
            state: state.name.clone(),
        }));
        Ok(Work::Later)
    }

    fn token(&mut self) -> String {
        let numbers: Vec<String> = (0..8).map(|_| format!("{:016x}", self.machine.random.number())).collect();
        numbers.concat()
    }

    /// Records that a task is scheduled. Of an activity, which may not exist, the details are given back.
    fn scheduled(
        &mut self,
        thread: u64,
        state: &State,
        input: &Value,
        (timeout, heartbeat): (Option<i64>, Option<i64>),
        role_arn: Option<&str>,
    ) -> Option<Map<String, Value>> {
        let Detail::Task { resource, arn, .. } = &state.detail else { return None };
        let Names { prefix, mut details } = names(state);
        let service = matches!(resource, Resource::Service(_));
        if service {
            details.insert("region".to_owned(), Value::String(self.machine.execution.region.clone()));
            details.insert("parameters".to_owned(), Value::String(to_text(input)));
        } else {
            details.insert("resource".to_owned(), Value::String(arn.clone()));
            details.extend(payload("input", input));
        }
        details.extend(timeout.map(|seconds| ("timeoutInSeconds".to_owned(), seconds.into())));
        if !matches!(resource, Resource::Function(_)) {
            details.extend(heartbeat.map(|seconds| ("heartbeatInSeconds".to_owned(), seconds.into())));
        }
        details.extend(role_arn.map(|role| ("taskCredentials".to_owned(), json!({"roleArn": role}))));
        if matches!(resource, Resource::Activity(_)) {
            return Some(details);
        }
        let kind = format!("{prefix}Scheduled");
        self.record_on(thread, kind.clone(), Some((member(&kind), details)));
        match resource {
            Resource::Service(_) => {
                self.record_on(thread, "TaskStarted", Some((member("TaskStarted"), names(state).details)));
            }
            Resource::Function(_) => {
                self.record_on(thread, "LambdaFunctionStarted", None);
            }
            Resource::Activity(_) => {}
        }
        None
    }

    fn seconds(&mut self, thread: u64, state: &State, amount: &Amount, field: &str) -> Result<Option<i64>, Problem> {
        let Some(value) = self.amount(thread, state, amount, field)? else { return Ok(None) };
        let seconds = value.as_i64().filter(|seconds| (1..=LONGEST_SECONDS).contains(seconds));
        let field = if matches!(amount, Amount::Path(_)) { format!("{field}Path") } else { field.to_owned() };
        // AWS: unverified wording.
        seconds.map(Some).ok_or_else(|| {
            Problem::Runtime(format!("The {field} field refers to value \"{}\" which is not a valid number of seconds", java_text(&value)))
        })
    }

    fn role(&mut self, thread: u64, state: &State, credentials: &Template) -> Result<Option<String>, Problem> {
        let filled = self.filled(thread, state, credentials, "Credentials")?;
        Ok(filled.get("RoleArn").and_then(Value::as_str).map(str::to_owned))
    }

    pub(super) fn task_event(&mut self, event: Event) {
        let task = match &event {
            Event::Started { task, .. }
            | Event::Submitted { task, .. }
            | Event::Answered { task, .. }
            | Event::Failed { task, .. }
            | Event::NotStarted { task, .. }
            | Event::Heartbeat { task }
            | Event::Queued { task } => *task,
            _ => return,
        };
        let found = self.machine.threads.iter().find(|(_, thread)| matches!(&thread.doing, Doing::Task { task: own, .. } if *own == task));
        let Some(thread) = found.map(|(number, _)| *number) else { return };
        let Some(state) = self.state(thread) else { return };
        let Names { prefix, mut details } = names(state);
        if let (Some(scheduled), false) = (self.take_scheduled(thread), matches!(event, Event::NotStarted { .. })) {
            self.record_on(thread, "ActivityScheduled", Some((member("ActivityScheduled"), scheduled)));
        }
        match event {
            Event::Started { worker, .. } if prefix == "Activity" => {
                details.extend(worker.map(|worker| ("workerName".to_owned(), Value::String(worker))));
                self.record_on(thread, "ActivityStarted", Some((member("ActivityStarted"), details)));
            }
            Event::Submitted { output, .. } => {
                details.extend(payload("output", &output));
                self.record_on(thread, "TaskSubmitted", Some((member("TaskSubmitted"), details)));
            }
            Event::Heartbeat { .. } => self.beat(thread),
            Event::Answered { output, .. } => self.answered(thread, state, output),
            Event::Failed { failure, .. } => {
                details.extend(failure_details(&failure));
                let kind = format!("{prefix}Failed");
                self.record_on(thread, kind.clone(), Some((member(&kind), details)));
                self.failed(thread, failure);
            }
            // AWS: nothing was scheduled (recorded).
            Event::NotStarted { failure, .. } if prefix == "Activity" => {
                self.problem(thread, Problem::Runtime(failure.cause.unwrap_or_default()));
            }
            Event::NotStarted { failure, .. } => {
                details.extend(failure_details(&failure));
                let kind = format!("{prefix}StartFailed");
                self.record_on(thread, kind.clone(), Some((member(&kind), details)));
                self.failed(thread, failure);
            }
            _ => {}
        }
    }

    fn take_scheduled(&mut self, thread: u64) -> Option<Map<String, Value>> {
        match &mut self.machine.threads.get_mut(&thread)?.doing {
            Doing::Task { scheduled, .. } => scheduled.take(),
            _ => None,
        }
    }

    fn answered(&mut self, thread: u64, state: &State, output: Value) {
        let Names { prefix, mut details } = names(state);
        if size(&output) > LARGEST {
            let Detail::Task { resource, arn, .. } = &state.detail else { return };
            let name = match resource {
                Resource::Service(integration) => integration.service.as_str(),
                _ => arn.as_str(),
            };
            let cause = format!("The state/task '{name}' returned a result with a size exceeding the maximum number of bytes service limit.");
            let failure = Failure::new("States.DataLimitExceeded", cause);
            details.extend(failure_details(&failure));
            let kind = format!("{prefix}Failed");
            self.record_on(thread, kind.clone(), Some((member(&kind), details)));
            return self.failed(thread, failure);
        }
        details.extend(payload("output", &output));
        let kind = format!("{prefix}Succeeded");
        self.record_on(thread, kind.clone(), Some((member(&kind), details)));
        self.finish(thread, Arc::new(output));
    }

    /// Starts the time to the next heartbeat again.
    fn beat(&mut self, thread: u64) {
        let Some(Doing::Task { heartbeat: Some(_), heartbeat_seconds, .. }) = self.machine.threads.get(&thread).map(|thread| &thread.doing) else {
            return;
        };
        let timer = self.timer(heartbeat_seconds.saturating_mul(1000));
        if let Some(Doing::Task { heartbeat, .. }) = self.machine.threads.get_mut(&thread).map(|thread| &mut thread.doing) {
            *heartbeat = Some(timer);
        }
    }

    pub(super) fn task_timed_out(&mut self, thread: u64, by_heartbeat: bool) {
        let Some(state) = self.state(thread) else { return };
        if let Some(Doing::Task { task, .. }) = self.machine.threads.get(&thread).map(|thread| &thread.doing) {
            self.effects.push(Effect::Cancel { task: *task });
        }
        // AWS: recorded: a missed heartbeat is States.Timeout without a cause.
        let failure =
            Failure { error: Some("States.Timeout".to_owned()), cause: None, also: by_heartbeat.then(|| "States.HeartbeatTimeout".to_owned()) };
        let Names { prefix, mut details } = names(state);
        if let Some(scheduled) = self.take_scheduled(thread) {
            self.record_on(thread, "ActivityScheduled", Some((member("ActivityScheduled"), scheduled)));
        }
        details.extend(failure_details(&failure));
        let kind = format!("{prefix}TimedOut");
        self.record_on(thread, kind.clone(), Some((member(&kind), details)));
        self.failed(thread, failure);
    }
}
