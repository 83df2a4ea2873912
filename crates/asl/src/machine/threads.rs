//! One step: threads enter states, leave them, and end.

use super::{
    events::{Effect, Event, Output},
    payload::{add_payload, payload_text},
    problem::Problem,
    run::{LARGEST, Run, Work},
    state::{Doing, Failure, Status, TestEnd},
};
use crate::{
    definition::{Detail, State, StateType},
    template::Template,
    text::{size, to_text},
};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// AWS: an EXPRESS execution runs for five minutes.
const EXPRESS_SECONDS: i64 = 300;
/// So many states are entered in one step.
const MOST_STATES: usize = 1000;

impl Run<'_> {
    /// The first events of an execution.
    pub fn begin(&mut self, input: Arc<Value>, text: &str) {
        let mut details = payload_text("input", text.to_owned());
        details.insert("roleArn".to_owned(), Value::String(self.machine.execution.role_arn.clone()));
        let execution = &self.machine.execution;
        let arns = [("stateMachineVersionArn", &execution.version_arn), ("stateMachineAliasArn", &execution.alias_arn)];
        details.extend(arns.into_iter().filter_map(|(name, arn)| Some((name.to_owned(), Value::String(arn.clone()?)))));
        self.record("ExecutionStarted", 0, Some(("executionStartedEventDetails", details)));
        self.set_deadline();
        let sent = (to_text(&input) != text).then(|| text.into());
        let thread = self.new_thread(None, 0, Vec::new(), &self.definition.states.start_at, input, None, 0);
        if let Some(own) = self.machine.threads.get_mut(&thread) {
            own.text = sent;
        }
        self.machine.ready.push_back(thread);
    }

    pub fn set_deadline(&mut self) {
        let longest = self.machine.execution.express.then_some(EXPRESS_SECONDS);
        let seconds = match (self.definition.timeout_seconds, longest) {
            (Some(seconds), Some(longest)) => Some(seconds.min(longest)),
            (seconds, longest) => seconds.or(longest),
        };
        if let Some(seconds) = seconds {
            self.machine.deadline = Some(self.timer(seconds.saturating_mul(1000)));
        }
    }

    pub fn take(&mut self, event: Event) {
        match event {
            Event::Fired { timer } => self.fired(timer),
            Event::Stopped { error, cause } => {
                self.abort_all();
                let failure = Failure { error, cause, also: None };
                // AWS: ExecutionAborted has no previous event.
                self.end(Status::Aborted, 0, None, Some(failure));
            }
            Event::MapRunStarted { run, arn } => self.map_run_started(run, arn),
            Event::MapRunEnded { run, result } => self.map_run_ended(run, result),
            Event::Continue => {}
            other => self.task_event(other),
        }
    }

    fn fired(&mut self, timer: u64) {
        if self.machine.deadline == Some(timer) {
            let previous = self.machine.last_event;
            self.abort_all();
            let failure = Failure { error: Some("States.Timeout".to_owned()), ..Failure::default() };
            return self.end(Status::TimedOut, previous, None, Some(failure));
        }
        let found = self.machine.threads.iter().find_map(|(number, thread)| match &thread.doing {
            Doing::Waiting { timer: own } | Doing::Retrying { timer: own } if *own == timer => Some(*number),
            Doing::Task { timeout, heartbeat, .. } if *timeout == Some(timer) || *heartbeat == Some(timer) => Some(*number),
            _ => None,
        });
        let Some(thread) = found else { return };
        match self.machine.threads.get(&thread).map(|thread| thread.doing.clone()) {
            Some(Doing::Waiting { .. }) => self.waited(thread),
            Some(Doing::Retrying { .. }) => {
                self.set_doing(thread, Doing::Attempting);
                self.machine.ready.push_back(thread);
            }
            Some(Doing::Task { heartbeat, .. }) => self.task_timed_out(thread, heartbeat == Some(timer)),
            _ => {}
        }
    }

    /// Runs threads until all of them wait.
    pub fn go(mut self) -> Vec<Effect> {
        let mut states = 0;
        while self.machine.status == Status::Running && !self.machine.ready.is_empty() {
            if states >= MOST_STATES {
                self.effects.push(Effect::Continue);
                break;
            }
            states += 1;
            let Some(thread) = self.machine.ready.pop_front() else { break };
            match self.machine.threads.get(&thread).map(|thread| &thread.doing) {
                Some(Doing::Entering) => {
                    self.enter(thread);
                    self.attempt(thread);
                }
                Some(Doing::Attempting) => self.attempt(thread),
                _ => {}
            }
            self.check_overflow();
        }
        self.check_overflow();
        self.effects
    }

    fn check_overflow(&mut self) {
        if self.overflows() && self.machine.status == Status::Running {
            self.abort_all();
            let cause = "The execution reached the maximum number of history events (25000).";
            let previous = self.machine.last_event;
            self.end(Status::Failed, previous, None, Some(Failure::new("States.Runtime", cause)));
        }
    }

    pub fn enter(&mut self, number: u64) {
        let Some(state) = self.state(number) else { return };
        let Some(thread) = self.machine.threads.get(&number) else { return };
        let (sent, input, before) = (thread.text.clone(), Arc::clone(&thread.input), thread.previous);
        let text = sent.unwrap_or_else(|| self.text(&input));
        let mut details = Map::with_capacity(3);
        details.insert("name".to_owned(), Value::String(state.name.clone()));
        add_payload(&mut details, "input", (*text).to_owned());
        let id = self.record_on(number, [state.kind.name(), "StateEntered"].concat(), Some(("stateEnteredEventDetails", details)));
        let now = self.now;
        if let Some(thread) = self.machine.threads.get_mut(&number) {
            (thread.entered_event, thread.entered_previous, thread.entered_at) = (id, before, now);
            thread.attempts.clear();
            thread.attempts.resize(state.retry.len(), 0);
        }
    }

    /// Does the work of the state that a thread is in.
    pub fn attempt(&mut self, thread: u64) {
        let Some(state) = self.state(thread) else { return };
        let work = match &state.detail {
            Detail::Pass { result } => self.pass(thread, state, result.as_ref()),
            Detail::Succeed => self.raw_input(thread, state).map(Work::Done),
            Detail::Fail { .. } => self.fail_state(thread, state),
            Detail::Choice { rules, default } => self.choose(thread, state, rules, default.as_deref()),
            Detail::Wait(wait) => self.wait(thread, state, wait),
            Detail::Task { .. } => self.start_task(thread, state),
            Detail::Parallel { branches } => self.start_branches(thread, state, branches),
            Detail::Map(map) => self.start_map(thread, state, map),
        };
        match work {
            Ok(Work::Done(result)) => self.finish(thread, result),
            Ok(Work::Later) => {}
            Ok(Work::Goto { next, output, assigned }) => self.leave(thread, next, output, assigned, None),
            Err(problem) => self.problem(thread, problem),
        }
    }

    fn pass(&mut self, thread: u64, state: &State, result: Option<&Value>) -> Result<Work, Problem> {
        let input = self.effective_input(thread, state)?;
        Ok(Work::Done(result.cloned().map_or(input, Arc::new)))
    }

    fn fail_state(&mut self, thread: u64, state: &State) -> Result<Work, Problem> {
        let Detail::Fail { error, error_path, cause, cause_path } = &state.detail else { return Ok(Work::Later) };
        if self.machine.test.is_some() {
            self.raw_input(thread, state)?;
        }
        let mut text = |literal: &Option<Template>, path: &Option<Template>, name: &'static str| -> Result<Option<String>, Problem> {
            let Some(template) = literal.as_ref().or(path.as_ref()) else { return Ok(None) };
            match self.filled(thread, state, template, name)? {
                Value::String(text) => Ok(Some(text)),
                other => Err(Problem::Runtime(format!("The value of the field '{name}' must be a string but was: {}", to_text(&other)))),
            }
        };
        let error = text(error, error_path, "Error")?;
        let cause = text(cause, cause_path, "Cause")?;
        Err(Problem::Fails(Failure { error, cause, also: None }))
    }

    /// Makes the output of a state from its result, and leaves it.
    pub fn finish(&mut self, thread: u64, result: Arc<Value>) {
        let Some(state) = self.state(thread) else { return };
        match self.output_of(thread, state, result) {
            Ok((output, assigned)) => self.leave(thread, state.next.clone(), output, assigned, None),
            Err(problem) => self.problem(thread, problem),
        }
    }

    /// Leaves a state with an output. `previous` overrides the event that precedes the exit.
    pub fn leave(&mut self, number: u64, next: Option<String>, output: Arc<Value>, assigned: Map<String, Value>, previous: Option<u64>) {
        let Some(state) = self.state(number) else { return };
        let written = self.text(&output);
        if written.len() > LARGEST || assigned.values().any(|value| size(value) > LARGEST) {
            let cause = format!("The state/task '{}' returned a result with a size exceeding the maximum number of bytes service limit.", state.name);
            return self.problem(number, Problem::Fails(Failure::new("States.DataLimitExceeded", cause)));
        }
        if self.machine.test.is_some() {
            let mut variables = self.machine.threads.get(&number).map(|thread| thread.variables.clone()).unwrap_or_default();
            variables.extend(assigned);
            if !variables.is_empty() {
                self.note("variables", &Value::Object(variables));
            }
            let caught = self.caught.take();
            self.end_test(|| TestEnd::Left { next, output: Value::clone(&output), caught });
            return;
        }
        // AWS: what is passed on as it was sent keeps its white space (recorded of arrays).
        let text = self.text_of(number, &output);
        let mut details = Map::with_capacity(3);
        details.insert("name".to_owned(), Value::String(state.name.clone()));
        add_payload(&mut details, "output", text.as_deref().unwrap_or(&written).to_owned());
        if !assigned.is_empty() {
            let texts: Map<String, Value> = assigned.iter().map(|(name, value)| (name.clone(), Value::String(to_text(value)))).collect();
            details.insert("assignedVariables".to_owned(), Value::Object(texts));
            details.insert("assignedVariablesDetails".to_owned(), json!({"truncated": false}));
        }
        // AWS: MapStateSucceeded and MapStateExited have the same previous event.
        let before = previous.or_else(|| self.succeeded_before(number, state)).unwrap_or_else(|| self.previous(number));
        let id = self.record([state.kind.name(), "StateExited"].concat(), before, Some(("stateExitedEventDetails", details)));
        let ends = match state.kind {
            StateType::Choice => false,
            _ => next.is_none(),
        };
        let Some(thread) = self.machine.threads.get_mut(&number) else { return };
        thread.previous = id;
        thread.text = text;
        thread.variables.extend(assigned);
        thread.input = output;
        match next {
            Some(next) if !ends => {
                thread.state = next;
                thread.doing = Doing::Entering;
                self.machine.ready.push_back(number);
            }
            _ => self.ended(number),
        }
    }

    /// The text of an output that is the state's input, or its result, as it is.
    fn text_of(&self, number: u64, output: &Arc<Value>) -> Option<Arc<str>> {
        let thread = self.machine.threads.get(&number)?;
        match &self.result_text {
            Some((result, text)) if Arc::ptr_eq(result, output) => Some(Arc::clone(text)),
            _ if Arc::ptr_eq(&thread.input, output) => thread.text.clone(),
            _ => None,
        }
    }

    /// A thread came to the end of its scope.
    fn ended(&mut self, number: u64) {
        let Some(thread) = self.machine.threads.remove(&number) else { return };
        // Its output is taken over, not copied.
        self.last_text = None;
        match thread.parent {
            None => {
                let output = Output { value: Arc::unwrap_or_clone(thread.input), text: thread.text };
                self.end(Status::Succeeded, thread.previous, Some(output), None);
            }
            Some(parent) => self.child_ended(parent, number, thread),
        }
    }
}
