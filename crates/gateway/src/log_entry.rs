//! One line of the log for every call of AWS.

use crate::observed::Observation;
use cloudlet_aws::Fault;
use cloudlet_engine::{AuthOutcome, Stopwatch};
use std::sync::Arc;

/// What the log says of a request. It is filled in step by step.
#[derive(Default)]
pub struct LogEntry {
    pub method: http::Method,
    pub service: &'static str,
    pub operation: &'static str,
    pub principal: Option<Arc<str>>,
    pub outcome: Option<AuthOutcome>,
    pub fault: Option<Fault>,
    pub request_id: Arc<str>,
    /// Of a request whose answer a service observes.
    pub observation: Option<Box<Observation>>,
    pub notes: Vec<(&'static str, String)>,
}

impl LogEntry {
    pub fn write(&self, status: u16, watch: Stopwatch) {
        if !tracing::enabled!(target: "cloudlet::call", tracing::Level::INFO) {
            return;
        }
        let decision = match self.outcome {
            Some(AuthOutcome::Allowed) => "allowed",
            Some(AuthOutcome::Denied) => "denied",
            Some(AuthOutcome::Tolerated) => "would be denied",
            Some(AuthOutcome::NotChecked) => "not checked",
            None => "-",
        };
        let what = if self.operation.is_empty() { self.method.as_str() } else { self.operation };
        tracing::info!(
            target: "cloudlet::call",
            request_id = &*self.request_id,
            principal = self.principal.as_deref().unwrap_or("-"),
            action = format_args!("{}:{}", self.service, what),
            decision,
            status,
            code = self.fault.as_ref().map_or("-", |fault| fault.code()),
            micros = u64::try_from(watch.elapsed().as_micros()).unwrap_or(u64::MAX),
        );
    }
}
