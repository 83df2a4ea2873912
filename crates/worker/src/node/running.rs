//! The worker of a node that runs, and the server's end of the socket to its first process.

use super::messages::{Failure, FromNode, LARGEST, Program, Signal, Streams, ToNode, Within, receive, send, text};
use crate::process::{Process, Started};
use cloudlet_engine::{Worker, WorkerEnd, within};
use parking_lot::Mutex;
use rustix::io::Errno;
use std::{
    collections::HashMap,
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    sync::{mpsc, oneshot, watch},
};

/// Messages on their way to a node.
const QUEUE: usize = 64;
/// How long a node's first process may take to answer.
const ANSWER: Duration = Duration::from_secs(30);

/// A descriptor that is waited for.
#[expect(deprecated, reason = "its successor asks for an unsafe promise that an owned descriptor keeps anyway: nobody else closes it")]
pub fn watched(descriptor: OwnedFd) -> io::Result<Arc<AsyncFd<OwnedFd>>> {
    rustix::io::ioctl_fionbio(&descriptor, true)?;
    AsyncFd::new(descriptor).map(Arc::new)
}

/// A message, and what goes with it.
struct Outgoing {
    text: Vec<u8>,
    descriptors: Vec<OwnedFd>,
}

type Reply = Result<Option<OwnedFd>, Failure>;
pub type End = watch::Receiver<Option<WorkerEnd>>;

pub struct Running {
    worker: Arc<Process>,
    /// Ports under which it reaches its `LocalHttp` and the server.
    pub ports: (u16, u16),
    /// The server's address for programs, where they reach it without a port of their own.
    pub server: Option<String>,
    outgoing: mpsc::Sender<Outgoing>,
    known: Arc<Known>,
    next: AtomicU64,
    /// How many programs were started, or were to be.
    starts: watch::Sender<u64>,
    idle: watch::Receiver<Option<u64>>,
}

/// What waits for words of the node.
#[derive(Default)]
struct Known {
    replies: Mutex<HashMap<u64, oneshot::Sender<Reply>>>,
    ends: Mutex<HashMap<u64, watch::Sender<Option<WorkerEnd>>>>,
    gone: watch::Sender<bool>,
}

/// Lets a worker rest once nothing runs on it.
struct Resting {
    starts: watch::Sender<u64>,
    worker: Weak<Process>,
}

impl Resting {
    fn idle_after(&self, starts: u64) {
        // While the number is held, nothing is started.
        self.starts.send_if_modified(|now| {
            if *now == starts
                && let Some(worker) = self.worker.upgrade()
            {
                worker.rest(true);
            }
            false
        });
    }
}

impl Running {
    pub fn of(started: Started, server: Option<String>) -> Result<Arc<Running>, String> {
        let Started { process, report, control } = started;
        let told = |error: io::Error| format!("the node's socket cannot be used: {error}");
        let control = control.ok_or("the node gave no socket")?;
        let control = watched(control).map_err(told)?;
        let known = Arc::<Known>::default();
        let (outgoing, to_send) = mpsc::channel(QUEUE);
        let (tell_idle, idle) = watch::channel(None);
        let (starts, _) = watch::channel(0);
        let resting = Resting { starts: starts.clone(), worker: Arc::downgrade(&process) };
        tokio::spawn(deliver(control.clone(), to_send));
        tokio::spawn(listen(control, known.clone(), tell_idle, resting));
        Ok(Arc::new(Running { worker: process, ports: report.ports, server, outgoing, known, next: AtomicU64::new(1), starts, idle }))
    }

    pub fn is_gone(&self) -> bool {
        *self.known.gone.borrow()
    }

    pub fn begin_start(&self) {
        self.starts.send_modify(|starts| {
            *starts += 1;
            self.worker.rest(false);
        });
    }

    pub fn starts(&self) -> u64 {
        *self.starts.borrow()
    }

    /// Waits for the node to say that nothing runs, after how many starts. `None`: it is gone.
    pub async fn idle_after(&self) -> Option<u64> {
        let mut idle = self.idle.clone();
        idle.mark_unchanged();
        let known = *idle.borrow();
        match known.filter(|starts| *starts == self.starts()) {
            Some(starts) => Some(starts),
            None => {
                idle.changed().await.ok()?;
                *idle.borrow()
            }
        }
    }

    /// Whether another program is started within this time.
    pub async fn started_within(&self, time: Duration, than: u64) -> bool {
        let mut starts = self.starts.subscribe();
        within(time, starts.wait_for(|starts| *starts != than)).await.is_some()
    }

    pub fn kill(&self) {
        self.worker.kill();
    }

    pub async fn end(&self) {
        self.kill();
        self.worker.ended().await;
    }

    async fn ask(&self, id: u64, message: &ToNode, descriptors: Vec<OwnedFd>) -> Reply {
        let other = |why: &str| Failure::Other(why.to_owned());
        let text = text(message);
        if text.len() > LARGEST {
            return Err(other("the arguments and the environment of the program are too large"));
        }
        let (answer, answered) = oneshot::channel();
        self.known.replies.lock().insert(id, answer);
        let outcome = async {
            let mut gone = self.known.gone.subscribe();
            self.outgoing.send(Outgoing { text, descriptors }).await.map_err(|_| other("the node has ended"))?;
            tokio::select! {
                biased;
                answer = answered => answer.unwrap_or_else(|_| Err(other("the node has ended"))),
                _ = gone.wait_for(|gone| *gone) => Err(other("the node has ended")),
            }
        };
        let outcome = within(ANSWER, outcome).await.unwrap_or_else(|| Err(other("the node does not answer")));
        self.known.replies.lock().remove(&id);
        outcome
    }

    /// The program's number, the terminal if one was asked for, and its end.
    pub async fn start(&self, program: Program, streams: Streams, descriptors: Vec<OwnedFd>) -> Result<(u64, Option<OwnedFd>, End), Failure> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (tell, ended) = watch::channel(None);
        self.known.ends.lock().insert(id, tell);
        match self.ask(id, &ToNode::Start { id, program, streams }, descriptors).await {
            Ok(terminal) => Ok((id, terminal, ended)),
            Err(why) => {
                self.known.ends.lock().remove(&id);
                // In case that it runs all the same.
                self.signal(id, Signal::KillAll);
                Err(why)
            }
        }
    }

    pub async fn connect(&self, to: Within) -> Result<OwnedFd, String> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        match self.ask(id, &ToNode::Connect { id, to }, vec![]).await {
            Ok(Some(connection)) => Ok(connection),
            Ok(None) | Err(Failure::NoTerminal) => Err("the node gave no connection".to_owned()),
            Err(Failure::Other(why)) => Err(why),
        }
    }

    /// Without waiting, unless the queue is full.
    pub fn signal(&self, id: u64, signal: Signal) {
        let message = Outgoing { text: text(&ToNode::Signal { id, signal }), descriptors: vec![] };
        if let Err(mpsc::error::TrySendError::Full(message)) = self.outgoing.try_send(message)
            && signal == Signal::KillAll
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let outgoing = self.outgoing.clone();
            runtime.spawn(async move { outgoing.send(message).await });
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn deliver(control: Arc<AsyncFd<OwnedFd>>, mut outgoing: mpsc::Receiver<Outgoing>) {
    while let Some(message) = outgoing.recv().await {
        let descriptors: Vec<_> = message.descriptors.iter().map(AsFd::as_fd).collect();
        let sent = control.async_io(Interest::WRITABLE, |socket| Ok(send(socket, &message.text, &descriptors)?)).await;
        if sent.is_err() {
            return;
        }
    }
}

async fn listen(control: Arc<AsyncFd<OwnedFd>>, known: Arc<Known>, idle: watch::Sender<Option<u64>>, resting: Resting) {
    let mut buffer = vec![0; 4 << 10];
    loop {
        let received = control.async_io(Interest::READABLE, |socket| match receive(socket, &mut buffer) {
            Err(Errno::INTR) => Err(io::ErrorKind::WouldBlock.into()),
            other => Ok(other?),
        });
        let Ok(Some((message, descriptors))) = received.await else { break };
        let reply = |id: u64, reply: Reply| {
            if let Some(waiting) = known.replies.lock().remove(&id) {
                let _ = waiting.send(reply);
            }
        };
        match message {
            FromNode::Started { id } | FromNode::Connected { id } => reply(id, Ok(descriptors.into_iter().next())),
            FromNode::Failed { id, why } => reply(id, Err(why)),
            FromNode::Ended { id, code, signal } => {
                let end = match (code, signal) {
                    (Some(code), _) => WorkerEnd::Exited(code),
                    (None, signal) => WorkerEnd::Killed(signal.unwrap_or(9)),
                };
                if let Some(told) = known.ends.lock().remove(&id) {
                    let _ = told.send(Some(end));
                }
            }
            FromNode::Idle { starts } => {
                resting.idle_after(starts);
                idle.send_modify(|idle| *idle = Some(starts));
            }
        }
    }
    known.gone.send_replace(true);
    for (_, told) in known.ends.lock().drain() {
        let _ = told.send(Some(WorkerEnd::Killed(9)));
    }
    known.replies.lock().clear();
}
