//! History events, as GetExecutionHistory shows them.

use super::{
    events::{Effect, HistoryEvent, Output},
    payload::{failure_details, payload_text},
    run::Run,
    state::{Failure, Status},
};
use serde_json::{Map, Value};

/// AWS: the event that would be the 25,000th is ExecutionFailed.
const MOST_EVENTS: u64 = 25_000;

impl Run<'_> {
    /// Records an event and gives its id.
    pub(super) fn record(&mut self, kind: impl Into<String>, previous: u64, details: Option<(&'static str, Map<String, Value>)>) -> u64 {
        if self.overflows() {
            return self.machine.last_event;
        }
        self.push_event(kind.into(), previous, details)
    }

    pub(super) fn overflows(&self) -> bool {
        !self.machine.execution.express && self.machine.last_event >= MOST_EVENTS - 1
    }

    fn push_event(&mut self, kind: String, previous: u64, details: Option<(&'static str, Map<String, Value>)>) -> u64 {
        self.machine.last_event += 1;
        let details = details.map(|(name, details)| (name, Value::Object(details)));
        let id = self.machine.last_event;
        self.effects.push(Effect::History(HistoryEvent { id, previous, timestamp: self.now, kind, details }));
        id
    }

    /// The same on a thread, whose last event precedes it.
    pub(super) fn record_on(&mut self, thread: u64, kind: impl Into<String>, details: Option<(&'static str, Map<String, Value>)>) -> u64 {
        let previous = self.previous(thread);
        let id = self.record(kind, previous, details);
        if let Some(thread) = self.machine.threads.get_mut(&thread) {
            thread.previous = id;
        }
        id
    }

    /// Ends the execution.
    pub(super) fn end(&mut self, status: Status, previous: u64, output: Option<Output>, failure: Option<Failure>) {
        if self.machine.status != Status::Running {
            return;
        }
        let (kind, member) = match status {
            Status::Succeeded => ("ExecutionSucceeded", "executionSucceededEventDetails"),
            Status::Failed | Status::Running => ("ExecutionFailed", "executionFailedEventDetails"),
            Status::TimedOut => ("ExecutionTimedOut", "executionTimedOutEventDetails"),
            Status::Aborted => ("ExecutionAborted", "executionAbortedEventDetails"),
        };
        let details = match (&output, &failure) {
            (Some(output), _) => payload_text("output", output.clone().into_text().to_string()),
            (None, Some(failure)) => failure_details(failure),
            (None, None) => Map::new(),
        };
        self.push_event(kind.to_owned(), previous, Some((member, details)));
        self.machine.status = status;
        self.machine.ready.clear();
        self.machine.failure.clone_from(&failure);
        self.effects.push(Effect::Ended { status, output, failure });
    }
}
