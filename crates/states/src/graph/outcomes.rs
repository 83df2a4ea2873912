//! What became of each state, from the history of its execution.

use crate::state::Status;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Running,
    Succeeded,
    /// It failed, and a catcher led on.
    Caught,
    Failed,
    Aborted,
}

impl Outcome {
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Running => "running",
            Outcome::Succeeded => "succeeded",
            Outcome::Caught => "caught",
            Outcome::Failed => "failed",
            Outcome::Aborted => "aborted",
        }
    }
}

/// By the name of the state. A state that was entered several times has the outcome of the last time.
pub fn of(events: &[Value], status: Status) -> BTreeMap<String, Outcome> {
    let mut outcomes: BTreeMap<String, Outcome> = BTreeMap::new();
    // The state that each event belongs to.
    let mut states: HashMap<u64, String> = HashMap::new();
    let mut failed: HashMap<String, bool> = HashMap::new();
    for event in events {
        let number = |name: &str| event.get(name).and_then(Value::as_u64).unwrap_or(0);
        let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
        let name = |details: &str| event.get(details).and_then(|details| details.get("name")).and_then(Value::as_str).map(str::to_owned);
        let own = if kind.ends_with("StateEntered") {
            name("stateEnteredEventDetails")
        } else if kind.ends_with("StateExited") {
            name("stateExitedEventDetails")
        } else {
            states.get(&number("previousEventId")).cloned()
        };
        let Some(state) = own else { continue };
        states.insert(number("id"), state.clone());
        if kind.ends_with("StateEntered") {
            failed.insert(state.clone(), false);
            outcomes.insert(state, Outcome::Running);
        } else if kind.ends_with("StateExited") {
            let caught = failed.get(&state).copied().unwrap_or(false);
            outcomes.insert(state, if caught { Outcome::Caught } else { Outcome::Succeeded });
        } else if kind.ends_with("StateAborted") {
            outcomes.insert(state, Outcome::Aborted);
        } else if kind.ends_with("Failed") || kind.ends_with("TimedOut") {
            failed.insert(state, true);
        } else if kind.ends_with("Succeeded") && !kind.starts_with("Execution") {
            failed.insert(state, false);
        }
    }
    // What was never left ended as the execution did.
    let end = match status {
        Status::Failed | Status::TimedOut => Outcome::Failed,
        Status::Aborted => Outcome::Aborted,
        _ => Outcome::Running,
    };
    outcomes.values_mut().filter(|outcome| **outcome == Outcome::Running).for_each(|outcome| *outcome = end);
    outcomes
}
