//! The log of executions: events at the level of the machine's logging configuration, in its log group, under its role.
//! Deliberately behind the executions: what cannot be written is dropped, and stops nobody.
//! <https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html>

use crate::{
    PRINCIPAL, States, configurations, faults,
    scheduled::{LogsInput, WriteLogs},
    state::Revision,
};
use cloudlet_api_logs::InputLogEvent;
use cloudlet_api_states::LoggingConfiguration;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{
    Cx, Permission,
    fingerprint::Fingerprint,
    handler, roles,
    vended_logs::{DeliverLogs, DeliverLogsInput},
};
use cloudlet_shape::Empty;
use serde_json::{Map, Value, json};

/// AWS makes this stream when it tries a destination.
const FIRST_STREAM: &str = "log_stream_created_by_aws_to_validate_log_delivery_subscriptions";
/// Bytes of one entry, above which its data is left out. <https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html>
const LARGEST: usize = 248 * 1024;
/// Bytes of one delivery.
const BATCH: usize = 512 * 1024;

fn group_of(logging: &LoggingConfiguration) -> Option<&str> {
    let destination = logging.destinations.as_ref()?.first()?;
    destination.cloud_watch_logs_log_group.as_ref()?.log_group_arn.as_deref()
}

/// Whether events of a type are logged at a level.
/// <https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html#cloudwatch-log-level>
fn is_logged(level: &str, kind: &str) -> bool {
    let ends = |endings: &[&str]| endings.iter().any(|ending| kind.ends_with(ending));
    match level {
        "ALL" => true,
        "ERROR" => kind == "FailStateEntered" || ends(&["Failed", "TimedOut", "Aborted"]),
        "FATAL" => ["ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"].contains(&kind),
        _ => false,
    }
}

/// The members of details that hold what an execution works on.
const DATA: [&str; 7] = ["input", "inputDetails", "output", "outputDetails", "parameters", "assignedVariables", "assignedVariablesDetails"];

/// An entry of the log.
fn entry(event: &Value, arn: &str, redrives: u32, with_data: bool) -> Option<(i64, String)> {
    let number = |name: &str| event.get(name).and_then(Value::as_u64).unwrap_or(0).to_string();
    let fields = event.as_object()?;
    let details = fields.iter().find(|(name, value)| name.ends_with("EventDetails") && value.is_object());
    let mut details: Map<String, Value> = details.and_then(|(_, details)| details.as_object().cloned()).unwrap_or_default();
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970")]
    let time = (event.get("timestamp")?.as_f64()? * 1000.0).round() as i64;
    let text = |details: &Map<String, Value>| {
        json!({
            "id": number("id"),
            "type": event.get("type"),
            "details": details,
            "previous_event_id": number("previousEventId"),
            "event_timestamp": time.to_string(),
            "execution_arn": arn,
            "redrive_count": redrives.to_string(),
        })
        .to_string()
    };
    if with_data {
        let whole = text(&details);
        if whole.len() <= LARGEST {
            return Some((time, whole));
        }
        // AWS: data that is too large is cut, and the details say so.
        for name in ["input", "output"] {
            if details.remove(name).is_some() {
                details.insert(format!("{name}Details"), json!({"truncated": true}));
            }
        }
        details.retain(|name, _| !["parameters", "assignedVariables", "error", "cause"].contains(&name.as_str()));
        return Some((time, text(&details)));
    }
    details.retain(|name, _| !DATA.contains(&name.as_str()));
    Some((time, text(&details)))
}

impl States {
    /// The entries of some events of an execution.
    pub fn log_entries(&self, revision: &str, arn: &str, redrives: u32, events: impl FnOnce() -> Vec<Value>) -> Vec<InputLogEvent> {
        let logging = self.store.read(|state| state.revisions.get(revision)?.logging.clone());
        let Some(logging) = logging else { return vec![] };
        let logging = configurations::logging(Some(&logging));
        let level = logging.level.unwrap_or_default();
        let with_data = logging.include_execution_data.unwrap_or(false);
        let events = events();
        let logged = events.iter().filter(|event| is_logged(&level, event.get("type").and_then(Value::as_str).unwrap_or_default()));
        let entries = logged.filter_map(|event| entry(event, arn, redrives, with_data));
        entries.map(|(timestamp, message)| InputLogEvent { timestamp, message }).collect()
    }

    /// Has entries written.
    pub fn write_logs(&self, cx: &Cx, revision: &str, arn: &str, entries: Vec<InputLogEvent>) {
        let found = self.store.read(|state| state.revisions.get(revision).cloned());
        let Some((revision, group)) = found.and_then(|revision| {
            let group = group_of(&configurations::logging(revision.logging.as_ref()))?.to_owned();
            Some((revision, group))
        }) else {
            return;
        };
        let mut batch: Vec<InputLogEvent> = Vec::new();
        let mut bytes = 0;
        let mut batches = Vec::new();
        for entry in entries {
            if bytes + entry.message.len() > BATCH && !batch.is_empty() {
                batches.push(std::mem::take(&mut batch));
                bytes = 0;
            }
            bytes += entry.message.len();
            batch.push(entry);
        }
        batches.extend((!batch.is_empty()).then_some(batch));
        for events in batches {
            let input = LogsInput {
                role_arn: revision.role_arn.clone(),
                machine_arn: revision.machine.machine_arn().to_string(),
                log_group: group.clone(),
                log_stream: stream_of(&revision),
                events,
            };
            let source = Arn::parse(arn).unwrap_or_else(Arn::any);
            let scope = source.scope().unwrap_or_else(|| cx.scope.clone());
            if let Err(fault) = cx.schedule::<WriteLogs>(cx.clock().now(), PRINCIPAL, source, scope, input) {
                tracing::warn!(%fault, "entries of an execution's log are dropped");
            }
        }
    }

    /// Whether a destination is there, and the role may write to it.
    pub async fn check_log_destination(&self, cx: &Cx, logging: Option<&LoggingConfiguration>, role: &str, machine: &Arn) -> Result<(), Fault> {
        let Some(group) = logging.and_then(group_of) else { return Ok(()) };
        let input = DeliverLogsInput { log_group: group.to_owned(), log_stream: FIRST_STREAM.to_owned(), events: vec![] };
        match deliver(cx, role, machine, input).await {
            Ok(()) => Ok(()),
            // Without Logs there is nothing to ask.
            Err(fault) if fault.status() == 501 => Ok(()),
            Err(fault) if fault.name() == "ResourceNotFoundException" => {
                Err(faults::INVALID_LOGGING_CONFIGURATION.says("Invalid Logging Configuration: Log Destination not found."))
            }
            Err(_) => Err(faults::ACCESS_DENIED.says("The state machine IAM Role is not authorized to access the Log Destination")),
        }
    }
}

/// `states/machine/2026-11-24-09-30/1a2b3c4d`: one stream for a revision of a machine.
fn stream_of(revision: &Revision) -> String {
    let time = revision.updated.with_millis();
    let time: String = time.chars().take(16).map(|c| if c == 'T' || c == ':' { '-' } else { c }).collect();
    let digest = Fingerprint::of_texts(&[revision.machine.machine_arn().as_str(), &revision.role_arn, &time]);
    let digest: String = digest.as_bytes().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("states/{}/{time}/{digest}", revision.machine.name)
}

async fn deliver(cx: &Cx, role: &str, machine: &Arn, input: DeliverLogsInput) -> Result<(), Fault> {
    let role = Arn::parse(role).ok_or_else(|| Fault::internal("a role without an ARN"))?;
    let session = roles::assume_role(cx, &role, "StepFunctionsLogs", PRINCIPAL, machine).await?;
    let scope = Arn::parse(&input.log_group).and_then(|arn| arn.scope()).unwrap_or_else(|| cx.scope.clone());
    cx.call::<DeliverLogs>(session.caller, scope, input).await.map(drop)
}

handler!(States, WriteLogs, |states, cx, input| Ok(Permission::none()), |states, cx, input| {
    let machine = Arn::parse(&input.machine_arn).unwrap_or_else(Arn::any);
    let delivery = DeliverLogsInput { log_group: input.log_group, log_stream: input.log_stream, events: input.events };
    deliver(cx, &input.role_arn, &machine, delivery).await?;
    Ok(Empty {})
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_have_what_the_level_and_the_configuration_say() {
        for (level, kind, logged) in [
            ("ALL", "PassStateEntered", true),
            ("ERROR", "PassStateEntered", false),
            ("ERROR", "TaskFailed", true),
            ("ERROR", "FailStateEntered", true),
            ("FATAL", "TaskFailed", false),
            ("FATAL", "ExecutionFailed", true),
            ("OFF", "ExecutionFailed", false),
        ] {
            assert_eq!(is_logged(level, kind), logged, "{level} {kind}");
        }
        let event = json!({
            "timestamp": 1_764_000_000.123, "type": "ExecutionStarted", "id": 1, "previousEventId": 0,
            "executionStartedEventDetails": {"input": "{}", "inputDetails": {"truncated": false}, "roleArn": "role"},
        });
        let (time, text) = entry(&event, "arn", 0, false).unwrap();
        assert_eq!(time, 1_764_000_000_123);
        let expected = concat!(
            r#"{"id":"1","type":"ExecutionStarted","details":{"roleArn":"role"},"previous_event_id":"0","event_timestamp":"1764000000123","#,
            r#""execution_arn":"arn","redrive_count":"0"}"#
        );
        assert_eq!(text, expected);
        assert!(entry(&event, "arn", 0, true).unwrap().1.contains(r#""input":"{}""#));
        let large = json!({"timestamp": 1, "type": "X", "id": 1, "previousEventId": 0, "xEventDetails": {"input": "x".repeat(LARGEST), "name": "n"}});
        let (_, text) = entry(&large, "arn", 0, true).unwrap();
        assert!(text.contains(r#""details":{"name":"n","inputDetails":{"truncated":true}}"#), "{text}");
    }
}
