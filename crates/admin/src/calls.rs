//! `GET /_cloudlet/calls`: the latest calls, the newest first.

use crate::{admin::Admin, response::Answer};
use axum::{Json, extract::State};
use cloudlet_aws::TimestampFormat;
use cloudlet_cloud::{CallRecord, EntryPoint};
use cloudlet_engine::{AuthOutcome, AuthRecord};
use serde_json::{Value, json};

pub async fn list(State(admin): State<Admin>) -> Answer {
    Ok(Json(admin.cloud.calls().iter().map(call).collect()))
}

/// What an authorization came to, in a word.
pub fn outcome(outcome: AuthOutcome) -> &'static str {
    match outcome {
        AuthOutcome::Allowed => "allowed",
        AuthOutcome::Denied => "denied",
        AuthOutcome::Tolerated => "tolerated",
        AuthOutcome::NotChecked => "not checked",
    }
}

fn call(record: &CallRecord) -> Value {
    let entry_point = match record.entry_point {
        EntryPoint::Gateway => "gateway",
        EntryPoint::Dispatch => "dispatch",
        EntryPoint::Scheduler => "scheduler",
    };
    json!({
        "request_id": &*record.request_id,
        "at": record.at.text(TimestampFormat::DateTime),
        "entry_point": entry_point,
        "service": record.service,
        "operation": record.operation,
        "principal": &*record.principal,
        "invoked_by_delegate": record.delegate.map(|account| account.to_string()),
        "decisions": record.auth_records.iter().map(decision).collect::<Vec<_>>(),
        "fault": record.fault,
        "micros": u64::try_from(record.took.as_micros()).unwrap_or(u64::MAX),
    })
}

fn decision(record: &AuthRecord) -> Value {
    json!({ "action": record.action, "resource": record.resource.as_str(), "effect": outcome(record.outcome), "reason": record.reason })
}
