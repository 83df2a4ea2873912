//! A program that runs on a node: its terminal or its pipes.

use super::{
    messages::{Failure, Program, Signal, Streams, User},
    running::{End, Running, watched},
};
use bytes::Bytes;
use cloudlet_engine::{Boxed, NodeInput, NodeOutput, NodeProcess, NodeProgram, NodeSignal, NodeUser, TerminalSize, WorkerEnd, WorkerValue};
use rustix::{
    pipe::{PipeFlags, pipe_with},
    pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    sync::Mutex,
};

/// Bytes that are read at once.
const PIECE: usize = 32 << 10;

struct RunningProgram {
    running: Arc<Running>,
    id: u64,
    ended: End,
    /// The terminal, or what its input is read from.
    input: parking_lot::Mutex<Option<Arc<AsyncFd<OwnedFd>>>>,
    is_terminal: bool,
    output: Mutex<Outputs>,
    writing: Mutex<()>,
}

struct Outputs {
    standard: Option<Arc<AsyncFd<OwnedFd>>>,
    error: Option<Arc<AsyncFd<OwnedFd>>>,
}

pub async fn start(running: Arc<Running>, program: NodeProgram) -> Result<Arc<dyn NodeProcess>, String> {
    let (http, server) = running.ports;
    let value = |value: WorkerValue| match value {
        WorkerValue::Text(text) => text,
        WorkerValue::Http => format!("127.0.0.1:{http}"),
        WorkerValue::HttpPath(path) => format!("http://127.0.0.1:{http}{path}"),
        WorkerValue::Server => running.server.clone().unwrap_or_else(|| format!("http://127.0.0.1:{server}")),
        WorkerValue::Within(..) | WorkerValue::Paths(_) | WorkerValue::Aside => String::new(),
    };
    let input = program.input;
    let program = Program {
        program: program.program,
        arguments: program.arguments,
        environment: program.environment.into_iter().map(|(name, of)| (name, value(of))).collect(),
        directory: program.directory,
        user: match program.user {
            NodeUser::Root => User::Root,
            NodeUser::SsmUser => User::SsmUser,
        },
        file: if let NodeInput::File(path) = &input { Some(path.clone()) } else { None },
    };
    let told = |why: Failure| match why {
        Failure::NoTerminal => "the node has no terminals".to_owned(),
        Failure::Other(why) => why,
    };
    if let NodeInput::Terminal(size) = input {
        let streams = Streams::Terminal(size.columns, size.rows);
        let (id, terminal, ended) = match running.start(program.clone(), streams, vec![]).await {
            Ok((id, Some(terminal), ended)) => (id, terminal, ended),
            Ok((_, None, _)) | Err(Failure::NoTerminal) => {
                let (ours, theirs) = terminal_of_machine(size).map_err(|error| format!("no terminal: {error}"))?;
                running.begin_start();
                let (id, _, ended) = running.start(program, Streams::GivenTerminal, vec![theirs]).await.map_err(told)?;
                (id, ours, ended)
            }
            Err(why) => return Err(told(why)),
        };
        let terminal = watched(terminal).map_err(unwatched)?;
        let output = Mutex::new(Outputs { standard: Some(terminal.clone()), error: None });
        let input = parking_lot::Mutex::new(Some(terminal));
        return Ok(Arc::new(RunningProgram { running, id, ended, input, is_terminal: true, output, writing: Mutex::default() }));
    }
    let pipe = || pipe_with(PipeFlags::CLOEXEC).map_err(|error| error.to_string());
    let (their_input, our_input) = pipe()?;
    let (our_output, their_output) = pipe()?;
    let (our_error, their_error) = pipe()?;
    let (id, _, ended) = running.start(program, Streams::Pipes, vec![their_input, their_output, their_error]).await.map_err(told)?;
    let output = Outputs { standard: Some(watched(our_output).map_err(unwatched)?), error: Some(watched(our_error).map_err(unwatched)?) };
    let our_input = if input == NodeInput::Nothing { None } else { Some(watched(our_input).map_err(unwatched)?) };
    let input = parking_lot::Mutex::new(our_input);
    Ok(Arc::new(RunningProgram { running, id, ended, input, is_terminal: false, output: Mutex::new(output), writing: Mutex::default() }))
}

fn unwatched(error: io::Error) -> String {
    format!("the program's streams cannot be used: {error}")
}

/// For a node that has none of its own.
fn terminal_of_machine(size: TerminalSize) -> Result<(OwnedFd, OwnedFd), rustix::io::Errno> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let ours = openpt(flags)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    let theirs = ioctl_tiocgptpeer(&ours, flags)?;
    tcsetwinsize(&ours, of_size(size))?;
    Ok((ours, theirs))
}

fn of_size(size: TerminalSize) -> Winsize {
    Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 }
}

/// The next piece of a stream. Empty: it is over. A terminal that nobody has open answers with an error.
async fn piece(stream: &Option<Arc<AsyncFd<OwnedFd>>>) -> Bytes {
    let Some(stream) = stream else { return std::future::pending().await };
    let read = stream.async_io(Interest::READABLE, |descriptor| {
        let mut buffer = Vec::with_capacity(PIECE);
        rustix::io::read(descriptor, rustix::buffer::spare_capacity(&mut buffer))?;
        Ok(buffer)
    });
    read.await.map(Bytes::from).unwrap_or_default()
}

impl Outputs {
    async fn next(&mut self) -> Option<(NodeOutput, Bytes)> {
        while self.standard.is_some() || self.error.is_some() {
            let (from, bytes) = tokio::select! {
                bytes = piece(&self.standard) => (NodeOutput::Standard, bytes),
                bytes = piece(&self.error) => (NodeOutput::Error, bytes),
            };
            if !bytes.is_empty() {
                return Some((from, bytes));
            }
            match from {
                NodeOutput::Standard => self.standard = None,
                NodeOutput::Error => self.error = None,
            }
        }
        None
    }
}

impl RunningProgram {
    async fn write_all(&self, bytes: Bytes) -> bool {
        let _turn = self.writing.lock().await;
        let mut left = bytes.as_ref();
        while !left.is_empty() {
            let Some(input) = self.input.lock().clone() else { return false };
            let written = input.async_io(Interest::WRITABLE, |descriptor| Ok(rustix::io::write(descriptor, left)?));
            match written.await {
                Ok(count) => left = left.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        true
    }
}

impl NodeProcess for RunningProgram {
    fn read(&self) -> Boxed<'_, Option<(NodeOutput, Bytes)>> {
        Box::pin(async { self.output.lock().await.next().await })
    }

    fn write(&self, bytes: Bytes) -> Boxed<'_, bool> {
        Box::pin(self.write_all(bytes))
    }

    fn close_input(&self) {
        if !self.is_terminal {
            self.input.lock().take();
        }
    }

    fn resize(&self, size: TerminalSize) {
        if let Some(terminal) = self.input.lock().as_ref().filter(|_| self.is_terminal) {
            let _ = tcsetwinsize(terminal.as_fd(), of_size(size));
        }
    }

    fn signal(&self, signal: NodeSignal) {
        let signal = match signal {
            NodeSignal::Interrupt => Signal::Interrupt,
            NodeSignal::Quit => Signal::Quit,
            NodeSignal::Suspend => Signal::Suspend,
            NodeSignal::Terminate => Signal::Terminate,
            NodeSignal::HangUp => Signal::HangUp,
            NodeSignal::Kill => Signal::Kill,
        };
        self.running.signal(self.id, signal);
    }

    fn kill(&self) {
        self.running.signal(self.id, Signal::KillAll);
    }

    fn ended(&self) -> Boxed<'_, WorkerEnd> {
        let mut ended = self.ended.clone();
        Box::pin(async move { ended.wait_for(Option::is_some).await.ok().and_then(|end| *end).unwrap_or(WorkerEnd::Killed(9)) })
    }
}

impl Drop for RunningProgram {
    fn drop(&mut self) {
        // Of its whole session, unless it went on in the background on purpose: its leader has ended by itself.
        if self.ended.borrow().is_none() {
            self.running.signal(self.id, Signal::KillAll);
        }
    }
}
