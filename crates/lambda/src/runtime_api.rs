//! The Lambda Runtime API, as one execution environment sees it.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

mod requests;

use crate::{
    extensions::{Extensions, InvokeEvent},
    freezing::{self, Freezes, Look, Rest},
    jobs::{Job, Said},
    progress::{Progress, millis},
    subscriptions::Category,
    telemetry::{Audience, Telemetry, TelemetryHost},
};
use cloudlet_aws::Timestamp;
use cloudlet_engine::{Runtime, Stopwatch, Worker, WorkerEnd};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock, Weak};
use tokio::sync::{Notify, mpsc};

pub struct RuntimeApi {
    state: Mutex<State>,
    arrived: Notify,
    said: mpsc::UnboundedSender<Said>,
    worker: OnceLock<Weak<dyn Worker>>,
    pub extensions: Extensions,
    telemetry: Telemetry,
    runtime: Arc<Runtime>,
    /// Why the environment was started: `on-demand`.
    initialization: &'static str,
    born: Stopwatch,
    /// Lines that are documents are told as such.
    has_json_lines: bool,
    this: Weak<RuntimeApi>,
}

#[derive(Default)]
struct State {
    job: Option<Job>,
    /// The event that the code has.
    current: Option<String>,
    /// It asks for an event, and has none.
    is_idle: bool,
    /// It has asked for one before.
    is_loaded: bool,
    /// It and the extensions have once been ready together.
    is_ready: bool,
    progress: Option<Progress>,
    rest: Rest,
    /// Why the environment ends, if an event was its end: `timeout`, `failure`.
    end: Option<&'static str>,
}

/// What an environment's APIs know from the start.
pub struct ApiSettings {
    pub said: mpsc::UnboundedSender<Said>,
    pub extensions: Extensions,
    pub runtime: Arc<Runtime>,
    pub initialization: &'static str,
    pub has_json_lines: bool,
}

impl RuntimeApi {
    pub fn new(settings: ApiSettings) -> Arc<RuntimeApi> {
        let ApiSettings { said, extensions, runtime, initialization, has_json_lines } = settings;
        Arc::new_cyclic(|this| RuntimeApi {
            state: Mutex::default(),
            arrived: Notify::new(),
            said,
            worker: OnceLock::new(),
            extensions,
            telemetry: Telemetry::default(),
            runtime,
            initialization,
            born: Stopwatch::start(),
            has_json_lines,
            this: this.clone(),
        })
    }

    /// An entry of the platform's own in the telemetry of the environment.
    pub fn tell(&self, kind: &'static str, audience: Audience, record: impl FnOnce() -> Value) {
        self.telemetry.tell(self.runtime.clock.now(), kind, audience, record);
    }

    pub fn tell_line(&self, category: Category, line: &str) {
        self.telemetry.tell_line(self.runtime.clock.now(), category, line, self.has_json_lines);
    }

    /// The environment begins.
    pub fn begin(&self, memory: u64, runtime_version: &str, runtime_version_arn: &str) {
        let described = self.extensions.described();
        self.tell("platform.initStart", Audience::Telemetry, || {
            json!({
                "initializationType": self.initialization,
                "phase": "init",
                "functionName": described.name,
                "functionVersion": described.version,
                "instanceMaxMemory": memory,
                "runtimeVersion": runtime_version,
                "runtimeVersionArn": runtime_version_arn,
            })
        });
    }

    /// The code is loaded, or cannot be.
    fn loaded(&self, failure: Option<&[u8]>) {
        if std::mem::replace(&mut self.state.lock().is_loaded, true) {
            return;
        }
        let kind = failure.map(|document| error_type(document, "Runtime.Unknown"));
        self.tell("platform.initRuntimeDone", Audience::Telemetry, || {
            let mut record = json!({
                "initializationType": self.initialization,
                "phase": "init",
                "status": if kind.is_some() { "error" } else { "success" },
            });
            if let (Some(kind), Value::Object(members)) = (kind, &mut record) {
                members.insert("errorType".into(), json!(kind));
            }
            record
        });
    }

    /// The code and all extensions are ready for the first time.
    fn initialized(&self) {
        self.tell("platform.initReport", Audience::Telemetry, || {
            json!({
                "initializationType": self.initialization,
                "phase": "init",
                "status": "success",
                "metrics": { "durationMs": millis(self.born.elapsed()) },
            })
        });
        self.telemetry.close();
    }

    /// The event is over although the code has not asked for another.
    pub fn broke_off(&self, status: &'static str, error_type: Option<&str>) {
        let progress = {
            let mut state = self.state.lock();
            state.end = Some(status);
            state.progress.take()
        };
        if let Some(progress) = progress {
            self.tell("platform.runtimeDone", Audience::RuntimeDone, || progress.record(status, error_type));
        }
    }

    /// The code's process is over with a status as shells tell it; those of extensions are not.
    pub fn exited(&self, status: i32) {
        let is_over_memory = self.worker().is_some_and(|worker| worker.is_over_memory());
        let end = if is_over_memory { WorkerEnd::OutOfMemory } else { WorkerEnd::of_status(status) };
        let _ = self.said.send(Said::Exited(end));
    }

    /// The process behind the requests: it gets no processor when it has waited for an event for a while.
    pub fn set_worker(&self, worker: &Arc<dyn Worker>) {
        let _ = self.worker.set(Arc::downgrade(worker));
    }

    pub fn give(&self, job: Job) {
        let mut state = self.state.lock();
        self.extensions.tell_invoke(&InvokeEvent {
            request_id: &job.request_id,
            function_arn: &job.function_arn,
            deadline: job.deadline,
            trace: job.trace.as_deref(),
        });
        let tracing = job.trace.as_ref().map(|trace| json!({ "type": "X-Amzn-Trace-Id", "value": trace }));
        self.tell("platform.start", Audience::Both, || {
            let mut record = json!({ "requestId": job.request_id, "version": job.version });
            if let (Some(tracing), Value::Object(members)) = (&tracing, &mut record) {
                members.insert("tracing".into(), tracing.clone());
            }
            record
        });
        state.progress = Some(Progress::new(job.request_id.clone(), tracing, self.runtime.clone()));
        state.job = Some(job);
        self.wake(&mut state);
        drop(state);
        self.arrived.notify_one();
    }

    /// The environment is about to end: extensions that want to know are told. Whether there are any.
    pub fn shut_down(&self, deadline: i64) -> bool {
        if !self.extensions.are_any() {
            return false;
        }
        let mut state = self.state.lock();
        self.extensions.tell_shutdown(state.end.unwrap_or("spindown"), deadline);
        self.wake(&mut state);
        drop(state);
        self.telemetry.flush();
        true
    }

    /// There is something to do.
    fn wake(&self, state: &mut State) {
        state.rest.end();
        self.telemetry.thaw();
        if let Some(worker) = self.worker() {
            worker.thaw();
        }
    }

    fn take(&self) -> Option<Job> {
        let mut state = self.state.lock();
        let job = state.job.take();
        if let Some(job) = &job {
            state.current = Some(job.request_id.clone());
        }
        state.is_idle = job.is_none();
        job
    }

    /// Once the code and all extensions wait for an event, there is nothing to do: nothing is sent any more, and the processes are frozen
    /// after a moment.
    fn settle(&self) {
        for (name, events) in self.extensions.newly_ready() {
            self.tell("platform.extension", Audience::Both, || json!({ "name": name, "state": "Ready", "events": events }));
        }
        if let Some(document) = self.extensions.failure() {
            let _ = self.said.send(Said::InitError(document));
            return;
        }
        let mut state = self.state.lock();
        if state.is_idle && state.job.is_none() && self.extensions.are_idle() && self.telemetry.freeze() {
            if !std::mem::replace(&mut state.is_ready, true) {
                self.initialized();
            }
            if let Some(turn) = state.rest.begin() {
                let environment: Weak<dyn Freezes> = self.this.clone();
                tokio::spawn(freezing::watch(environment, turn));
            }
            let _ = self.said.send(Said::Ready);
        }
    }
}

/// The type of an error that the code tells.
fn error_type(document: &[u8], unknown: &str) -> String {
    let document: Value = serde_json::from_slice(document).unwrap_or_default();
    document.get("errorType").and_then(Value::as_str).unwrap_or(unknown).to_owned()
}

impl Freezes for RuntimeApi {
    fn look(&self, turn: u64) -> Look {
        let mut state = self.state.lock();
        let look = state.rest.look(turn);
        if let (Look::Freeze, Some(worker)) = (look, self.worker()) {
            worker.freeze();
        }
        look
    }
}

impl TelemetryHost for RuntimeApi {
    fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    fn now(&self) -> Timestamp {
        self.runtime.clock.now()
    }

    fn worker(&self) -> Option<Arc<dyn Worker>> {
        self.worker.get().and_then(Weak::upgrade)
    }

    fn sent(&self) {
        self.settle();
    }
}
