//! One execution environment: the process of a function's code, which takes one event after the other.

use crate::{
    Lambda,
    functions::Resolved,
    jobs::{AnswerPiece, Answering, Job, Said},
    limits, logs,
    outcomes::End,
    pieces::Sink,
    runtime_api::RuntimeApi,
    state::{Function, FunctionKey},
    telemetry::Audience,
};
use bytes::BytesMut;
use cloudlet_engine::{Cx, Origin, ProgramSignal, Runtime, Worker, WorkerEnd, roles::RoleSession, within};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;

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
    /// Whether it is of this function, and not of one that had its name.
    pub fn is_of(&self, function: &Function) -> bool {
        self.revision.split('/').next() == Some(function.id.as_str())
    }

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
    /// Whoever has it writes to the log stream: lines of one event come before those of the next.
    pub writes: Arc<tokio::sync::Mutex<()>>,
    pub session: RoleSession,
    pub log_group: String,
    /// The name of its log stream.
    pub stream: String,
    /// How often idle environments were looked at since its last event.
    pub idle_looks: u32,
}

impl Drop for Environment {
    fn drop(&mut self) {
        let deadline = self.runtime.clock.of_machine().millis() + i64::try_from(SHUTDOWN.as_millis()).unwrap_or(0);
        if let (true, Ok(runtime)) = (self.api.shut_down(deadline), tokio::runtime::Handle::try_current()) {
            let ending = Ending {
                worker: self.worker.clone(),
                runtime: self.runtime.clone(),
                lines: self.lines.clone(),
                writes: self.writes.clone(),
                session: self.session.clone(),
                key: self.fit.key.clone(),
                log_group: self.log_group.clone(),
                stream: self.stream.clone(),
            };
            runtime.spawn(ending.finish());
            return;
        }
        self.worker.kill();
    }
}

/// What is left of an environment that is given up, while its extensions have a moment to send what they have.
struct Ending {
    worker: Arc<dyn Worker>,
    runtime: Arc<Runtime>,
    lines: Arc<Mutex<Lines>>,
    writes: Arc<tokio::sync::Mutex<()>>,
    session: RoleSession,
    key: FunctionKey,
    log_group: String,
    stream: String,
}

impl Ending {
    async fn finish(self) {
        // AWS: the code is told by a signal, if there is any extension.
        within(TRAIL, self.worker.signal(ProgramSignal::Terminate)).await;
        within(SHUTDOWN, self.worker.ended()).await;
        self.worker.kill();
        within(TRAIL, self.worker.ended()).await;
        // The lines of the last event come first.
        let _turn = self.writes.lock().await;
        let lines = self.lines.lock().take();
        if lines.is_empty() {
            return;
        }
        let request_id = self.runtime.ids.uuid().into();
        let cx = Cx::new(self.runtime, self.key.scope(), self.session.caller.clone(), request_id, Origin::default());
        logs::write(&cx, &self.session, &self.key, &self.log_group, &self.stream, &format!("{}\n", lines.join("\n"))).await;
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

impl Environment {
    /// Gives an event to the code, and waits for its answer.
    pub async fn answer(&mut self, job: Job, longest: Duration, sink: Option<&Sink>) -> End {
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
                        Some(Said::Exited(end)) => {
                            // What it wrote is still on its way.
                            within(TRAIL, worker.ended()).await;
                            return End::Exited(end);
                        }
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
                // Extensions that are told of the end have a moment, as when it is given up; the code has none.
                let is_told = self.api.extensions.wait_for_end();
                if !is_told || within(TRAIL, self.worker.signal(ProgramSignal::EndCode)).await.is_none() {
                    self.worker.kill();
                }
            }
            End::Exited(WorkerEnd::OutOfMemory) => self.api.broke_off("failure", Some("Runtime.OutOfMemory")),
            End::Exited(_) => self.api.broke_off("failure", Some("Runtime.ExitError")),
            _ => {}
        }
        end
    }

    /// The lines that belong to the event that was answered. Code that survives it asks for the next event once it has written all, and
    /// is waited for.
    pub async fn trail(&mut self, survives: bool) -> Vec<String> {
        if survives {
            let trail = if self.api.extensions.are_any() { AFTER } else { TRAIL };
            drop(within(trail, self.ready()).await);
        }
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        self.lines.lock().take()
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
                    Some(Said::Exited(end)) => return Some(End::Exited(end)),
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
