//! Puts the observation of a request into the body of its answer.

use crate::{
    answer::AnswerBody,
    log_entry::LogEntry,
    observed::{Ending, Observation},
};
use axum::response::Response;
use cloudlet_cloud::Cloud;
use cloudlet_engine::{SentAnswer, Stopwatch};
use std::sync::Arc;

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
    let ending = Ending::new(observation, answer, log.request_id.clone(), cloud, watch);
    response.map(|body| AnswerBody::Observed(Box::new((body, ending))))
}
