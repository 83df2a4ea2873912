//! Runs a definition by itself: time passes at once, and Tasks are answered by mocks. What people used Step Functions Local for.

use crate::{
    definition::{Definition, WorkflowType, read},
    items::{Batcher, ReadError},
    machine::{Effect, Event, Execution, Failure, HistoryEvent, Machine, MapRunRequest, Mocks, Status},
    text::to_text,
};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, VecDeque};

/// How a definition ran.
#[derive(Clone, Debug, Default)]
pub struct LocalRun {
    pub history: Vec<HistoryEvent>,
    /// `None`: it cannot go on.
    pub status: Option<Status>,
    pub output: Option<Value>,
    pub failure: Option<Failure>,
    /// Why it cannot go on.
    pub stuck: Option<String>,
}

/// Children in children in children: as deep as distributed Maps can be nested.
const DEEPEST: usize = 8;
/// More steps than any execution with a history of 25,000 events takes.
const MOST_STEPS: usize = 1_000_000;

/// Runs a definition with an input, from a time in milliseconds on. An error is one of the input.
pub fn run(definition: &Definition, name: &str, express: bool, input: &str, mut mocks: Mocks, start: i64) -> Result<LocalRun, String> {
    let input: Value = serde_json::from_str(input).map_err(|error| error.to_string())?;
    let mut now = start;
    Ok(run_one(definition, &execution(name, express, 0), &input, &mut mocks, &mut now, 0))
}

fn execution(name: &str, express: bool, number: usize) -> Execution {
    let arn = |kind: &str, rest: &str| format!("arn:aws:states:us-east-1:123456789012:{kind}:{rest}");
    Execution {
        arn: arn("execution", &format!("{name}:local-{number}")),
        name: format!("local-{number}"),
        role_arn: "arn:aws:iam::123456789012:role/local".to_owned(),
        machine_arn: arn("stateMachine", name),
        machine_name: name.to_owned(),
        region: "us-east-1".to_owned(),
        express,
        ..Execution::default()
    }
}

fn run_one(definition: &Definition, about: &Execution, input: &Value, mocks: &mut Mocks, now: &mut i64, depth: usize) -> LocalRun {
    let mut run = LocalRun::default();
    let started = Machine::start(definition, about.clone(), &to_text(input), 1, *now);
    let Ok((mut machine, mut effects)) = started else { return run };
    let mut timers: BTreeMap<u64, i64> = BTreeMap::new();
    let mut events: VecDeque<Event> = VecDeque::new();
    let mut open: BTreeMap<u64, String> = BTreeMap::new();
    for _ in 0..MOST_STEPS {
        for effect in effects {
            match effect {
                Effect::History(event) => run.history.push(event),
                Effect::Timer { timer, due } => drop(timers.insert(timer, due)),
                Effect::Continue => events.push_back(Event::Continue),
                Effect::Cancel { task } => drop(open.remove(&task)),
                Effect::CancelMapRun { .. } => {}
                Effect::Call(call) => match mocks.answer(&call) {
                    Some(event) => events.push_back(event),
                    None => {
                        if call.resource.contains(":activity:") {
                            events.push_back(Event::Queued { task: call.task });
                        }
                        open.insert(call.task, call.state);
                    }
                },
                Effect::MapRun(request) => {
                    events.push_back(Event::MapRunStarted {
                        run: request.run,
                        arn: format!("{}/local", about.arn.replacen(":execution:", ":mapRun:", 1)),
                    });
                    let result = map_run(definition, &mut machine, about, &request, mocks, now, depth);
                    match result {
                        Ok(result) => events.push_back(Event::MapRunEnded { run: request.run, result }),
                        Err(why) => {
                            run.stuck = Some(why);
                            return run;
                        }
                    }
                }
                Effect::Ended { status, output, failure } => {
                    (run.status, run.output, run.failure) = (Some(status), output.map(|output| output.value), failure);
                    return run;
                }
            }
        }
        let wanted = machine.timers();
        timers.retain(|timer, _| wanted.contains(timer));
        let event = match events.pop_front() {
            Some(event) => event,
            None => match timers.iter().min_by_key(|(timer, due)| (**due, **timer)).map(|(timer, due)| (*timer, *due)) {
                // A Task without a mock can only time out; that is told and not waited for.
                Some((timer, due)) if open.is_empty() => {
                    timers.remove(&timer);
                    *now = (*now).max(due);
                    Event::Fired { timer }
                }
                _ => break,
            },
        };
        effects = machine.step(definition, event, *now);
    }
    run.stuck = Some(match open.values().next() {
        Some(state) => format!("The Task '{state}' has no mock: name one for it in the test case."),
        None => "The execution does not end.".to_owned(),
    });
    run
}

/// A distributed Map: its children run one after the other. An error is the reason why a child cannot go on.
fn map_run(
    definition: &Definition,
    machine: &mut Machine,
    about: &Execution,
    request: &MapRunRequest,
    mocks: &mut Mocks,
    now: &mut i64,
    depth: usize,
) -> Result<Result<Value, Failure>, String> {
    if depth >= DEEPEST {
        return Err("Distributed Maps are nested too deeply.".to_owned());
    }
    if request.reader.is_some() || request.writer.as_ref().is_some_and(|writer| writer.resource.is_some()) {
        return Err(format!("The Map '{}' reads from or writes to Amazon S3, which is not there without a server.", request.state));
    }
    let items: Vec<(Option<String>, Value)> = match request.items.clone().unwrap_or_default() {
        Value::Array(items) => items.into_iter().map(|value| (None, value)).collect(),
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (Some(key), value)).collect(),
        _ => Vec::new(),
    };
    let mut batcher = Batcher::new(request.batch_items, request.batch_bytes, request.batch_input.clone());
    let mut inputs = Vec::new();
    for (index, (key, value)) in items.into_iter().enumerate() {
        let mut context = Map::new();
        context.insert("Index".to_owned(), index.into());
        context.extend(key.map(|key| ("Key".to_owned(), Value::String(key))));
        context.insert("Value".to_owned(), value);
        context.insert("Source".to_owned(), "STATE_DATA".into());
        match machine.select_item(definition, request.run, &Value::Object(context), *now) {
            Ok(item) => {
                if let Err(ReadError(cause)) = batcher.push(item, &mut inputs) {
                    return Ok(Err(Failure::new("States.ItemReaderFailed", cause)));
                }
            }
            Err(failure) => return Ok(Err(failure)),
        }
    }
    batcher.finish(&mut inputs);
    let workflow = if request.express_children { WorkflowType::Express } else { WorkflowType::Standard };
    let processor = read(&to_text(&request.child_definition(definition.language)), workflow, &|_| true)?;
    let total: i64 = inputs.iter().map(|batch| batch.count).sum();
    let (mut outputs, mut failed) = (Vec::new(), 0);
    for (number, batch) in inputs.into_iter().enumerate() {
        let child = run_one(&processor, &execution(&about.machine_name, request.express_children, number), &batch.input, mocks, now, depth + 1);
        match (child.status, child.stuck) {
            (Some(Status::Succeeded), _) => outputs.push(child.output.unwrap_or_default()),
            (Some(_), _) => failed += batch.count,
            (None, stuck) => return Err(stuck.unwrap_or_default()),
        }
        if request.exceeds(failed, total) {
            let cause = "The specified tolerated failure threshold was exceeded";
            return Ok(Err(Failure::new("States.ExceedToleratedFailureThreshold", cause)));
        }
    }
    Ok(Ok(Value::Array(outputs)))
}
