//! RedriveExecution: an execution that did not succeed goes on where it ended.

use super::{
    events::Effect,
    run::Run,
    state::{Doing, Machine, Status},
};
use crate::definition::{Definition, StateType};
use serde_json::Map;

impl Machine {
    /// Goes on at the states that failed or were aborted. Nothing happens to an execution that runs or succeeded.
    pub fn redrive(&mut self, definition: &Definition, now: i64) -> Vec<Effect> {
        if matches!(self.status, Status::Running | Status::Succeeded) {
            return Vec::new();
        }
        self.status = Status::Running;
        self.failure = None;
        self.redrive_count += 1;
        self.redriven_at = Some(now);
        let count = self.redrive_count;
        let mut run = Run::new(self, definition, now);
        let mut details = Map::new();
        details.insert("redriveCount".to_owned(), count.into());
        let previous = run.machine.last_event;
        run.record("ExecutionRedriven", previous, Some(("executionRedrivenEventDetails", details)));
        // The time of the whole execution starts again.
        run.set_deadline();
        run.resume();
        run.go()
    }
}

impl Run<'_> {
    fn resume(&mut self) {
        let threads: Vec<u64> = self.machine.threads.keys().copied().collect();
        for number in threads {
            let kind = self.state(number).map(|state| state.kind);
            let below: Vec<u64> = self.machine.threads.iter().filter(|(_, child)| child.parent == Some(number)).map(|(child, _)| *child).collect();
            let Some(thread) = self.machine.threads.get_mut(&number) else { continue };
            thread.attempts.iter_mut().for_each(|attempts| *attempts = 0);
            match &mut thread.doing {
                Doing::Entering => self.machine.ready.push_back(number),
                Doing::Children(children) if !below.is_empty() => children.running = below,
                _ if !below.is_empty() => {}
                _ => {
                    // AWS: a Fail state is entered again, every other state is not.
                    thread.doing = if kind == Some(StateType::Fail) { Doing::Entering } else { Doing::Attempting };
                    self.machine.ready.push_back(number);
                }
            }
        }
    }
}
