//! The Lambda Runtime API, as one execution environment sees it.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use crate::limits;
use bytes::Bytes;
use cloudlet_engine::{Boxed, LocalHttp, LocalRequest, LocalResponse, Worker};
use parking_lot::Mutex;
use serde_json::json;
use std::sync::{Arc, OnceLock, Weak};
use tokio::sync::{Notify, mpsc};

const VERSION: &str = "/2018-06-01/runtime";

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
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// It asks for an event.
    Ready,
    Response(Bytes),
    Error(Bytes),
    InitError(Bytes),
    /// It answered with more than AWS passes on.
    TooLarge(usize),
}

pub struct RuntimeApi {
    state: Mutex<State>,
    arrived: Notify,
    said: mpsc::UnboundedSender<Said>,
    worker: OnceLock<Weak<dyn Worker>>,
}

#[derive(Default)]
struct State {
    job: Option<Job>,
    /// The event that the code has.
    current: Option<String>,
}

impl RuntimeApi {
    pub fn new(said: mpsc::UnboundedSender<Said>) -> RuntimeApi {
        RuntimeApi { state: Mutex::default(), arrived: Notify::new(), said, worker: OnceLock::new() }
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
        state.job = Some(job);
        if let Some(worker) = self.worker() {
            worker.thaw();
        }
        drop(state);
        self.arrived.notify_one();
    }

    fn take(&self) -> Option<Job> {
        let mut state = self.state.lock();
        let job = state.job.take();
        match &job {
            Some(job) => state.current = Some(job.request_id.clone()),
            None => {
                if let Some(worker) = self.worker() {
                    worker.freeze();
                }
            }
        }
        job
    }

    async fn next(&self) -> LocalResponse {
        let _ = self.said.send(Said::Ready);
        let job = loop {
            match self.take() {
                Some(job) => break job,
                None => self.arrived.notified().await,
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

    /// What the code says of the event that it has.
    fn told(&self, request_id: &str, said: impl FnOnce(Bytes) -> Said, body: Bytes) -> LocalResponse {
        let is_current = {
            let mut state = self.state.lock();
            let is_current = state.current.as_deref() == Some(request_id);
            if is_current {
                state.current = None;
            }
            is_current
        };
        if !is_current {
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

fn refused(status: u16, kind: &str, message: &str) -> LocalResponse {
    answered(status, &json!({ "errorMessage": message, "errorType": kind }))
}

fn answered(status: u16, document: &serde_json::Value) -> LocalResponse {
    LocalResponse { status, headers: vec![("Content-Type", "application/json".to_owned())], body: document.to_string().into() }
}

impl LocalHttp for RuntimeApi {
    fn answer(&self, request: LocalRequest) -> Boxed<'_, LocalResponse> {
        Box::pin(async move {
            let path = request.path.strip_prefix(VERSION).unwrap_or_default();
            let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
            match (request.method.as_str(), parts.as_slice()) {
                ("GET", ["invocation", "next"]) => self.next().await,
                ("POST", ["invocation", id, "response"]) => {
                    // A response that streams may end in an error, which is in a trailer: it is not known here.
                    self.told(id, Said::Response, request.body)
                }
                ("POST", ["invocation", id, "error"]) => self.told(id, Said::Error, request.body),
                ("POST", ["init", "error"]) => {
                    let _ = self.said.send(Said::InitError(request.body));
                    accepted()
                }
                // Among them the APIs of extensions and of telemetry.
                _ => refused(404, "NotFound", "There is nothing at this path"),
            }
        })
    }
}
