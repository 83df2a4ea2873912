//! What an environment's code is given, and what it says: the words between the Runtime API and whoever waits for an answer.

use bytes::Bytes;
use cloudlet_engine::WorkerEnd;
use tokio::sync::mpsc;

/// An event for the environment's code.
#[derive(Clone, Debug, Default)]
pub struct Job {
    pub request_id: String,
    pub function_arn: String,
    pub version: String,
    pub payload: Bytes,
    /// Milliseconds since 1970, by the machine's clock.
    pub deadline: i64,
    pub trace: Option<String>,
    pub client_context: Option<String>,
}

/// What the environment's code says.
#[derive(Debug)]
pub enum Said {
    /// It asks for an event.
    Ready,
    Response(Bytes),
    Error(Bytes),
    InitError(Bytes),
    /// It begins to answer, and goes on.
    Stream(Answering),
    /// It answered with more than AWS passes on.
    TooLarge(usize),
    /// Its process is over, those of extensions are not.
    Exited(WorkerEnd),
}

/// An answer that the code is writing.
#[derive(Debug)]
pub struct Answering {
    pub kind: Option<String>,
    pub pieces: mpsc::Receiver<AnswerPiece>,
}

#[derive(Debug)]
pub enum AnswerPiece {
    Bytes(Bytes),
    /// The last: an error, as the trailing fields told it.
    Failed(Bytes),
    End,
}
