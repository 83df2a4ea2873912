//! One execution between two steps: what is written down.

use crate::random::Random;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

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
    pub(super) execution: Execution,
    pub(super) input: Arc<Value>,
    pub(super) started_at: i64,
    pub(super) redrive_count: u32,
    pub(super) redriven_at: Option<i64>,
    pub(super) random: Random,
    pub(super) status: Status,
    pub(super) last_event: u64,
    pub(super) next_number: u64,
    pub(super) threads: BTreeMap<u64, Thread>,
    /// Threads that can go on.
    pub(super) ready: VecDeque<u64>,
    /// The timer of the whole execution.
    pub(super) deadline: Option<u64>,
    pub(super) failure: Option<Failure>,
    /// Only one state is run, by TestState.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) test: Option<Box<Test>>,
}

/// The test of one state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Test {
    pub(super) context: Option<Value>,
    pub(super) mock: Option<TestMock>,
    /// How many iterations of a mocked Map failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failures: Option<i64>,
    /// Whether a mocked error of a Map or Parallel comes from a Task in it.
    #[serde(default)]
    pub(super) caused_by_task: bool,
    /// What the ItemReader of a distributed Map reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reader_data: Option<String>,
    pub(super) data: Map<String, Value>,
    pub(super) end: Option<TestEnd>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum TestEnd {
    Left { next: Option<String>, output: Value, caught: Option<Failure> },
    Retry(Failure),
}

/// What stands in for the work of a tested state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TestMock {
    Result(Value),
    Failure(Failure),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    Running,
    Succeeded,
    Failed,
    TimedOut,
    Aborted,
}

impl Status {
    /// As the API writes it.
    pub fn name(self) -> &'static str {
        match self {
            Status::Running => "RUNNING",
            Status::Succeeded => "SUCCEEDED",
            Status::Failed => "FAILED",
            Status::TimedOut => "TIMED_OUT",
            Status::Aborted => "ABORTED",
        }
    }
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
pub(super) struct Thread {
    pub(super) parent: Option<u64>,
    /// The place among the parent's children.
    pub(super) index: usize,
    /// The states around its scope, and which scope of each: where to find it in the definition.
    pub(super) path: Vec<(String, usize)>,
    pub(super) state: String,
    pub(super) input: Arc<Value>,
    /// The input as it was sent, while it is that of the execution and its white space is not the usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<Arc<str>>,
    pub(super) variables: Map<String, Value>,
    /// `Map` of the context object.
    pub(super) item: Option<Value>,
    /// The last event of this thread.
    pub(super) previous: u64,
    pub(super) entered_event: u64,
    pub(super) entered_previous: u64,
    pub(super) entered_at: i64,
    /// How often each retrier of the state was used.
    pub(super) attempts: Vec<i64>,
    pub(super) doing: Doing,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Doing {
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
        /// The details of ActivityScheduled, until the activity is known to exist.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scheduled: Option<Map<String, Value>>,
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
pub(super) struct Children {
    pub(super) is_map: bool,
    pub(super) total: usize,
    pub(super) next: usize,
    pub(super) limit: usize,
    pub(super) running: Vec<u64>,
    /// The items of a Map that are still to be started are read from here.
    pub(super) items: Arc<Value>,
    pub(super) results: Vec<Value>,
    /// The results of branches that passed on the input as it was sent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) texts: BTreeMap<usize, Arc<str>>,
    pub(super) done: usize,
    /// The bytes of all results.
    pub(super) bytes: usize,
}

impl Machine {
    pub(super) fn new(execution: Execution, input: Arc<Value>, seed: u64, now: i64) -> Machine {
        Machine {
            execution,
            input,
            started_at: now,
            redrive_count: 0,
            redriven_at: None,
            random: Random::from_seed(seed),
            status: Status::Running,
            last_event: 0,
            next_number: 1,
            threads: BTreeMap::new(),
            ready: VecDeque::new(),
            deadline: None,
            failure: None,
            test: None,
        }
    }

    pub(super) fn number(&mut self) -> u64 {
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
    pub(super) fn name(&self) -> &str {
        self.error.as_deref().unwrap_or_default()
    }
}
