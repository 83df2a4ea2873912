//! The beginning, and events as they come in.

use super::{
    events::{Effect, Event, SignalProblem, Task},
    failures::{doing, timed_out},
    run::Run,
    state::{Current, Doing},
    status::Status,
};

impl Run<'_> {
    pub fn begin(&mut self) {
        let first = self.runbook.steps.first().map(|step| step.name.clone());
        self.effects.push(Effect::Status(Status::InProgress));
        self.follow(first);
    }

    pub fn take(&mut self, event: Event) -> Result<(), SignalProblem> {
        match event {
            Event::Done { task, done } => {
                if let Some(current) = self.of_task(task) {
                    self.done(current, *done);
                }
            }
            Event::Failed { task, failure } => {
                if let Some(current) = self.of_task(task) {
                    self.failed(current, *failure);
                }
            }
            Event::Again { task, memo, after } => {
                if let Some(mut current) = self.of_task(task) {
                    let timer = self.timer(self.now.saturating_add(after.max(1)));
                    current.doing = Doing::Later { task, timer, memo };
                    self.machine.current = Some(current);
                }
            }
            Event::Poked { task } => {
                let found = self.machine.current.as_ref().and_then(|current| match &current.doing {
                    Doing::Later { task: waiting, memo, .. } if *waiting == task => Some(memo.clone()),
                    _ => None,
                });
                if let Some(memo) = found {
                    self.look_again(memo);
                }
            }
            Event::Fired { timer } => self.fired(timer),
            Event::Cancel => self.cancel(),
            Event::Complete => self.complete(),
            signal => return self.signal(signal),
        }
        Ok(())
    }

    fn of_task(&mut self, number: u64) -> Option<Box<Current>> {
        self.machine.current.take_if(|current| matches!(&current.doing, Doing::Task { task, .. } if *task == number))
    }

    fn look_again(&mut self, memo: serde_json::Value) {
        let task = self.machine.number();
        let Some(current) = self.machine.current.as_mut() else { return };
        current.doing = Doing::Task { task, memo: Some(memo.clone()) };
        self.effects.push(Effect::Perform(Box::new(Task::of(current, task, Some(memo)))));
    }

    fn fired(&mut self, timer: u64) {
        if self.machine.cancelling == Some(timer) {
            if let Some(current) = self.machine.current.take() {
                self.stop(*current);
            }
            return self.end_as(Status::Cancelled);
        }
        let depth = self.machine.frames.iter().position(|frame| frame.looping.as_ref().is_some_and(|looping| looping.timeout == Some(timer)));
        if let Some(depth) = depth {
            return self.loop_timed_out(depth);
        }
        let Some(current) = self.machine.current.take() else { return };
        if current.timeout == Some(timer) {
            self.abandon(&current);
            let failure = timed_out(doing(current.record.action));
            return self.failed(current, failure);
        }
        match &current.doing {
            Doing::Sleeping { timer: own } if *own == timer => self.done(current, Default::default()),
            Doing::Later { timer: own, memo, .. } if *own == timer => {
                let memo = memo.clone();
                self.machine.current = Some(current);
                self.look_again(memo);
            }
            _ => self.machine.current = Some(current),
        }
    }

    /// AWS: unverified: the step that is being done is waited for, one that waits for a person is not.
    fn complete(&mut self) {
        self.machine.completing = true;
        let waits = match &self.machine.current {
            None => true,
            Some(current) => matches!(current.doing, Doing::Approving(_) | Doing::Paused | Doing::Sleeping { .. }),
        };
        if waits {
            if let Some(current) = self.machine.current.take() {
                self.stop(*current);
            }
            self.end();
        }
    }

    pub fn abandon(&mut self, current: &Current) {
        let (number, memo) = match &current.doing {
            Doing::Task { task, memo } => (*task, memo.clone()),
            Doing::Later { task, memo, .. } => (*task, Some(memo.clone())),
            _ => return,
        };
        self.effects.push(Effect::Abandon(Box::new(Task::of(current, number, memo))));
    }
}
