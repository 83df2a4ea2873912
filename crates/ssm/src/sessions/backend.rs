//! What is at the node's end of a session: a program, or connections. It has tasks of its own; these are the queues between.

use bytes::Bytes;
use cloudlet_engine::TerminalSize;
use cloudlet_session_channel::PayloadKind;
use tokio::{sync::mpsc, task::JoinSet};

/// Pieces of input and output that wait.
const QUEUE: usize = 64;

pub enum Input {
    Data(Bytes),
    Size(TerminalSize),
    Flag(u32),
}

#[derive(Debug)]
pub enum Output {
    Data(PayloadKind, Bytes),
    Ended(Ending),
}

/// How a session ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    pub failed: bool,
    /// What the client is told.
    pub message: String,
}

impl Ending {
    pub fn failed(message: impl Into<String>) -> Ending {
        Ending { failed: true, message: message.into() }
    }

    pub fn told(message: impl Into<String>) -> Ending {
        Ending { failed: false, message: message.into() }
    }
}

pub struct Backend {
    pub input: mpsc::Sender<Input>,
    pub output: mpsc::Receiver<Output>,
    /// Dropped, they stop, and what they hold is killed.
    pub tasks: JoinSet<()>,
}

impl Backend {
    pub fn new() -> (Backend, mpsc::Receiver<Input>, mpsc::Sender<Output>) {
        let (input, inputs) = mpsc::channel(QUEUE);
        let (outputs, output) = mpsc::channel(QUEUE);
        (Backend { input, output, tasks: JoinSet::new() }, inputs, outputs)
    }

    /// Whether more input can be taken now.
    pub fn is_ready(&self) -> bool {
        self.input.capacity() > 0
    }
}
