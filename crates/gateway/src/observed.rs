//! Answers that a service observes: counted as they are sent, and told when they have ended.

use crate::{answer::AnswerBody, log_entry::LogEntry};
use axum::response::Response;
use cloudlet_aws::{Caller, Scope};
use cloudlet_cloud::Cloud;
use cloudlet_engine::{AnswerObserver, Cx, Origin, SentAnswer, Stopwatch};
use std::sync::Arc;

/// An observed request, as far as it is known.
pub struct Observation {
    pub observer: Box<dyn AnswerObserver>,
    pub caller: Caller,
    pub scope: Scope,
    pub origin: Origin,
}

/// Tells the observer when it is dropped with the body of the answer.
pub struct Ending {
    observed: Option<(Observation, SentAnswer)>,
    request_id: Arc<str>,
    cloud: Arc<Cloud>,
    watch: Stopwatch,
}

impl Ending {
    pub fn count(&mut self, bytes: usize) {
        if let Some((_, answer)) = &mut self.observed {
            answer.bytes_sent += bytes as u64;
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some((observation, mut answer)) = self.observed.take() {
            answer.total = self.watch.elapsed();
            let Observation { observer, caller, scope, origin } = observation;
            observer.sent(&Cx::new(self.cloud.runtime.clone(), scope, caller, self.request_id.clone(), origin), &answer);
        }
    }
}

/// The response with the observation in its body.
pub fn observe(
    response: Response<AnswerBody>,
    observation: Observation,
    log: &mut LogEntry,
    cloud: Arc<Cloud>,
    watch: Stopwatch,
) -> Response<AnswerBody> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let turn_around = watch.elapsed();
    let answer = SentAnswer {
        operation: Some(log.operation).filter(|operation| !operation.is_empty()),
        status: response.status().as_u16(),
        error_code: log.fault.as_ref().map(|fault| fault.code().to_owned()),
        headers: response.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
        notes: std::mem::take(&mut log.notes),
        bytes_sent: 0,
        total: turn_around,
        turn_around,
    };
    let ending = Ending { observed: Some((observation, answer)), request_id: log.request_id.clone(), cloud, watch };
    response.map(|body| AnswerBody::Observed(Box::new((body, ending))))
}
