//! The machine that runs a definition: events in, effects out. It can be written down between any two steps.
//!
//! Parallel branches and Map iterations are threads in a table. Whoever runs the machine makes calls, sets timers, stores history and
//! tells it what happened; the machine itself does no I/O and has no clock.

mod children;
mod choice;
mod evaluate;
mod events;
mod failures;
mod history;
mod map_run;
mod mocked_map;
mod mocks;
mod payload;
mod problem;
mod redrive;
mod run;
mod state;
mod task;
mod testing;
mod threads;
mod wait;

pub use events::{Call, Effect, Event, HistoryEvent, MapRunRequest, Output, ReaderRequest, WriterRequest, exceeds};
pub use mocks::{MockConfig, Mocks};
pub use state::{Execution, Failure, Machine, Status, TestMock};
pub use testing::{TestOutcome, TestRequest, TestStatus};

use crate::definition::Definition;
use run::Run;
use serde_json::Value;
use state::Doing;
use std::sync::Arc;

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
        let mut machine = Machine::new(execution, Arc::clone(&input), seed, now);
        let mut run = Run::new(&mut machine, definition, now);
        run.begin(input, input_text);
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
        let of_thread = |thread: &state::Thread| match &thread.doing {
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
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod local_tests;
