//! What happens to an execution, and what it wants done.

use super::{
    approval::Notice,
    failures::Failure,
    state::{Current, StepRecord},
    status::Status,
};
use crate::{approvals::Principal, definition::Action};
use serde_json::{Map, Value};

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A task is done.
    Done {
        task: u64,
        done: Box<Done>,
    },
    Failed {
        task: u64,
        failure: Box<Failure>,
    },
    /// A task goes on: it is to be asked for again after so many milliseconds, with this memo.
    Again {
        task: u64,
        memo: Value,
        after: i64,
    },
    /// What a task waits for has happened: it is asked for again at once.
    Poked {
        task: u64,
    },
    Fired {
        timer: u64,
    },
    Approve {
        by: Principal,
        comment: Option<String>,
    },
    Reject {
        by: Principal,
        comment: Option<String>,
    },
    /// An approval is taken back.
    Revoke {
        by: Principal,
    },
    Resume {
        step: Option<String>,
    },
    StartStep {
        step: Option<String>,
    },
    /// By the number of its record.
    StopStep {
        number: u64,
    },
    Cancel,
    Complete,
}

impl Event {
    pub fn is_signal(&self) -> bool {
        !matches!(self, Event::Done { .. } | Event::Failed { .. } | Event::Again { .. } | Event::Poked { .. } | Event::Fired { .. })
    }
}

/// Why a signal changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignalProblem {
    Over,
    /// No step waits for it.
    NotWaited,
    NotApprover,
    /// A step that cannot be started, or is not the one that waits.
    Step(String),
}

/// How a task ended well.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    /// The outputs that the action has by itself.
    pub outputs: Map<String, Value>,
    /// What selectors look into.
    pub answer: Option<Value>,
    /// What they look into when there is nothing: the payload of a function.
    pub inner: Option<Value>,
    pub response: Option<String>,
    pub response_code: Option<String>,
}

/// A step that is to be performed. What comes back names its number.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    pub number: u64,
    pub step: String,
    pub action: Action,
    pub inputs: Map<String, Value>,
    /// From 1.
    pub attempt: u32,
    /// When the attempt began.
    pub timeout_seconds: Option<i64>,
    /// What was noted when it was to be looked at again.
    pub memo: Option<Value>,
}

impl Task {
    pub(super) fn of(current: &Current, number: u64, memo: Option<Value>) -> Task {
        let record = &current.record;
        Task {
            number,
            step: record.step.clone(),
            action: record.action,
            inputs: record.inputs.clone(),
            attempt: current.attempt,
            timeout_seconds: record.timeout_seconds,
            memo,
        }
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Perform(Box<Task>),
    /// A task is not waited for any more: what it started is to be stopped.
    Abandon(Box<Task>),
    Timer {
        timer: u64,
        due: i64,
    },
    /// What a step is now.
    Step(Box<StepRecord>),
    Notify(Box<Notice>),
    Status(Status),
    /// It is over.
    Ended {
        status: Status,
        failure: Option<Box<Failure>>,
    },
}
