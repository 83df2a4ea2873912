//! The Lambda Runtime API, as one execution environment sees it.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use crate::{
    extensions::{self, Extensions, InvokeEvent, answered, refused},
    limits,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use cloudlet_engine::{Boxed, LocalHttp, LocalRequest, LocalResponse, Worker};
use cloudlet_shape::{Body, BodyContent};
use futures_util::StreamExt;
use parking_lot::Mutex;
use serde_json::json;
use std::sync::{Arc, OnceLock, Weak};
use tokio::sync::{Notify, mpsc};

const VERSION: &str = "/2018-06-01/runtime";
/// Where extensions ask for the lines of functions and of the platform.
const SUBSCRIPTIONS: [(&str, &str); 2] = [("/2022-07-01/telemetry", "Telemetry"), ("/2020-08-15/logs", "Logs")];

/// An event for the environment's code.
#[derive(Clone, Debug, Default)]
pub struct Job {
    pub request_id: String,
    pub function_arn: String,
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
    new_id: Box<dyn Fn() -> String + Send + Sync>,
}

#[derive(Default)]
struct State {
    job: Option<Job>,
    /// The event that the code has.
    current: Option<String>,
    /// It asks for an event, and has none.
    is_idle: bool,
}

impl RuntimeApi {
    /// `new_id` makes the identifiers of extensions.
    pub fn new(said: mpsc::UnboundedSender<Said>, extensions: Extensions, new_id: impl Fn() -> String + Send + Sync + 'static) -> RuntimeApi {
        RuntimeApi { state: Mutex::default(), arrived: Notify::new(), said, worker: OnceLock::new(), extensions, new_id: Box::new(new_id) }
    }

    /// The process behind the requests: it gets no processor while it waits for an event.
    pub fn set_worker(&self, worker: &Arc<dyn Worker>) {
        let _ = self.worker.set(Arc::downgrade(worker));
    }

    fn worker(&self) -> Option<Arc<dyn Worker>> {
        self.worker.get().and_then(Weak::upgrade)
    }

    pub fn give(&self, job: Job) {
        let mut state = self.state.lock();
        let event = InvokeEvent { request_id: &job.request_id, function_arn: &job.function_arn, deadline: job.deadline, trace: job.trace.as_deref() };
        self.extensions.tell_invoke(&event);
        state.job = Some(job);
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
        if let Some(document) = self.extensions.failure() {
            let _ = self.said.send(Said::InitError(document));
            return;
        }
        let state = self.state.lock();
        if state.is_idle && state.job.is_none() && self.extensions.are_idle() {
            if let Some(worker) = self.worker() {
                worker.freeze();
            }
            let _ = self.said.send(Said::Ready);
        }
    }

    async fn next(&self) -> LocalResponse {
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
        }
        is_current
    }

    /// The code answers bit by bit. An error may follow in trailing fields.
    async fn streamed(&self, request_id: &str, kind: Option<String>, body: Body) -> LocalResponse {
        if !self.finish(request_id) {
            return refused(400, "InvalidRequestID", "Invalid request ID");
        }
        let (sender, pieces) = mpsc::channel(AHEAD);
        let _ = self.said.send(Said::Stream(Answering { kind, pieces }));
        match body.take() {
            BodyContent::Whole(bytes) => drop(sender.send(AnswerPiece::Bytes(bytes)).await),
            BodyContent::Stream(mut stream) => {
                while let Some(piece) = stream.next().await {
                    let Ok(bytes) = piece else { return refused(400, "InvalidStream", "The stream broke off") };
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
        let _ = sender.send(last).await;
        accepted()
    }

    /// What the code says of the event that it has.
    fn told(&self, request_id: &str, said: impl FnOnce(Bytes) -> Said, body: Bytes) -> LocalResponse {
        if !self.finish(request_id) {
            return refused(400, "InvalidRequestID", "Invalid request ID");
        }
        if body.len() > limits::SYNCHRONOUS_BYTES {
            let _ = self.said.send(Said::TooLarge(body.len()));
            let text = format!("Exceeded maximum allowed payload size ({} bytes).", limits::SYNCHRONOUS_BYTES);
            return refused(413, "RequestEntityTooLarge", &text);
        }
        let _ = self.said.send(said(body));
        accepted()
    }
}

fn accepted() -> LocalResponse {
    answered(202, &json!({ "status": "OK" }))
}

impl LocalHttp for RuntimeApi {
    fn streams(&self, request: &LocalRequest) -> bool {
        request.header("lambda-runtime-function-response-mode").is_some_and(|mode| mode.eq_ignore_ascii_case("streaming"))
    }

    fn answer(&self, request: LocalRequest) -> Boxed<'_, LocalResponse> {
        Box::pin(async move {
            if let Some(path) = request.path.strip_prefix(extensions::VERSION) {
                let path = path.to_owned();
                return self.extensions.answer(&path, &request, (self.new_id)(), &|| self.settle()).await;
            }
            // AWS: so its own emulator answers, and extensions go on without.
            if let (Some(api), "PUT") = (SUBSCRIPTIONS.iter().find(|(path, _)| request.path == *path), request.method.as_str()) {
                return refused(202, &format!("{}.NotSupported", api.1), &format!("{} API is not supported", api.1));
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
                    None => self.told(id, Said::Response, request.body),
                },
                ("POST", ["invocation", id, "error"]) => self.told(id, Said::Error, request.body),
                ("POST", ["init", "error"]) => {
                    let _ = self.said.send(Said::InitError(request.body));
                    accepted()
                }
                _ => refused(404, "NotFound", "There is nothing at this path"),
            }
        })
    }
}
