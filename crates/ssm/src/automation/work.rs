//! What an action works on, and how it went.

use super::{
    acting::Acting,
    call::{self, CallProblem},
    state::Execution,
};
use crate::Ssm;
use cloudlet_engine::Cx;
use cloudlet_runbook::{
    machine::{Done, Failure, Stage, Task, doing, failed},
    types::{boolean, shown},
};
use serde_json::{Map, Value};
use std::sync::Arc;

/// How an action went.
pub enum Outcome {
    Done(Box<Done>),
    Failed(Box<Failure>),
    /// It is to be looked at again later.
    Again(Value),
}

impl Outcome {
    pub fn done(done: Done) -> Outcome {
        Outcome::Done(Box::new(done))
    }

    pub fn failed(failure: Failure) -> Outcome {
        Outcome::Failed(Box::new(failure))
    }
}

/// What an action works on.
pub struct Work<'w> {
    pub ssm: &'w Ssm,
    pub cx: &'w Cx,
    pub id: &'w Arc<str>,
    pub execution: &'w Execution,
    pub task: &'w Task,
    pub acting: Acting,
}

impl Work<'_> {
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.task.inputs.get(name).filter(|value| !value.is_null())
    }

    /// A text that is not empty.
    pub fn text(&self, name: &str) -> Option<String> {
        self.value(name).map(shown).filter(|text| !text.is_empty())
    }

    /// A list, also where there is one text.
    pub fn texts(&self, name: &str) -> Vec<String> {
        match self.value(name) {
            Some(Value::Array(items)) => items.iter().map(shown).filter(|text| !text.is_empty()).collect(),
            Some(Value::String(text)) if text.trim_start().starts_with('[') => serde_json::from_str(text).unwrap_or_else(|_| vec![text.clone()]),
            Some(other) => Some(shown(other)).filter(|text| !text.is_empty()).into_iter().collect(),
            None => Vec::new(),
        }
    }

    pub fn flag(&self, name: &str) -> Option<bool> {
        self.text(name).as_deref().and_then(boolean)
    }

    pub fn number(&self, name: &str) -> Option<i64> {
        self.text(name).and_then(|text| text.trim().parse().ok())
    }

    /// What was noted when it was looked at last.
    pub fn memo(&self, name: &str) -> Option<&Value> {
        self.task.memo.as_ref()?.get(name)
    }

    pub async fn call(&self, of: &str, api: &str, input: &Value) -> Result<Value, CallProblem> {
        call::call(self.cx, &self.acting.caller, &self.execution.scope, of, api, input).await
    }

    /// A failure of what the step is doing.
    pub fn fails(&self, what: &str) -> Outcome {
        Outcome::failed(failed(doing(self.task.action), what, Stage::Invocation, "Action"))
    }

    pub fn refused(&self, problem: &CallProblem) -> Outcome {
        Outcome::failed(failed("Execute/Cancelling action", &problem.text(), Stage::Invocation, problem.kind()))
    }

    pub fn done(outputs: Value, answer: Option<Value>) -> Outcome {
        let outputs = if let Value::Object(outputs) = outputs { outputs } else { Map::new() };
        Outcome::done(Done { outputs, answer, ..Done::default() })
    }
}
