//! Events for functions, and what becomes of them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use cloudlet_engine::WorkerEnd;

/// Bytes of a log that an answer shows.
const TAIL: usize = 4_096;

/// An event and what came with it.
pub struct Event {
    pub request_id: String,
    pub payload: Bytes,
    pub client_context: Option<String>,
    pub trace: Option<String>,
}

/// What became of an event.
pub struct Outcome {
    pub payload: Bytes,
    /// Whether the function failed. AWS calls every failure `Unhandled`.
    pub failed: bool,
    /// Empty where only the answer was waited for.
    pub log: String,
    pub executed: String,
}

impl Outcome {
    /// The end of the log, as answers show it.
    pub fn log_tail(&self) -> String {
        let bytes = self.log.as_bytes();
        STANDARD.encode(bytes.get(bytes.len().saturating_sub(TAIL)..).unwrap_or_default())
    }
}

/// How an event ended.
pub enum End {
    Response(Bytes),
    Error(Bytes),
    TooLarge(usize),
    TimedOut,
    Exited(WorkerEnd),
}
