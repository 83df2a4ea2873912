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
    /// mapIterationFailureCount
    pub failures: Option<i64>,
    /// The state inside a Map or Parallel that a mocked error comes from: errorCausedByState.
    pub caused_by: Option<String>,
    /// mapItemReaderData
    pub reader_data: Option<String>,
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
        let (path, state) = find(&definition.states, name, &mut Vec::new()).ok_or_else(|| "State not found in definition".to_owned())?;
        check_mock(state, &request)?;
        let mut machine = Machine::new(execution, Arc::new(request.input.clone()), seed, now);
        let caused_by_task = match &request.caused_by {
            None => false,
            // AWS: unverified wording.
            Some(name) => inside(state, name).ok_or_else(|| "State not found in definition".to_owned())?.kind == StateType::Task,
        };
        machine.test = Some(Box::new(Test {
            context: request.context,
            mock: request.mock.clone(),
            failures: request.failures,
            caused_by_task,
            reader_data: request.reader_data,
            data: Map::new(),
            end: None,
        }));
        // ExecutionStarted, which a test does not show, would be the first event.
        machine.last_event = 1;
        let mut run = Run::new(&mut machine, definition, now);
        run.note("input", &request.input);
        let item = in_map(&definition.states, &path).then(|| json!({"Index": 0, "Value": request.input, "Source": "STATE_DATA"}));
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

/// A mock must be given or not, and must have the form of the state's result.
fn check_mock(state: &State, request: &TestRequest) -> Result<(), String> {
    let can_have = matches!(state.kind, StateType::Task | StateType::Map | StateType::Parallel);
    if request.mock.is_some() && !can_have {
        return Err(format!("State type '{}' is not supported when a mock is specified", state.kind.name()));
    }
    let result = match &request.mock {
        Some(TestMock::Result(result)) => result,
        _ => return Ok(()),
    };
    match &state.detail {
        Detail::Map(map) if map.writer.as_ref().is_some_and(|writer| writer.resource.is_some()) => {
            return if result.is_object() { Ok(()) } else { Err("Mocked result must be a JSON object.".to_owned()) };
        }
        Detail::Map(_) => match result.as_array() {
            None => return Err("Mocked result must be an array.".to_owned()),
            Some(items) if request.failures.is_some_and(|failures| usize::try_from(failures).is_ok_and(|failures| failures > items.len())) => {
                return Err("Map iteration failure count must be less than or equal to the number of Map iterations".to_owned());
            }
            Some(_) => {}
        },
        Detail::Parallel { branches } => match result.as_array() {
            None => return Err("Mocked result must be an array.".to_owned()),
            Some(items) if items.len() != branches.len() => {
                return Err("Mocked result must contain the same number of items as number of Parallel branches.".to_owned());
            }
            Some(_) => {}
        },
        _ => {}
    }
    Ok(())
}

/// A state inside another.
fn inside<'d>(state: &'d State, name: &str) -> Option<&'d State> {
    state.nested().into_iter().find_map(|scope| find(scope, name, &mut Vec::new()).map(|(_, found)| found))
}

/// Whether a place is in an iteration of a Map.
fn in_map(scope: &States, path: &[(String, usize)]) -> bool {
    let Some(((name, index), rest)) = path.split_first() else { return false };
    let Some(state) = scope.states.get(name) else { return false };
    state.kind == StateType::Map || state.nested().get(*index).is_some_and(|scope| in_map(scope, rest))
}

impl Definition {
    /// A state of any scope, by its name; `None` is the first one.
    pub fn find(&self, name: Option<&str>) -> Option<&State> {
        find(&self.states, name.unwrap_or(&self.states.start_at), &mut Vec::new()).map(|(_, state)| state)
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
