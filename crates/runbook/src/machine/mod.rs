//! The machine that runs a runbook: events in, effects out. It can be written down between any two steps.
//!
//! One step is done at a time; loops are frames on a stack. What an action does is asked for as a task, and whoever performs it says how it went, or
//! that it is to be looked at again later.

mod approval;
mod events;
mod failures;
mod loops;
mod outputs;
mod run;
mod scope;
mod signals;
mod start;
mod state;
mod status;
mod steps;

pub use approval::{Decision, Notice};
pub use events::{Done, Effect, Event, SignalProblem, Task};
pub use failures::{Failure, Stage, doing, failed, timed_out};
pub use state::{About, Machine, Parent, StepRecord};
pub use status::{Status, StepStatus};

use crate::definition::Runbook;
use run::Run;
use serde_json::{Map, Value};

impl Machine {
    /// A new execution and its first effects. The parameters have the types of the document.
    pub fn start(runbook: &Runbook, about: About, interactive: bool, parameters: Map<String, Value>, now: i64) -> (Machine, Vec<Effect>) {
        let variables = runbook.variables.iter().filter_map(|(name, variable)| Some((name.clone(), variable.default.clone()?))).collect();
        let mut machine = Machine::new(about, interactive, parameters, variables);
        let mut run = Run::new(&mut machine, runbook, now);
        run.begin();
        let effects = run.go();
        (machine, effects)
    }

    /// Takes one event. Events about tasks and timers that are over change nothing; a signal that does not fit is a problem.
    pub fn step(&mut self, runbook: &Runbook, event: Event, now: i64) -> Result<Vec<Effect>, SignalProblem> {
        if self.status.is_over() {
            return if event.is_signal() { Err(SignalProblem::Over) } else { Ok(Vec::new()) };
        }
        let mut run = Run::new(self, runbook, now);
        run.take(event)?;
        Ok(run.go())
    }

    pub fn status(&self) -> Status {
        self.status
    }

    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// The step that is being done, or that is to be done when somebody starts it.
    pub fn current_step(&self) -> Option<&str> {
        match &self.current {
            Some(current) => Some(&current.record.step),
            None => self.frames.last().and_then(|frame| frame.at.as_deref()),
        }
    }

    /// The timers that still mean something; all others may be forgotten.
    pub fn timers(&self) -> Vec<u64> {
        if self.status.is_over() {
            return Vec::new();
        }
        let of_frames = self.frames.iter().filter_map(|frame| frame.looping.as_ref()?.timeout);
        let of_current = self.current.iter().flat_map(|current| [current.timeout, current.doing.timer()]).flatten();
        of_frames.chain(of_current).chain(self.cancelling).collect()
    }

    /// The task that is waited for, as it was asked for last: for whoever starts again after a crash.
    pub fn task(&self) -> Option<Task> {
        let current = self.current.as_ref().filter(|_| !self.status.is_over())?;
        match &current.doing {
            state::Doing::Task { task, memo } => Some(Task::of(current, *task, memo.clone())),
            _ => None,
        }
    }

    /// The task that is to be asked for again later.
    pub fn waiting_task(&self) -> Option<u64> {
        match &self.current.as_ref()?.doing {
            state::Doing::Later { task, .. } => Some(*task),
            _ => None,
        }
    }

    pub fn variables(&self) -> &Map<String, Value> {
        &self.variables
    }

    pub fn parameters(&self) -> &Map<String, Value> {
        &self.parameters
    }

    pub fn is_interactive(&self) -> bool {
        self.interactive
    }
}

#[cfg(test)]
mod tests;
