//! The HTTP endpoints of a test: what they were sent, and what they answer next.

use bytes::Bytes;
use cloudlet_engine::{Boxed, HttpClient, HttpRequest, HttpResponse, SendError};
use parking_lot::Mutex;
use std::collections::VecDeque;

/// Stands for every endpoint. It answers 200 without a body unless the test says otherwise.
#[derive(Default)]
pub struct Endpoints {
    requests: Mutex<Vec<HttpRequest>>,
    answers: Mutex<VecDeque<Result<HttpResponse, SendError>>>,
}

impl Endpoints {
    /// The statuses of the next answers, or why there is none.
    pub fn will_answer(&self, answers: impl IntoIterator<Item = Result<u16, SendError>>) {
        let answers = answers.into_iter().map(|answer| answer.map(|status| HttpResponse { status, body: Bytes::new() }));
        self.answers.lock().extend(answers);
    }

    /// The next answer, with a body.
    pub fn will_answer_with(&self, response: HttpResponse) {
        self.answers.lock().push_back(Ok(response));
    }

    /// What was sent since the last look.
    pub fn take_requests(&self) -> Vec<HttpRequest> {
        std::mem::take(&mut *self.requests.lock())
    }
}

impl HttpClient for Endpoints {
    fn send(&self, request: HttpRequest) -> Boxed<'_, Result<HttpResponse, SendError>> {
        self.requests.lock().push(request);
        let answer = self.answers.lock().pop_front().unwrap_or(Ok(HttpResponse { status: 200, body: Bytes::new() }));
        Box::pin(async move { answer })
    }
}
