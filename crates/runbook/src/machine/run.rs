//! One step of the machine while it is made.

use super::{
    events::Effect,
    failures::Failure,
    state::{Current, Frame, LONGEST_CANCELLATION, Machine, StepRecord},
    status::Status,
};
use crate::definition::{Route, Runbook, Step, successor};

pub(super) struct Run<'a> {
    pub machine: &'a mut Machine,
    pub runbook: &'a Runbook,
    pub now: i64,
    pub effects: Vec<Effect>,
    /// The step of the innermost list that is to be begun.
    pub next: Option<String>,
}

impl<'a> Run<'a> {
    pub fn new(machine: &'a mut Machine, runbook: &'a Runbook, now: i64) -> Run<'a> {
        Run { machine, runbook, now, effects: Vec::new(), next: None }
    }

    /// Does what can be done at once.
    pub fn go(mut self) -> Vec<Effect> {
        while let Some(next) = self.next.take() {
            if self.machine.status.is_over() {
                break;
            }
            self.enter(&next);
        }
        self.effects
    }

    /// The list of the innermost frame.
    pub fn steps(&self) -> &'a [Step] {
        self.steps_at(self.machine.frames.len())
    }

    /// The list of the frame at a depth.
    pub fn steps_at(&self, depth: usize) -> &'a [Step] {
        let mut steps = self.runbook.steps.as_slice();
        for frame in self.machine.frames.iter().take(depth) {
            if let Some(looping) = &frame.looping {
                steps = steps.iter().find(|step| step.name == looping.record.step).map_or(&[], Step::inner);
            }
        }
        steps
    }

    pub fn find(&self, name: &str) -> Option<&'a Step> {
        self.steps().iter().find(|step| step.name == name)
    }

    /// Whether a step is of the innermost list, or of one around it.
    fn is_there(&self, name: &str) -> bool {
        (1..=self.machine.frames.len()).any(|depth| self.steps_at(depth).iter().any(|step| step.name == name))
    }

    pub fn frame(&mut self) -> Option<&mut Frame> {
        self.machine.frames.last_mut()
    }

    pub fn timer(&mut self, due: i64) -> u64 {
        let timer = self.machine.number();
        self.effects.push(Effect::Timer { timer, due });
        timer
    }

    pub fn set_status(&mut self, status: Status) {
        // A cancellation is shown until its end.
        let status = if self.machine.cancelling.is_some() && !status.is_over() { Status::Cancelling } else { status };
        if self.machine.status != status {
            self.machine.status = status;
            self.effects.push(Effect::Status(status));
        }
    }

    pub fn show(&mut self, record: &StepRecord) {
        self.effects.push(Effect::Step(Box::new(record.clone())));
    }

    /// The step behind one that ended, when nothing says otherwise.
    pub fn after(&self, step: &Step) -> Option<String> {
        if step.is_end {
            return None;
        }
        step.next.clone().or_else(|| successor(self.steps(), &step.name).map(|step| step.name.clone()))
    }

    /// A step ended: another one follows, or the list is at its end.
    pub fn follow(&mut self, next: Option<String>) {
        self.machine.current = None;
        if self.machine.completing {
            return self.end();
        }
        let Some(next) = next else { return self.end_of_list() };
        // A loop that a step leads out of is over. AWS: unverified that it has succeeded.
        while self.find(&next).is_none() && self.machine.frames.len() > 1 {
            if !self.succeed_loop() {
                return self.end();
            }
        }
        if let Some(frame) = self.frame() {
            frame.at = Some(next.clone());
        }
        if self.machine.interactive && self.machine.frames.len() == 1 && self.machine.cancelling.is_none() {
            return self.set_status(Status::Waiting);
        }
        self.set_status(Status::InProgress);
        self.next = Some(next);
    }

    /// A step failed for good.
    pub fn give_up(&mut self, step: &'a Step, failure: Failure) {
        self.machine.current = None;
        let counts = step.is_critical() && self.machine.cancelling.is_none();
        let in_loop = self.machine.frames.len() > 1;
        match step.on_failure.as_ref().unwrap_or(&Route::Abort) {
            Route::Abort if in_loop => self.fail_loop(failure),
            Route::Abort => {
                self.note(failure, counts);
                self.end();
            }
            Route::Continue => {
                self.note(failure, counts);
                let next = self.after(step);
                self.follow(next);
            }
            Route::Step(other) => {
                self.note(failure, counts);
                // AWS: "The automation stops if the step failed or succeeded."
                let next = if step.is_end { None } else { Some(other.clone()) };
                self.follow(next);
            }
        }
    }

    fn note(&mut self, failure: Failure, counts: bool) {
        if counts {
            self.machine.failure.get_or_insert(failure);
        }
    }

    /// The execution is over.
    pub fn end(&mut self) {
        let status = match &self.machine.failure {
            _ if self.machine.cancelling.is_some() => Status::Cancelled,
            Some(failure) => failure.status,
            None => Status::Success,
        };
        self.end_as(status);
    }

    pub fn end_as(&mut self, status: Status) {
        self.machine.cancelling = None;
        self.machine.current = None;
        self.next = None;
        let open: Vec<StepRecord> = self.machine.frames.iter_mut().filter_map(|frame| frame.looping.take()).map(|looping| looping.record).collect();
        for mut record in open {
            record.status = if status.is_over() && status != Status::Success { status } else { Status::Success };
            record.ended = Some(self.now);
            self.show(&record);
        }
        self.machine.frames.truncate(1);
        if let Some(frame) = self.frame() {
            frame.at = None;
        }
        self.machine.status = status;
        let failure = self.machine.failure.clone().map(Box::new);
        self.effects.push(Effect::Ended { status, failure });
    }

    /// Somebody cancels the execution.
    pub fn cancel(&mut self) {
        if self.machine.cancelling.is_some() {
            return self.end_as(Status::Cancelled);
        }
        let stopped = self.machine.current.take();
        let route = stopped.as_deref().and_then(|current| self.find(&current.record.step)).and_then(|step| step.on_cancel.clone());
        if let Some(current) = stopped {
            self.stop(*current);
        }
        match route {
            Some(Route::Step(other)) if self.is_there(&other) => {
                let timer = self.timer(self.now.saturating_add(LONGEST_CANCELLATION));
                self.machine.cancelling = Some(timer);
                self.set_status(Status::Cancelling);
                self.follow(Some(other));
            }
            _ => self.end_as(Status::Cancelled),
        }
    }

    /// A step that is being done is stopped.
    pub fn stop(&mut self, mut current: Current) {
        self.abandon(&current);
        current.record.status = Status::Cancelled;
        current.record.ended = Some(self.now);
        self.show(&current.record);
    }
}
