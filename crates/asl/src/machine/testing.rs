//! TestState: one state of a definition by itself, and what it makes of its input on the way.
//! <https://docs.aws.amazon.com/step-functions/latest/dg/test-state-isolation.html>

use super::{
    events::{Effect, Event},
    run::Run,
    state::{Doing, Execution, Failure, Machine, Status, Test, TestEnd, TestMock},
};
use crate::{
    definition::{Definition, Detail, State, StateType, States},
    text::to_text,
};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// What TestState is asked, as far as the language is concerned.
#[derive(Clone, Debug, Default)]
pub struct TestRequest {
    /// The state to test; `None` is the first one.
    pub state: Option<String>,
    pub input: Value,
    pub variables: Map<String, Value>,
    /// The context object, in place of one that is made up.
    pub context: Option<Value>,
    pub mock: Option<TestMock>,
    /// How often each retrier was used before: retrierRetryCount.
    pub retries: i64,
}

/// How a tested state ended.
#[derive(Clone, Debug, PartialEq)]
pub struct TestOutcome {
    pub status: TestStatus,
    pub next: Option<String>,
    pub output: Option<Value>,
    pub failure: Option<Failure>,
    /// inspectionData: `afterInputPath` and the like are texts of JSON; `errorDetails` is an object.
    pub data: Map<String, Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestStatus {
    Succeeded,
    Failed,
    Retriable,
    CaughtError,
}

impl Machine {
    /// Begins the test of a state. Calls are among the effects, unless there is a mock; a timer of a Wait need not be waited for.
    pub fn test(definition: &Definition, execution: Execution, request: TestRequest, seed: u64, now: i64) -> Result<(Machine, Vec<Effect>), String> {
        let name = request.state.as_deref().unwrap_or(&definition.states.start_at);
        let (path, state) = find(&definition.states, name, &mut Vec::new()).ok_or_else(|| format!("State '{name}' does not exist"))?;
        if request.mock.is_some() && !matches!(state.kind, StateType::Task | StateType::Map | StateType::Parallel) {
            return Err(format!("State type '{}' is not supported when a mock is specified", state.kind.name()));
        }
        check_mock(state, request.mock.as_ref())?;
        let mut machine = Machine::new(execution, Arc::new(request.input.clone()), seed, now);
        machine.test = Some(Box::new(Test { context: request.context, mock: request.mock.clone(), data: Map::new(), end: None }));
        let mut run = Run::new(&mut machine, definition, now);
        run.note("input", &request.input);
        let item = path.last().map(|_| json!({"Index": 0, "Value": request.input}));
        let thread = run.new_thread(None, 0, path, &state.name, Arc::new(request.input), item, 0);
        if let Some(own) = run.machine.threads.get_mut(&thread) {
            own.variables = request.variables;
        }
        run.enter(thread);
        if let Some(own) = run.machine.threads.get_mut(&thread) {
            own.attempts.iter_mut().for_each(|attempts| *attempts = request.retries);
            own.doing = Doing::Attempting;
        }
        run.machine.ready.push_back(thread);
        let mut effects = run.go();
        // A Task gets its mock as an answer.
        let task = effects.iter().find_map(|effect| if let Effect::Call(call) = effect { Some(call.task) } else { None });
        if let (Some(task), Some(mock)) = (task, request.mock) {
            effects.retain(|effect| !matches!(effect, Effect::Call(_) | Effect::Timer { .. }));
            let event = match mock {
                TestMock::Result(output) => Event::Answered { task, output },
                TestMock::Failure(failure) => Event::Failed { task, failure },
            };
            effects.extend(machine.step(definition, event, now));
        }
        // TestState does not wait.
        let timer = effects.iter().find_map(|effect| if let Effect::Timer { timer, .. } = effect { Some(*timer) } else { None });
        if let (Some(timer), StateType::Wait) = (timer, state.kind) {
            effects.retain(|effect| !matches!(effect, Effect::Timer { .. }));
            effects.extend(machine.step(definition, Event::Fired { timer }, now));
        }
        Ok((machine, effects))
    }

    /// How the test ended; `None` while a call is still to be answered.
    pub fn test_outcome(&self) -> Option<TestOutcome> {
        let test = self.test.as_deref()?;
        let data = test.data.clone();
        let outcome = |status, next, output, failure| TestOutcome { status, next, output, failure, data };
        Some(match test.end.clone() {
            Some(TestEnd::Left { next, output, caught: None }) => outcome(TestStatus::Succeeded, next, Some(output), None),
            Some(TestEnd::Left { next, output, caught }) => outcome(TestStatus::CaughtError, next, Some(output), caught),
            Some(TestEnd::Retry(failure)) => outcome(TestStatus::Retriable, None, None, Some(failure)),
            None if self.status != Status::Running => outcome(TestStatus::Failed, None, None, self.failure.clone()),
            None => return None,
        })
    }
}

/// The mock must have the form of the state's result.
fn check_mock(state: &State, mock: Option<&TestMock>) -> Result<(), String> {
    let Some(TestMock::Result(result)) = mock else { return Ok(()) };
    match &state.detail {
        // AWS: unverified wording of both.
        Detail::Map(map) if map.writer.is_none() && !result.is_array() => Err("Mocked result must be an array.".to_owned()),
        Detail::Parallel { branches } if result.as_array().is_none_or(|items| items.len() != branches.len()) => {
            Err("Mocked result must be an array with one element for each branch.".to_owned())
        }
        _ => Ok(()),
    }
}

/// The path of the scope of a state, and the state.
fn find<'d>(scope: &'d States, name: &str, path: &mut Vec<(String, usize)>) -> Option<(Vec<(String, usize)>, &'d State)> {
    if let Some(state) = scope.states.get(name) {
        return Some((path.clone(), state));
    }
    for state in scope.states.values() {
        for (index, nested) in state.nested().into_iter().enumerate() {
            path.push((state.name.clone(), index));
            let found = find(nested, name, path);
            path.pop();
            if found.is_some() {
                return found;
            }
        }
    }
    None
}

impl Run<'_> {
    /// Remembers what the test of a state shows.
    pub(super) fn note(&mut self, name: &str, value: &Value) {
        if let Some(test) = self.machine.test.as_deref_mut() {
            test.data.insert(name.to_owned(), Value::String(to_text(value)));
        }
    }

    /// The same for something that is shown as it is.
    pub(super) fn note_details(&mut self, name: &str, details: Value) {
        if let Some(test) = self.machine.test.as_deref_mut() {
            test.data.insert(name.to_owned(), details);
        }
    }

    /// The mocked result of a Map or Parallel state.
    pub(super) fn mock(&self) -> Option<TestMock> {
        self.machine.test.as_deref()?.mock.clone()
    }

    /// Ends the test, if it is one.
    pub(super) fn end_test(&mut self, end: impl FnOnce() -> TestEnd) -> bool {
        let Some(test) = self.machine.test.as_deref_mut() else { return false };
        test.end = Some(end());
        self.machine.status = Status::Succeeded;
        self.machine.ready.clear();
        true
    }
}
