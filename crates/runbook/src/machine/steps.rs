//! Steps begun, done and failed.

use super::{
    approval::Approval,
    events::{Done, Effect, Task},
    failures::{Failure, Stage, doing, failed, too_large, unresolved},
    run::Run,
    state::{Current, Doing, MOST_RECORDS, Machine, Parent, StepRecord},
    status::Status,
};
use crate::{
    definition::{Action, Body, Step, choice::Undecided},
    template::{Unresolved, resolve},
    time,
};
use serde_json::{Map, Value};

/// A failure with inputs that have no values.
pub(super) fn of_unresolved(why: Unresolved) -> Failure {
    match why {
        Unresolved::Unknown(name) => unresolved(&name),
        Unresolved::TooLarge => too_large(),
    }
}

pub(super) fn of_undecided(why: Undecided, action: Action) -> Failure {
    match why {
        Undecided::Unresolved(why) => of_unresolved(why),
        Undecided::Wrong(text) => failed(doing(action), &text, Stage::Invocation, "Action"),
    }
}

impl Machine {
    pub(super) fn resolved(&self, value: &Value, now: i64) -> Result<Value, Unresolved> {
        resolve(value, &|name| self.value(name, now))
    }
}

impl Run<'_> {
    pub fn enter(&mut self, name: &str) {
        let Some(step) = self.find(name) else { return self.end() };
        self.machine.records += 1;
        let record = StepRecord {
            number: self.machine.records,
            step: step.name.clone(),
            action: step.action,
            status: Status::InProgress,
            started: self.now,
            ended: None,
            inputs: Map::new(),
            outputs: Map::new(),
            response: None,
            response_code: None,
            failure: None,
            parent: self.parent(),
            timeout_seconds: None,
        };
        if let Some(frame) = self.frame() {
            frame.at = Some(step.name.clone());
        }
        self.set_status(Status::InProgress);
        let current = Box::new(Current { record, attempt: 1, timeout: None, doing: Doing::Paused });
        if self.machine.records > MOST_RECORDS {
            let what = format!("The automation has done {MOST_RECORDS} steps");
            return self.fail_for_good(current, failed(doing(step.action), &what, Stage::Invocation, "Action"));
        }
        self.attempt(step, current);
    }

    fn parent(&self) -> Option<Parent> {
        let looping = self.machine.frames.last()?.looping.as_ref()?;
        let value = looping.item().map(crate::types::shown);
        Some(Parent { number: looping.record.number, step: looping.record.step.clone(), iteration: looping.iteration, value })
    }

    fn attempt(&mut self, step: &Step, mut current: Box<Current>) {
        let inputs = match self.inputs(step) {
            Ok(inputs) => inputs,
            Err(failure) => return self.fail_for_good(current, failure),
        };
        current.record.inputs = inputs;
        match self.seconds(step) {
            Ok(None) => {}
            Ok(Some(seconds)) => {
                current.record.timeout_seconds = Some(seconds);
                // The steps of a cancellation have its time, and a branch takes none.
                if !matches!(step.action, Action::Branch | Action::UpdateVariable) {
                    current.timeout = Some(self.timer(self.now.saturating_add(seconds.saturating_mul(1000))));
                }
            }
            Err(failure) => return self.fail_for_good(current, failure),
        }
        match step.action {
            Action::Branch => self.branch(step, current),
            Action::UpdateVariable => self.update_variable(current),
            Action::Sleep => self.sleep(current),
            Action::Pause => self.wait(current, Doing::Paused),
            Action::Approve => match Approval::of(&current.record.inputs) {
                Ok(approval) => {
                    self.effects.extend(approval.notice(&current.record.step, &current.record.inputs).map(|notice| Effect::Notify(Box::new(notice))));
                    current.record.outputs = approval.outputs("Waiting");
                    self.wait(current, Doing::Approving(approval));
                }
                Err(what) => {
                    let failure = failed("validating and resolving the step inputs", &what, Stage::InputValidation, "Verification");
                    self.fail_for_good(current, failure);
                }
            },
            Action::Loop => self.begin_loop(step, current),
            _ => {
                let task = self.machine.number();
                current.doing = Doing::Task { task, memo: None };
                self.show(&current.record);
                self.effects.push(Effect::Perform(Box::new(Task::of(&current, task, None))));
                self.machine.current = Some(current);
            }
        }
    }

    /// The inputs with the values of their variables. Those of branches and loops are looked at when they are needed.
    fn inputs(&self, step: &Step) -> Result<Map<String, Value>, Failure> {
        let mut out = Map::new();
        for (name, value) in &step.inputs {
            let later = match &step.body {
                Body::Branch { .. } => true,
                Body::Loop(_) => matches!(name.as_str(), "Steps" | "LoopCondition"),
                Body::Plain => step.action == Action::UpdateVariable && name == "Name",
            };
            let value = if later { value.clone() } else { self.machine.resolved(value, self.now).map_err(of_unresolved)? };
            out.insert(name.clone(), value);
        }
        Ok(out)
    }

    fn seconds(&self, step: &Step) -> Result<Option<i64>, Failure> {
        let description = step.action.describe();
        let (usual, longest) = description.map_or((None, None), |known| (known.timeout, known.longest));
        let own = match &step.timeout_seconds {
            None => None,
            Some(value) => {
                let value = self.machine.resolved(value, self.now).map_err(of_unresolved)?;
                let text = crate::types::shown(&value);
                let seconds = text.trim().parse::<i64>().ok().filter(|seconds| *seconds > 0);
                Some(seconds.ok_or_else(|| {
                    let what = format!("timeoutSeconds is not a positive integer: {text}");
                    failed("validating and resolving the step inputs", &what, Stage::InputValidation, "Verification")
                })?)
            }
        };
        Ok(own.or(usual).map(|seconds| longest.map_or(seconds, |longest| seconds.min(longest))))
    }

    fn wait(&mut self, mut current: Box<Current>, doing: Doing) {
        current.doing = doing;
        current.record.status = Status::Waiting;
        self.show(&current.record);
        self.machine.current = Some(current);
        self.set_status(Status::Waiting);
    }

    fn branch(&mut self, step: &Step, current: Box<Current>) {
        let Body::Branch { choices, default } = &step.body else { return self.done(current, Done::default()) };
        let mut chosen = None;
        for choice in choices {
            match choice.condition.holds(&|name| self.machine.value(name, self.now)) {
                Ok(true) => {
                    chosen = Some(choice.next.clone());
                    break;
                }
                Ok(false) => {}
                Err(why) => {
                    let failure = of_undecided(why, step.action);
                    return self.failed(current, failure);
                }
            }
        }
        let next = chosen.or_else(|| default.clone()).or_else(|| self.after(step));
        self.succeed(*current, Map::new());
        self.follow(next);
    }

    fn update_variable(&mut self, current: Box<Current>) {
        let name = current.record.inputs.get("Name").and_then(Value::as_str).and_then(|name| name.strip_prefix("variable:")).unwrap_or_default();
        let value = current.record.inputs.get("Value").cloned().unwrap_or_default();
        let of = self.runbook.variables.get(name).map(|variable| variable.of);
        match of.and_then(|of| if of.fits(&value) { Some(value.clone()) } else { of.convert(value.clone()) }) {
            Some(value) => {
                self.machine.variables.insert(name.to_owned(), value);
                self.done(current, Done::default());
            }
            None => {
                let wanted = of.map_or("", crate::types::Type::name);
                let what = format!("The value of variable:{name} must be of type {wanted}: {}", crate::types::shown(&value));
                let failure = failed(doing(Action::UpdateVariable), &what, Stage::Invocation, "Action");
                self.failed(current, failure);
            }
        }
    }

    fn sleep(&mut self, mut current: Box<Current>) {
        let text = |name: &str| current.record.inputs.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
        let due = match (text("Duration"), text("Timestamp")) {
            (Some(duration), _) => time::duration(&duration).map(|millis| self.now.saturating_add(millis)),
            (None, Some(instant)) => time::instant(&instant),
            (None, None) => None,
        };
        let due = due.filter(|due| *due <= self.now.saturating_add(time::LONGEST_SLEEP));
        let Some(due) = due else {
            let what = "Duration or Timestamp is not valid, or further away than 604799 seconds";
            let failure = failed("validating and resolving the step inputs", what, Stage::InputValidation, "Verification");
            return self.fail_for_good(current, failure);
        };
        if due <= self.now {
            return self.done(current, Done::default());
        }
        let timer = self.timer(due);
        current.doing = Doing::Sleeping { timer };
        self.show(&current.record);
        self.machine.current = Some(current);
    }

    /// A step is done.
    pub fn done(&mut self, mut current: Box<Current>, done: Done) {
        let Some(step) = self.find(&current.record.step) else { return self.end() };
        let outputs = match super::outputs::outputs(step, &done) {
            Ok(outputs) => outputs,
            Err(failure) => return self.failed(current, failure),
        };
        current.record.response = done.response;
        current.record.response_code = done.response_code;
        self.succeed(*current, outputs);
        let next = self.after(step);
        self.follow(next);
    }

    pub fn succeed(&mut self, current: Current, outputs: Map<String, Value>) {
        let mut record = current.record;
        record.status = Status::Success;
        record.ended = Some(self.now);
        if !outputs.is_empty() {
            record.outputs = outputs;
        }
        self.machine.outputs.insert(record.step.clone(), record.outputs.clone());
        self.show(&record);
    }

    /// An attempt failed: there may be others.
    pub fn failed(&mut self, mut current: Box<Current>, failure: Failure) {
        let Some(step) = self.find(&current.record.step) else { return self.end() };
        if current.attempt < step.max_attempts && !matches!(step.action, Action::Approve | Action::Loop) {
            current.attempt += 1;
            current.timeout = None;
            return self.attempt(step, current);
        }
        self.fail_for_good(current, failure);
    }

    fn fail_for_good(&mut self, mut current: Box<Current>, failure: Failure) {
        let Some(step) = self.find(&current.record.step) else { return self.end() };
        let record = &mut current.record;
        record.status = failure.status;
        record.ended = Some(self.now);
        record.failure = Some(failure.clone());
        if record.action != Action::Approve {
            record.outputs = Map::new();
        }
        self.effects.push(Effect::Step(Box::new(current.record)));
        self.give_up(step, failure);
    }
}
