//! The effects of one step, sorted.

use cloudlet_asl::machine::{Call, Effect, Failure, HistoryEvent, MapRunRequest, Output, Status};
use serde_json::{Value, json};

#[derive(Default)]
pub struct Effects {
    pub history: Vec<HistoryEvent>,
    pub calls: Vec<Call>,
    pub cancelled: Vec<u64>,
    pub timers: Vec<(u64, i64)>,
    pub map_runs: Vec<MapRunRequest>,
    pub cancelled_runs: Vec<u64>,
    /// The machine is to be stepped again.
    pub again: bool,
    pub ended: Option<Ended>,
}

pub struct Ended {
    pub status: Status,
    pub output: Option<Output>,
    pub failure: Option<Failure>,
}

impl From<Vec<Effect>> for Effects {
    fn from(all: Vec<Effect>) -> Effects {
        let mut effects = Effects::default();
        for effect in all {
            match effect {
                Effect::Call(call) => effects.calls.push(call),
                Effect::Cancel { task } => effects.cancelled.push(task),
                Effect::Timer { timer, due } => effects.timers.push((timer, due)),
                Effect::History(event) => effects.history.push(event),
                Effect::MapRun(request) => effects.map_runs.push(*request),
                Effect::CancelMapRun { run } => effects.cancelled_runs.push(run),
                Effect::Continue => effects.again = true,
                Effect::Ended { status, output, failure } => effects.ended = Some(Ended { status, output, failure }),
            }
        }
        effects
    }
}

/// An event in the neutral JSON of the API's HistoryEvent.
pub fn event_json(event: &HistoryEvent) -> Value {
    let mut out = json!({
        "timestamp": event.timestamp as f64 / 1000.0,
        "type": event.kind,
        "id": event.id,
        "previousEventId": event.previous,
    });
    if let (Some(fields), Some((name, details))) = (out.as_object_mut(), &event.details) {
        fields.insert((*name).to_owned(), details.clone());
    }
    out
}
