//! One execution between two steps: what is written down.

use super::{
    approval::Approval,
    failures::Failure,
    status::{Status, StepStatus},
};
use crate::definition::Action;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Milliseconds that the steps after a cancellation may take.
pub(super) const LONGEST_CANCELLATION: i64 = 120_000;
/// Steps done in one execution, those of loops counted each time. AWS: unverified.
pub(super) const MOST_RECORDS: u64 = 10_000;

/// What an execution is, beside its document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct About {
    pub id: String,
    pub account: String,
    pub region: String,
    pub partition: String,
    /// The target of a child of a rate-controlled automation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
}

/// One execution between two steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    pub(super) about: About,
    pub(super) interactive: bool,
    pub(super) parameters: Map<String, Value>,
    pub(super) variables: Map<String, Value>,
    pub(super) status: Status,
    /// By the names of steps. `null`: the answer had nothing there.
    pub(super) outputs: BTreeMap<String, Map<String, Value>>,
    /// The main list, and the loops that are under way.
    pub(super) frames: Vec<Frame>,
    pub(super) current: Option<Box<Current>>,
    pub(super) next_number: u64,
    pub(super) records: u64,
    /// The failure of the first step whose failure counts.
    pub(super) failure: Option<Failure>,
    /// The timer of the steps after a cancellation.
    pub(super) cancelling: Option<u64>,
    /// It ends with the step that is being done.
    pub(super) completing: bool,
}

/// What is shown of a step that was begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// From 1, in the order in which steps were begun.
    pub number: u64,
    pub step: String,
    pub action: Action,
    pub status: StepStatus,
    pub started: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<i64>,
    /// With the values of variables.
    pub inputs: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub outputs: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<i64>,
}

/// The loop that a step is in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parent {
    pub number: u64,
    pub step: String,
    pub iteration: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Frame {
    /// The step that is done in it, or that is to be begun.
    pub at: Option<String>,
    pub looping: Option<Box<Looping>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Looping {
    pub record: StepRecord,
    /// Of a loop that does its steps for each.
    pub items: Option<Vec<Value>>,
    /// From 1.
    pub iteration: i64,
    pub most: i64,
    pub timeout: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Current {
    pub record: StepRecord,
    /// From 1.
    pub attempt: u32,
    pub timeout: Option<u64>,
    pub doing: Doing,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Doing {
    /// Somebody performs it.
    Task {
        task: u64,
        memo: Option<Value>,
    },
    /// It is performed again when the timer fires.
    Later {
        task: u64,
        timer: u64,
        memo: Value,
    },
    Approving(Approval),
    Paused,
    Sleeping {
        timer: u64,
    },
}

impl Doing {
    pub fn timer(&self) -> Option<u64> {
        match self {
            Doing::Later { timer, .. } | Doing::Sleeping { timer } => Some(*timer),
            _ => None,
        }
    }
}

impl Machine {
    pub(super) fn new(about: About, interactive: bool, parameters: Map<String, Value>, variables: Map<String, Value>) -> Machine {
        Machine {
            about,
            interactive,
            parameters,
            variables,
            status: Status::InProgress,
            outputs: BTreeMap::new(),
            frames: vec![Frame::default()],
            current: None,
            next_number: 1,
            records: 0,
            failure: None,
            cancelling: None,
            completing: false,
        }
    }

    pub(super) fn number(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        number
    }
}
