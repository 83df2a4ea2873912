//! Loops: `do while` and `for each`.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-loop.html>

use super::{
    failures::{Failure, Stage, doing, failed, timed_out},
    run::Run,
    state::{Current, Frame, Looping},
    steps::of_undecided,
};
use crate::definition::{Action, Body, MOST_ITERATIONS, Step};
use serde_json::{Map, Value};

impl Looping {
    pub fn item(&self) -> Option<&Value> {
        let index = usize::try_from(self.iteration - 1).ok()?;
        self.items.as_ref()?.get(index)
    }

    fn outputs(&self) -> Map<String, Value> {
        let mut out = Map::new();
        out.insert("CurrentIteration".to_owned(), self.iteration.into());
        out.extend(self.item().map(|item| ("CurrentIteratorValue".to_owned(), item.clone())));
        out
    }
}

impl<'a> Run<'a> {
    pub fn begin_loop(&mut self, step: &Step, current: Box<Current>) {
        let inputs = &current.record.inputs;
        let wrong = |what: &str| failed("validating and resolving the step inputs", what, Stage::InputValidation, "Verification");
        let items = match inputs.get("Iterators") {
            None | Some(Value::Null) => None,
            Some(Value::Array(items)) => Some(items.clone()),
            // A list as text.
            Some(Value::String(text)) => match serde_json::from_str::<Vec<Value>>(text) {
                Ok(items) => Some(items),
                Err(_) if text.is_empty() => Some(Vec::new()),
                Err(_) => Some(vec![Value::String(text.clone())]),
            },
            Some(other) => Some(vec![other.clone()]),
        };
        let most = inputs.get("MaxIterations").map(crate::types::shown).map(|text| text.trim().parse::<i64>().ok());
        let most = match most {
            None => MOST_ITERATIONS,
            Some(Some(most)) if (1..=MOST_ITERATIONS).contains(&most) => most,
            Some(_) => return self.failed(current, wrong("MaxIterations must be between 1 and 100")),
        };
        if items.as_ref().is_some_and(|items| i64::try_from(items.len()).unwrap_or(i64::MAX) > MOST_ITERATIONS) {
            return self.failed(current, wrong("Iterators can have 100 items at most"));
        }
        let first = step.inner().first().map(|step| step.name.clone());
        let is_empty = items.as_ref().is_some_and(Vec::is_empty);
        let looping = Looping { record: current.record.clone(), items, iteration: 1, most, timeout: current.timeout };
        self.show(&looping.record);
        if is_empty || first.is_none() {
            let after = self.after(step);
            self.succeed(*current, Map::new());
            return self.follow(after);
        }
        self.machine.frames.push(Frame { at: None, looping: Some(Box::new(looping)) });
        self.follow(first);
    }

    /// The steps of a list have been done.
    pub fn end_of_list(&mut self) {
        let Some(looping) = self.machine.frames.last().and_then(|frame| frame.looping.as_ref()) else { return self.end() };
        let (iteration, most) = (looping.iteration, looping.most);
        let name = looping.record.step.clone();
        let total = looping.items.as_ref().map(|items| i64::try_from(items.len()).unwrap_or(i64::MAX));
        let steps = self.steps_at(self.machine.frames.len() - 1);
        let Some(Body::Loop(of)) = steps.iter().find(|step| step.name == name).map(|step| &step.body) else { return self.end() };
        let again = match (&of.condition, total) {
            (_, Some(total)) => Ok(iteration < total.min(most)),
            (Some(condition), None) => condition.holds(&|name| self.machine.value(name, self.now)).map(|holds| holds && iteration < most),
            (None, None) => Ok(false),
        };
        match again {
            Ok(true) => {
                if let Some(looping) = self.frame().and_then(|frame| frame.looping.as_mut()) {
                    looping.iteration += 1;
                }
                let first = of.steps.first().map(|step| step.name.clone());
                self.follow(first);
            }
            Ok(false) => {
                let Some((step, current)) = self.leave_loop() else { return self.end() };
                let outputs = current.record.outputs.clone();
                self.succeed(current, outputs);
                let next = self.after(step);
                self.follow(next);
            }
            Err(why) => {
                let failure = of_undecided(why, Action::Loop);
                self.fail_loop(failure);
            }
        }
    }

    /// The innermost loop is over: its step, as it would stand without a loop.
    fn leave_loop(&mut self) -> Option<(&'a Step, Current)> {
        let looping = self.machine.frames.pop()?.looping?;
        let step = self.find(&looping.record.step)?;
        let outputs = looping.outputs();
        let mut record = looping.record;
        record.outputs = outputs;
        Some((step, Current { record, attempt: 1, timeout: None, doing: super::state::Doing::Paused }))
    }

    /// The innermost loop is over, and has succeeded. False: there is none.
    pub fn succeed_loop(&mut self) -> bool {
        let Some((_, current)) = self.leave_loop() else { return false };
        let outputs = current.record.outputs.clone();
        self.succeed(current, outputs);
        true
    }

    /// A step in the innermost loop has failed, and with it the loop.
    pub fn fail_loop(&mut self, failure: Failure) {
        let Some((step, mut current)) = self.leave_loop() else { return self.end() };
        current.record.status = failure.status;
        current.record.ended = Some(self.now);
        current.record.failure = Some(failure.clone());
        self.show(&current.record);
        self.give_up(step, failure);
    }

    pub fn loop_timed_out(&mut self, depth: usize) {
        if let Some(current) = self.machine.current.take() {
            self.stop(*current);
        }
        // Loops in it end with it.
        while self.machine.frames.len() > depth + 1 {
            let Some(looping) = self.machine.frames.pop().and_then(|frame| frame.looping) else { break };
            let mut record = looping.record;
            record.status = super::status::Status::Cancelled;
            record.ended = Some(self.now);
            self.show(&record);
        }
        self.fail_loop(timed_out(doing(Action::Loop)));
    }
}
