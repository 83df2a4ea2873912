//! The requests of the Runtime API, and the ways to the other APIs of an environment.

use super::{RuntimeApi, error_type};
use crate::{
    extensions::{self, answered, refused},
    jobs::{AnswerPiece, Answering, Said},
    limits,
    progress::Progress,
    subscriptions::Interface,
    telemetry::Audience,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use cloudlet_engine::{Boxed, LocalHttp, LocalRequest, LocalResponse};
use cloudlet_shape::{Body, BodyContent};
use futures_util::StreamExt;
use serde_json::json;
use tokio::sync::mpsc;

const VERSION: &str = "/2018-06-01/runtime";
/// Pieces that are read from the code before somebody takes them.
const AHEAD: usize = 16;

impl RuntimeApi {
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
