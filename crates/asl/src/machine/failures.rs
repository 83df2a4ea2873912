//! Retry, Catch, and what happens when neither helps.

use super::{
    evaluate::object,
    payload::failure_details,
    problem::Problem,
    run::Run,
    state::{Doing, Failure, Status, TestEnd},
};
use crate::definition::{Catcher, Language, Retrier, State, StateType};
use jsonata_core::value::JValue;
use serde_json::{Map, Value, json};
use std::sync::Arc;

impl Run<'_> {
    /// Turns a problem into an error, and records that an evaluation failed.
    pub(super) fn problem(&mut self, thread: u64, problem: Problem) {
        let Some(state) = self.state(thread) else { return };
        let Some(own) = self.machine.threads.get(&thread) else { return };
        let (entered, before) = (own.entered_event, own.entered_previous);
        let sentence =
            |detail: &str| format!("An error occurred while executing the state '{}' (entered at the event id #{entered}). {detail}", state.name);
        let fails_as_map = matches!(problem, Problem::Items { .. });
        let failure = match problem {
            Problem::Fails(failure) => failure,
            Problem::Runtime(detail) => Failure::new("States.Runtime", sentence(&detail)),
            Problem::Named { error, detail } => Failure::new(error, sentence(&detail)),
            Problem::Items { detail, location } => self.evaluation_failed(thread, state, sentence(&detail), location, before),
            Problem::Query { detail, location } => {
                // AWS: it has the previous event of the StateEntered before it, except in Wait.
                let previous = if state.kind == StateType::Wait { entered } else { before };
                self.evaluation_failed(thread, state, sentence(&detail), Some(location), previous)
            }
        };
        if fails_as_map {
            self.fails_unless_retried(thread, state, &failure);
        }
        self.failed(thread, failure);
    }

    fn evaluation_failed(&mut self, thread: u64, state: &State, cause: String, location: Option<String>, previous: u64) -> Failure {
        let failure = Failure::new("States.QueryEvaluationError", cause);
        let mut details = failure_details(&failure);
        details.extend(location.map(|location| ("location".to_owned(), Value::String(location.chars().take(256).collect()))));
        details.insert("state".to_owned(), Value::String(state.name.clone()));
        let id = self.record("EvaluationFailed", previous, Some(("evaluationFailedEventDetails", details)));
        if let Some(thread) = self.machine.threads.get_mut(&thread) {
            thread.previous = id;
        }
        failure
    }

    /// AWS: `MapStateFailed` and `ParallelStateFailed` are there when no retrier helps (recorded).
    pub(super) fn fails_unless_retried(&mut self, thread: u64, state: &State, failure: &Failure) {
        if self.retrier(thread, state, failure).is_none() {
            self.record_on(thread, format!("{}StateFailed", state.kind.name()), None);
        }
    }

    /// The retrier that helps, and how often it was used.
    fn retrier<'s>(&self, thread: u64, state: &'s State, failure: &Failure) -> Option<(usize, &'s Retrier, i64)> {
        let kind = self.failed_kind(state);
        let (index, retrier) = state.retry.iter().enumerate().find(|(_, retrier)| matches(&retrier.errors, failure, kind))?;
        let used = *self.machine.threads.get(&thread)?.attempts.get(index)?;
        (used < retrier.max_attempts).then_some((index, retrier, used))
    }

    /// The state of a thread failed: retry, catch, or fail what is around it.
    pub(super) fn failed(&mut self, thread: u64, failure: Failure) {
        let Some(state) = self.state(thread) else { return };
        self.drop_children(thread, &failure, state);
        if self.retry(thread, state, &failure) || self.catch(thread, state, &failure) {
            return;
        }
        // The children of a Parallel or Map stay for a redrive.
        if self.children(thread).is_none() {
            self.set_doing(thread, Doing::Failed);
        }
        let parent = self.machine.threads.get(&thread).and_then(|thread| thread.parent);
        match parent {
            Some(parent) => self.child_failed(parent, thread, failure),
            None => {
                let previous = self.previous(thread);
                self.abort_all();
                self.end(Status::Failed, previous, None, Some(failure));
            }
        }
    }

    /// Where an error comes from: the state itself, or the Task in it that a test names.
    fn failed_kind(&self, state: &State) -> StateType {
        if self.machine.test.as_deref().is_some_and(|test| test.caused_by_task) { StateType::Task } else { state.kind }
    }

    fn retry(&mut self, thread: u64, state: &State, failure: &Failure) -> bool {
        let Some((index, retrier, used)) = self.retrier(thread, state, failure) else { return false };
        let delay = delay_millis(retrier, used);
        if let Some(attempts) = self.machine.threads.get_mut(&thread).and_then(|own| own.attempts.get_mut(index)) {
            *attempts += 1;
        }
        let delay = if retrier.full_jitter { (self.machine.random.fraction() * delay as f64) as i64 } else { delay };
        self.note_details("errorDetails", json!({"retryIndex": index, "retryBackoffIntervalSeconds": delay / 1000}));
        if self.end_test(|| TestEnd::Retry(failure.clone())) {
            return true;
        }
        self.remove_below(thread);
        let timer = self.timer(delay);
        self.set_doing(thread, Doing::Retrying { timer });
        true
    }

    fn catch(&mut self, thread: u64, state: &State, failure: &Failure) -> bool {
        let kind = self.failed_kind(state);
        let matching = state.catch.iter().enumerate().find(|(_, catcher)| matches(&catcher.errors, failure, kind));
        let Some((index, catcher)) = matching else { return false };
        self.note_details("errorDetails", json!({"catchIndex": index}));
        self.caught = Some(failure.clone());
        self.remove_below(thread);
        match self.caught(thread, state, catcher, failure) {
            Ok((output, assigned)) => {
                let previous = self.previous(thread);
                self.leave(thread, Some(catcher.next.clone()), output, assigned, Some(previous));
            }
            Err(problem) => {
                let sentence = match problem {
                    Problem::Fails(failure) => failure,
                    Problem::Runtime(detail) | Problem::Query { detail, .. } | Problem::Items { detail, .. } | Problem::Named { detail, .. } => {
                        Failure::new("States.Runtime", detail)
                    }
                };
                let previous = self.previous(thread);
                self.set_doing(thread, Doing::Failed);
                self.abort_all();
                self.end(Status::Failed, previous, None, Some(sentence));
            }
        }
        true
    }

    fn caught(&mut self, thread: u64, state: &State, catcher: &Catcher, failure: &Failure) -> Result<(Arc<Value>, Map<String, Value>), Problem> {
        // AWS: SendTaskFailure without an error gives nulls; recorded: a timeout's cause is empty.
        let timed_out = failure.error.as_deref() == Some("States.Timeout");
        let cause = failure.cause.clone().or_else(|| timed_out.then(String::new));
        let error = json!({"Error": failure.error, "Cause": cause});
        if state.language == Language::Jsonata {
            let mut states = self.states(thread, state, None);
            states.insert("errorOutput".to_owned(), JValue::from(error.clone()));
            let filled = self.with_session(thread, state, states, |session| {
                let assigned = catcher.assign.as_ref().map(|assign| session.fill(assign, "Assign")).transpose()?;
                let output = catcher.output.as_ref().map(|output| session.fill(output, "Output")).transpose()?;
                Ok((assigned, output))
            });
            let (assigned, output) = filled.map_err(|(detail, location)| Problem::Query { detail, location })?;
            return Ok((Arc::new(output.unwrap_or(error)), object(assigned)));
        }
        let context = self.context(thread, state, None);
        let assigned = match &catcher.assign {
            None => None,
            Some(assign) => Some(self.with_scope(thread, &error, &context, |scope| assign.fill(scope))?),
        };
        Ok((self.merged(thread, &catcher.result_path, Arc::new(error))?, object(assigned)))
    }
}

/// Whether ErrorEquals names an error.
fn matches(errors: &[String], failure: &Failure, kind: StateType) -> bool {
    let name = failure.name();
    // AWS: States.Runtime is neither retried nor caught.
    name != "States.Runtime"
        && errors.iter().any(|error| match error.as_str() {
            "States.ALL" => true,
            "States.TaskFailed" => kind == StateType::Task && name != "States.Timeout",
            other => other == name || failure.also.as_deref() == Some(other),
        })
}

fn delay_millis(retrier: &Retrier, attempts: i64) -> i64 {
    let exponent = i32::try_from(attempts).unwrap_or(i32::MAX);
    let seconds = retrier.interval_seconds as f64 * retrier.backoff_rate.powi(exponent);
    let most = retrier.max_delay_seconds.map_or(99_999_999.0, |most| most as f64);
    (seconds.min(most) * 1000.0) as i64
}
