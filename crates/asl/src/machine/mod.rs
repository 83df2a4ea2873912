//! The machine that runs a definition: events in, effects out. It can be written down between any two steps.
//!
//! Parallel branches and Map iterations are threads in a table. Whoever runs the machine makes calls, sets timers, stores history and
//! tells it what happened; the machine itself does no I/O and has no clock.

mod children;
mod choice;
mod evaluate;
mod failures;
mod history;
mod map_run;
mod redrive;
mod run;
mod task;
mod wait;

pub use history::HistoryEvent;
pub use map_run::{MapRunRequest, ReaderRequest, WriterRequest};

use crate::{
    definition::{Definition, Pattern},
    random::Random,
};
use run::Run;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};

/// What an execution is, beside its definition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    pub arn: String,
    pub name: String,
    pub role_arn: String,
    pub machine_arn: String,
    pub machine_name: String,
    pub version_arn: Option<String>,
    pub alias_arn: Option<String>,
    pub region: String,
    /// EXPRESS executions have no limit of history events.
    pub express: bool,
}

/// One execution between two steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    execution: Execution,
    input: Arc<Value>,
    /// The input as it was sent, with its white space, until the first state was entered.
    input_text: Option<String>,
    started_at: i64,
    redrive_count: u32,
    redriven_at: Option<i64>,
    random: Random,
    status: Status,
    last_event: u64,
    next_number: u64,
    threads: BTreeMap<u64, Thread>,
    /// Threads that can go on.
    ready: Vec<u64>,
    /// The timer of the whole execution.
    deadline: Option<u64>,
    failure: Option<Failure>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    Running,
    Succeeded,
    Failed,
    TimedOut,
    Aborted,
}

/// Error and Cause, each of which may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub error: Option<String>,
    pub cause: Option<String>,
    /// Further names that ErrorEquals may have for it: States.HeartbeatTimeout.
    pub also: Option<String>,
}

/// One line of control: the execution itself, a branch or an iteration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Thread {
    parent: Option<u64>,
    /// The place among the parent's children.
    index: usize,
    /// The states around its scope, and which scope of each: where to find it in the definition.
    path: Vec<(String, usize)>,
    state: String,
    input: Arc<Value>,
    variables: Map<String, Value>,
    /// `Map` of the context object.
    item: Option<Value>,
    /// The last event of this thread.
    previous: u64,
    entered_event: u64,
    entered_previous: u64,
    entered_at: i64,
    /// How often each retrier of the state was used.
    attempts: Vec<i64>,
    doing: Doing,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Doing {
    /// To enter its state.
    Entering,
    /// To do the work of its state, again.
    Attempting,
    Waiting {
        timer: u64,
    },
    Retrying {
        timer: u64,
    },
    Task {
        task: u64,
        timeout: Option<u64>,
        heartbeat: Option<u64>,
        heartbeat_seconds: i64,
        token: Option<String>,
    },
    Children(Children),
    MapRun {
        run: u64,
    },
    /// Failed, with nobody to catch it.
    Failed,
    /// Ended because another thread failed, or the execution was stopped.
    Aborted,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Children {
    is_map: bool,
    total: usize,
    next: usize,
    limit: usize,
    running: Vec<u64>,
    /// The items of a Map that are still to be started are read from here.
    items: Arc<Value>,
    results: Vec<Value>,
    done: usize,
    /// The bytes of all results.
    bytes: usize,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// A worker took the activity's task.
    Started {
        task: u64,
        worker: Option<String>,
    },
    /// A job was started, or a callback's request was answered.
    Submitted {
        task: u64,
        output: Value,
    },
    Answered {
        task: u64,
        output: Value,
    },
    Failed {
        task: u64,
        failure: Failure,
    },
    /// The request could not be made at all.
    NotStarted {
        task: u64,
        failure: Failure,
    },
    Heartbeat {
        task: u64,
    },
    Fired {
        timer: u64,
    },
    MapRunStarted {
        run: u64,
        arn: String,
    },
    MapRunEnded {
        run: u64,
        result: Result<Value, Failure>,
    },
    /// StopExecution.
    Stopped {
        error: Option<String>,
        cause: Option<String>,
    },
    /// The answer to [`Effect::Continue`].
    Continue,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Call(Call),
    /// The task's answer is not wanted any more.
    Cancel {
        task: u64,
    },
    Timer {
        timer: u64,
        due: i64,
    },
    History(HistoryEvent),
    MapRun(Box<MapRunRequest>),
    CancelMapRun {
        run: u64,
    },
    /// A step does so much and no more: call it again.
    Continue,
    Ended {
        status: Status,
        output: Option<Value>,
        failure: Option<Failure>,
    },
}

/// A request to make for a Task.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub task: u64,
    /// The Resource as written.
    pub resource: String,
    pub pattern: Pattern,
    pub input: Value,
    pub token: Option<String>,
    /// The role of Credentials.
    pub role_arn: Option<String>,
    pub state: String,
}

impl Machine {
    /// A new execution and its first effects. `input_text` is the input as it was sent.
    pub fn start(
        definition: &Definition,
        execution: Execution,
        input_text: &str,
        seed: u64,
        now: i64,
    ) -> Result<(Machine, Vec<Effect>), serde_json::Error> {
        let input = Arc::new(serde_json::from_str::<Value>(input_text)?);
        let mut machine = Machine {
            execution,
            input: Arc::clone(&input),
            input_text: Some(input_text.to_owned()),
            started_at: now,
            redrive_count: 0,
            redriven_at: None,
            random: Random::from_seed(seed),
            status: Status::Running,
            last_event: 0,
            next_number: 1,
            threads: BTreeMap::new(),
            ready: Vec::new(),
            deadline: None,
            failure: None,
        };
        let mut run = Run::new(&mut machine, definition, now);
        run.begin(input);
        let effects = run.go();
        Ok((machine, effects))
    }

    /// Takes one event. Events about tasks and timers that are over change nothing.
    pub fn step(&mut self, definition: &Definition, event: Event, now: i64) -> Vec<Effect> {
        if self.status != Status::Running {
            return Vec::new();
        }
        let mut run = Run::new(self, definition, now);
        run.take(event);
        run.go()
    }

    pub fn status(&self) -> Status {
        self.status
    }

    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// The timers that still mean something; all others may be forgotten.
    pub fn timers(&self) -> Vec<u64> {
        let of_thread = |thread: &Thread| match &thread.doing {
            Doing::Waiting { timer } | Doing::Retrying { timer } => [Some(*timer), None],
            Doing::Task { timeout, heartbeat, .. } => [*timeout, *heartbeat],
            _ => [None, None],
        };
        let running = self.status == Status::Running;
        let threads = self.threads.values().flat_map(of_thread).chain([self.deadline]).flatten();
        threads.filter(|_| running).collect()
    }

    pub fn redrive_count(&self) -> u32 {
        self.redrive_count
    }

    /// The task that a token belongs to.
    pub fn task_of_token(&self, token: &str) -> Option<u64> {
        self.threads.values().find_map(|thread| match &thread.doing {
            Doing::Task { task, token: Some(own), .. } if own == token => Some(*task),
            _ => None,
        })
    }

    fn number(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        number
    }
}

impl Failure {
    pub fn new(error: impl Into<String>, cause: impl Into<String>) -> Failure {
        Failure { error: Some(error.into()), cause: Some(cause.into()), also: None }
    }

    /// The error as ErrorEquals compares it.
    fn name(&self) -> &str {
        self.error.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
