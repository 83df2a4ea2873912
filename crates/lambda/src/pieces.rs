//! An answer in pieces, from the environment that writes it to whoever reads it.

use crate::outcomes::Outcome;
use bytes::Bytes;
use cloudlet_aws::Fault;
use tokio::sync::mpsc;

/// Pieces that wait for a slow reader.
const WAITING: usize = 16;

/// A part of an answer, in their order: one head, bytes, one end.
pub enum Piece {
    /// The type that the code says its answer has.
    Head(Option<String>),
    Bytes(Bytes),
    End(Outcome),
}

/// Where an answer goes while it is written. Whoever reads it may be gone: the function goes on.
#[derive(Clone)]
pub struct Sink(mpsc::Sender<Result<Piece, Fault>>);

impl Sink {
    pub async fn head(&self, kind: Option<String>) {
        let _ = self.0.send(Ok(Piece::Head(kind))).await;
    }

    pub async fn end(&self, outcome: Result<Outcome, Fault>) {
        let _ = self.0.send(outcome.map(Piece::End)).await;
    }

    pub async fn bytes(&self, bytes: Bytes) {
        if !bytes.is_empty() {
            let _ = self.0.send(Ok(Piece::Bytes(bytes))).await;
        }
    }
}

/// An answer as it arrives.
pub struct Pieces {
    first: Option<Piece>,
    rest: mpsc::Receiver<Result<Piece, Fault>>,
    pub executed: String,
}

impl Pieces {
    /// Waits until there is something, or the fault for which there is nothing.
    pub async fn begin(mut rest: mpsc::Receiver<Result<Piece, Fault>>, executed: String) -> Result<Pieces, Fault> {
        match rest.recv().await {
            Some(first) => Ok(Pieces { first: Some(first?), rest, executed }),
            None => Err(Fault::internal("a function was lost")),
        }
    }

    /// `None`: after the end, or if the function was lost.
    pub async fn next(&mut self) -> Option<Piece> {
        match self.first.take() {
            Some(piece) => Some(piece),
            None => self.rest.recv().await?.ok(),
        }
    }
}

/// A new way from one to the other.
pub fn channel() -> (Sink, mpsc::Receiver<Result<Piece, Fault>>) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (Sink(sender), receiver)
}
