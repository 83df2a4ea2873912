//! Execution environments: started with a function's code, used again while they are warm, and bounded in number.

use crate::{
    Lambda,
    functions::Resolved,
    limits,
    outcomes::End,
    pieces::Sink,
    runtime_api::{AnswerPiece, Answering, Job, RuntimeApi, Said},
    state::{Function, FunctionKey, Version},
    telemetry::Audience,
};
use bytes::BytesMut;
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_engine::{Runtime, Worker, roles::RoleSession, within};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};

/// Environments of all functions that work at the same time; more wait for their turn.
const WORKING: usize = 256;
/// Environments that get ready at the same time, and how long one may hold others up.
const STARTING: usize = 8;
pub const HOLDS_UP: Duration = Duration::from_secs(2);
/// Environments that wait for events, of all functions; the one that has waited longest goes first.
const WARM: usize = 128;
/// Bytes of lines that one event may write: more are not reused.
const LOG_BYTES: usize = 4 << 20;
/// AWS: the time for extensions, once an environment is given up.
const SHUTDOWN: Duration = Duration::from_secs(2);
/// How long extensions may take after an answer, before the environment is used again all the same.
const AFTER: Duration = Duration::from_secs(5);
/// How long the lines and the next question of code that has answered are waited for.
pub const TRAIL: Duration = Duration::from_millis(100);

/// Which environments may take an event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EnvironmentKey {
    pub key: FunctionKey,
    pub number: u64,
    pub revision: String,
    pub initialization: Initialization,
}

/// Why an environment is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Initialization {
    OnDemand,
    Provisioned,
}

impl Initialization {
    /// What the code reads in `AWS_LAMBDA_INITIALIZATION_TYPE`.
    pub fn name(self) -> &'static str {
        match self {
            Initialization::OnDemand => "on-demand",
            Initialization::Provisioned => "provisioned-concurrency",
        }
    }
}

impl EnvironmentKey {
    pub fn of(lambda: &Lambda, function: &Function, key: &FunctionKey, resolved: &Resolved, initialization: Initialization) -> EnvironmentKey {
        let changed = resolved.version.mounted.as_deref().map(|folder| lambda.workers.fingerprint(folder)).unwrap_or_default();
        let revision = format!("{}/{}/{changed}", function.id, resolved.version.revision());
        EnvironmentKey { key: key.clone(), number: resolved.number, revision, initialization }
    }
}

pub struct Environment {
    pub fit: EnvironmentKey,
    pub api: Arc<RuntimeApi>,
    pub said: mpsc::UnboundedReceiver<Said>,
    pub worker: Arc<dyn Worker>,
    pub runtime: Arc<Runtime>,
    pub lines: Arc<Mutex<Lines>>,
    pub session: RoleSession,
    /// The name of its log stream.
    pub stream: String,
}

impl Drop for Environment {
    fn drop(&mut self) {
        let deadline = self.runtime.clock.of_machine().millis() + i64::try_from(SHUTDOWN.as_millis()).unwrap_or(0);
        if let (true, Ok(runtime)) = (self.api.shut_down(deadline), tokio::runtime::Handle::try_current()) {
            // Extensions have a moment to send what they have.
            let worker = self.worker.clone();
            runtime.spawn(async move {
                within(SHUTDOWN, worker.ended()).await;
                worker.kill();
            });
            return;
        }
        self.worker.kill();
    }
}

/// What the code has written since it was last looked at.
#[derive(Default)]
pub struct Lines {
    lines: Vec<String>,
    bytes: usize,
}

impl Lines {
    pub fn add(&mut self, line: &str) {
        self.bytes += line.len() + 1;
        if self.bytes <= LOG_BYTES {
            // A message of several lines comes as one, its line feeds as carriage returns.
            self.lines.push(line.replace('\r', "\n"));
        }
    }

    pub fn take(&mut self) -> Vec<String> {
        self.bytes = 0;
        std::mem::take(&mut self.lines)
    }
}

pub struct Environments {
    working: Semaphore,
    starting: Semaphore,
    warm: Mutex<VecDeque<Environment>>,
    /// The extensions in each folder of layers.
    pub extensions: Mutex<BTreeMap<String, Vec<String>>>,
}

impl Default for Environments {
    fn default() -> Self {
        Environments { working: Semaphore::new(WORKING), starting: Semaphore::new(STARTING), warm: Mutex::default(), extensions: Mutex::default() }
    }
}

/// An environment that could not be made ready.
pub enum NotReady {
    /// The code failed as it was loaded.
    Failed(Box<FailedStart>),
    Fault(Fault),
}

pub struct FailedStart {
    pub end: End,
    pub lines: Vec<String>,
    pub session: RoleSession,
    pub stream: String,
}

impl From<Fault> for NotReady {
    fn from(fault: Fault) -> Self {
        NotReady::Fault(fault)
    }
}

impl Environments {
    pub async fn turn(&self) -> Result<SemaphorePermit<'_>, Fault> {
        self.working.acquire().await.map_err(Fault::internal)
    }

    pub async fn starting(&self) -> Result<SemaphorePermit<'_>, Fault> {
        self.starting.acquire().await.map_err(Fault::internal)
    }

    pub fn take(&self, fit: &EnvironmentKey, now: Timestamp) -> Option<Environment> {
        let mut warm = self.warm.lock();
        // What the version was before is of no use any more.
        let is_old = |of: &EnvironmentKey| of.key == fit.key && of.number == fit.number && of.revision != fit.revision;
        warm.retain(|environment| environment.session.usable_until > now && !is_old(&environment.fit));
        // The one that was used last.
        let at = warm.iter().rposition(|environment| environment.fit == *fit)?;
        warm.remove(at)
    }

    pub fn put_back(&self, environment: Environment) {
        let mut warm = self.warm.lock();
        warm.push_back(environment);
        if warm.len() > WARM {
            warm.pop_front();
        }
    }

    pub fn forget_provisioned(&self, key: &FunctionKey) {
        self.warm.lock().retain(|environment| environment.fit.key != *key || environment.fit.initialization == Initialization::OnDemand);
    }

    /// A function is gone, or what it was.
    pub fn forget(&self, key: &FunctionKey) {
        self.warm.lock().retain(|environment| environment.fit.key != *key);
    }
}

impl Environment {
    /// Gives an event to the code, and waits for its answer. The lines that it wrote are in order before the answer is given.
    pub async fn run(&mut self, job: Job, longest: Duration, sink: Option<&Sink>) -> (End, Vec<String>) {
        self.api.give(job);
        let worker = self.worker.clone();
        let said = &mut self.said;
        let answered = async {
            loop {
                tokio::select! {
                    biased;
                    word = said.recv() => match word {
                        Some(Said::Response(body)) => {
                            if let Some(sink) = sink {
                                sink.head(None).await;
                                sink.bytes(body.clone()).await;
                            }
                            return End::Response(body);
                        }
                        Some(Said::Stream(answering)) => return streamed(answering, sink).await,
                        Some(Said::Error(body) | Said::InitError(body)) => return End::Error(body),
                        Some(Said::TooLarge(bytes)) => return End::TooLarge(bytes),
                        Some(Said::Ready) => {}
                        None => return End::Exited(worker.ended().await),
                    },
                    end = worker.ended() => return End::Exited(end),
                }
            }
        };
        let end = within(longest, answered).await.unwrap_or(End::TimedOut);
        match &end {
            End::TimedOut => {
                self.api.broke_off("timeout", None);
                self.worker.kill();
            }
            End::Exited(_) => self.api.broke_off("failure", Some("Runtime.ExitError")),
            // It asks for the next event once it has written all.
            _ => {
                let trail = if self.api.extensions.are_any() { AFTER } else { TRAIL };
                drop(within(trail, self.ready()).await);
            }
        }
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        (end, self.lines.lock().take())
    }

    /// Waits until the code asks for an event.
    pub async fn ready(&mut self) -> Option<End> {
        let worker = self.worker.clone();
        loop {
            tokio::select! {
                biased;
                word = self.said.recv() => match word {
                    Some(Said::Ready) => return None,
                    Some(Said::InitError(body)) => return Some(End::Error(body)),
                    Some(_) => {}
                    None => return Some(End::Exited(worker.ended().await)),
                },
                end = worker.ended() => return Some(End::Exited(end)),
            }
        }
    }

    pub fn memory(&self) -> u64 {
        self.worker.memory()
    }

    /// What the platform reports of an event, for those who subscribe to it.
    pub fn report(&self, record: Value) {
        self.api.tell("platform.end", Audience::Logs, || json!({ "requestId": record.get("requestId") }));
        self.api.tell("platform.report", Audience::Both, || record);
    }
}

/// An answer that comes bit by bit: passed on, or put together for a caller who wants it whole.
async fn streamed(mut answering: Answering, sink: Option<&Sink>) -> End {
    if let Some(sink) = sink {
        sink.head(answering.kind.take()).await;
    }
    let (mut whole, mut total) = (BytesMut::new(), 0);
    let most = if sink.is_some() { limits::STREAMED_BYTES } else { limits::SYNCHRONOUS_BYTES };
    loop {
        match answering.pieces.recv().await {
            Some(AnswerPiece::Bytes(bytes)) => {
                total += bytes.len();
                if total > most {
                    return End::TooLarge(total);
                }
                match sink {
                    Some(sink) => sink.bytes(bytes).await,
                    None => whole.extend_from_slice(&bytes),
                }
            }
            Some(AnswerPiece::Failed(document)) => return End::Error(document),
            Some(AnswerPiece::End) => return End::Response(whole.freeze()),
            None => {
                let document = r#"{"errorType":"Runtime.TruncatedResponse","errorMessage":"Response was truncated"}"#;
                return End::Error(bytes::Bytes::from_static(document.as_bytes()));
            }
        }
    }
}

/// What an environment is started for.
pub struct EnvironmentRequest<'v> {
    pub fit: EnvironmentKey,
    pub version: &'v Version,
    pub timeout: Duration,
}
