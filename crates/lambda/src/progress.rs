//! How far the code is with an event, as telemetry tells it.
//! <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html#platform-runtimeDone>

use cloudlet_aws::Timestamp;
use cloudlet_engine::{Runtime, Stopwatch};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// As AWS writes it: three digits.
pub fn millis(of: Duration) -> f64 {
    (of.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

pub struct Progress {
    request_id: String,
    tracing: Option<Value>,
    runtime: Arc<Runtime>,
    watch: Stopwatch,
    began: Timestamp,
    /// When the answer began, and after how long.
    answers: Option<(Timestamp, Duration)>,
    /// When it was over, after how long, and its bytes.
    answered: Option<(Timestamp, Duration, usize)>,
    error_type: Option<String>,
}

impl Progress {
    pub fn new(request_id: String, tracing: Option<Value>, runtime: Arc<Runtime>) -> Progress {
        let (watch, began) = (Stopwatch::start(), runtime.clock.now());
        Progress { request_id, tracing, runtime, watch, began, answers: None, answered: None, error_type: None }
    }

    pub fn answers(&mut self) {
        self.answers = Some((self.runtime.clock.now(), self.watch.elapsed()));
    }

    pub fn answered(&mut self, bytes: usize, error_type: Option<String>) {
        self.answered = Some((self.runtime.clock.now(), self.watch.elapsed(), bytes));
        self.error_type = error_type;
    }

    pub fn is_answered(&self) -> bool {
        self.answered.is_some()
    }

    /// What is told once the code asks for another event.
    pub fn record_of_answer(&self) -> Value {
        self.record(if self.error_type.is_some() { "error" } else { "success" }, self.error_type.as_deref())
    }

    pub fn record(&self, status: &str, error_type: Option<&str>) -> Value {
        let elapsed = self.watch.elapsed();
        let mut metrics = json!({ "durationMs": millis(elapsed) });
        let mut spans = Vec::new();
        let mut span = |name: &str, start: Timestamp, took: Duration| {
            spans.push(json!({ "name": name, "start": start.with_millis(), "durationMs": millis(took) }));
        };
        if let Some((began, after)) = self.answers {
            span("responseLatency", self.began, after);
            if let Some((ended, whole, bytes)) = self.answered {
                span("responseDuration", began, whole.saturating_sub(after));
                span("runtimeOverhead", ended, elapsed.saturating_sub(whole));
                metrics = json!({ "durationMs": millis(elapsed), "producedBytes": bytes });
            }
        }
        let mut record = json!({ "requestId": self.request_id, "status": status, "metrics": metrics, "spans": spans });
        if let Value::Object(members) = &mut record {
            members.extend(self.tracing.clone().map(|tracing| ("tracing".to_owned(), tracing)));
            members.extend(error_type.map(|kind| ("errorType".to_owned(), json!(kind))));
        }
        record
    }
}
