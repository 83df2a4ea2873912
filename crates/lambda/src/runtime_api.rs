//! The Lambda Runtime API, as one execution environment sees it.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use crate::{
    extensions::{self, Extensions, InvokeEvent, answered, refused},
    limits,
    progress::{Progress, millis},
    subscriptions::{Category, Interface},
    telemetry::{Audience, Telemetry, TelemetryHost},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use cloudlet_aws::Timestamp;
use cloudlet_engine::{Boxed, LocalHttp, LocalRequest, LocalResponse, Runtime, Stopwatch, Worker};
use cloudlet_shape::{Body, BodyContent};
use futures_util::StreamExt;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock, Weak};
use tokio::sync::{Notify, mpsc};

const VERSION: &str = "/2018-06-01/runtime";
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

/// Pieces that are read from the code before somebody takes them.
const AHEAD: usize = 16;

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
        let progress = self.state.lock().progress.take();
        if let Some(progress) = progress {
            self.tell("platform.runtimeDone", Audience::RuntimeDone, || progress.record(status, error_type));
        }
    }

    /// The process behind the requests: it gets no processor while it waits for an event.
    pub fn set_worker(&self, worker: &Arc<dyn Worker>) {
        let _ = self.worker.set(Arc::downgrade(worker));
    }

    pub fn give(&self, job: Job) {
        let mut state = self.state.lock();
        let event = InvokeEvent { request_id: &job.request_id, function_arn: &job.function_arn, deadline: job.deadline, trace: job.trace.as_deref() };
        self.extensions.tell_invoke(&event);
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
        self.telemetry.thaw();
        if let Some(worker) = self.worker() {
            worker.thaw();
        }
        drop(state);
        self.arrived.notify_one();
    }

    /// The environment is about to end: extensions that want to know are told. Whether there are any.
    pub fn shut_down(&self, deadline: i64) -> bool {
        if !self.extensions.are_any() {
            return false;
        }
        self.extensions.tell_shutdown("spindown", deadline);
        self.telemetry.thaw();
        self.telemetry.flush();
        if let Some(worker) = self.worker() {
            worker.thaw();
        }
        true
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

    /// Once the code and all extensions wait for an event, there is nothing to do: the processes are frozen.
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
            if let Some(worker) = self.worker() {
                worker.freeze();
            }
            let _ = self.said.send(Said::Ready);
        }
    }

    async fn next(&self) -> LocalResponse {
        self.loaded(None);
        let done = self.state.lock().progress.take_if(|progress| progress.is_answered());
        if let Some(done) = done {
            self.tell("platform.runtimeDone", Audience::RuntimeDone, || done.record_of_answer());
        }
        let mut is_told = false;
        let job = loop {
            match self.take() {
                Some(job) => break job,
                None if is_told => self.arrived.notified().await,
                None => {
                    is_told = true;
                    self.settle();
                }
            }
        };
        let mut headers = vec![
            ("Content-Type", "application/json".to_owned()),
            ("Lambda-Runtime-Aws-Request-Id", job.request_id),
            ("Lambda-Runtime-Deadline-Ms", job.deadline.to_string()),
            ("Lambda-Runtime-Invoked-Function-Arn", job.function_arn),
        ];
        headers.extend(job.trace.map(|trace| ("Lambda-Runtime-Trace-Id", trace)));
        headers.extend(job.client_context.map(|context| ("Lambda-Runtime-Client-Context", context)));
        LocalResponse { status: 200, headers, body: job.payload }
    }

    /// The code answers the event that it has; false if it has another, or none.
    fn finish(&self, request_id: &str) -> bool {
        let mut state = self.state.lock();
        let is_current = state.current.as_deref() == Some(request_id);
        if is_current {
            state.current = None;
            state.progress.iter_mut().for_each(Progress::answers);
        }
        is_current
    }

    fn answered(&self, bytes: usize, error_type: Option<String>) {
        self.state.lock().progress.iter_mut().for_each(|progress| progress.answered(bytes, error_type.clone()));
    }

    /// The code answers bit by bit. An error may follow in trailing fields.
    async fn streamed(&self, request_id: &str, kind: Option<String>, body: Body) -> LocalResponse {
        if !self.finish(request_id) {
            return refused(400, "InvalidRequestID", "Invalid request ID");
        }
        let (sender, pieces) = mpsc::channel(AHEAD);
        let _ = self.said.send(Said::Stream(Answering { kind, pieces }));
        let mut produced = 0;
        match body.take() {
            BodyContent::Whole(bytes) => {
                produced += bytes.len();
                drop(sender.send(AnswerPiece::Bytes(bytes)).await);
            }
            BodyContent::Stream(mut stream) => {
                while let Some(piece) = stream.next().await {
                    let Ok(bytes) = piece else { return refused(400, "InvalidStream", "The stream broke off") };
                    produced += bytes.len();
                    let _ = sender.send(AnswerPiece::Bytes(bytes)).await;
                }
            }
        }
        let trailer = |name: &str| body.trailers().and_then(|trailers| trailers.get(name));
        let last = match (trailer("lambda-runtime-function-error-type"), trailer("lambda-runtime-function-error-body")) {
            (None, None) => AnswerPiece::End,
            (kind, document) => {
                let document = document.and_then(|text| STANDARD.decode(text).ok()).map(Bytes::from);
                AnswerPiece::Failed(
                    document.unwrap_or_else(|| json!({ "errorType": kind.unwrap_or("Unknown"), "errorMessage": "" }).to_string().into()),
                )
            }
        };
        let failure = trailer("lambda-runtime-function-error-type").map(str::to_owned);
        self.answered(produced, failure);
        let _ = sender.send(last).await;
        accepted()
    }

    /// What the code says of the event that it has.
    fn told(&self, request_id: &str, said: impl FnOnce(Bytes) -> Said, body: Bytes, error_type: Option<String>) -> LocalResponse {
        if !self.finish(request_id) {
            return refused(400, "InvalidRequestID", "Invalid request ID");
        }
        self.answered(body.len(), error_type);
        if body.len() > limits::SYNCHRONOUS_BYTES {
            let _ = self.said.send(Said::TooLarge(body.len()));
            let text = format!("Exceeded maximum allowed payload size ({} bytes).", limits::SYNCHRONOUS_BYTES);
            return refused(413, "RequestEntityTooLarge", &text);
        }
        let _ = self.said.send(said(body));
        accepted()
    }
}

/// The type of an error that the code tells.
fn error_type(document: &[u8], unknown: &str) -> String {
    let document: Value = serde_json::from_slice(document).unwrap_or_default();
    document.get("errorType").and_then(Value::as_str).unwrap_or(unknown).to_owned()
}

fn accepted() -> LocalResponse {
    answered(202, &json!({ "status": "OK" }))
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

impl LocalHttp for RuntimeApi {
    fn streams(&self, request: &LocalRequest) -> bool {
        request.header("lambda-runtime-function-response-mode").is_some_and(|mode| mode.eq_ignore_ascii_case("streaming"))
    }

    fn answer(&self, request: LocalRequest) -> Boxed<'_, LocalResponse> {
        Box::pin(async move {
            if let Some(path) = request.path.strip_prefix(extensions::VERSION) {
                let path = path.to_owned();
                return self.extensions.answer(&path, &request, self.runtime.ids.uuid(), &|| self.settle()).await;
            }
            if let (Some(interface), "PUT") = (Interface::of(&request.path), request.method.as_str()) {
                return match self.extensions.sender_name(&request) {
                    Ok(name) => self.telemetry.subscribe(&name, interface, &request.body, self.runtime.clock.now(), self.this.clone()),
                    Err(refused) => refused,
                };
            }
            let path = request.path.strip_prefix(VERSION).unwrap_or_default();
            let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
            match (request.method.as_str(), parts.as_slice()) {
                ("GET", ["invocation", "next"]) => self.next().await,
                ("POST", ["invocation", id, "response"]) => match request.arriving {
                    Some(body) => {
                        let kind = request.headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value.clone());
                        self.streamed(id, kind, body).await
                    }
                    None => self.told(id, Said::Response, request.body, None),
                },
                ("POST", ["invocation", id, "error"]) => {
                    let kind = request.header("lambda-runtime-function-error-type").map(str::to_owned);
                    let kind = kind.unwrap_or_else(|| error_type(&request.body, "Function.Unknown"));
                    self.told(id, Said::Error, request.body, Some(kind))
                }
                ("POST", ["init", "error"]) => {
                    self.loaded(Some(&request.body));
                    let _ = self.said.send(Said::InitError(request.body));
                    accepted()
                }
                _ => refused(404, "NotFound", "There is nothing at this path"),
            }
        })
    }
}
