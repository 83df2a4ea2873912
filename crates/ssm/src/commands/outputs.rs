//! Where outputs go beside the answers: objects in S3, streams of a log group. The node writes them, under its role.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-rc-setting-up-cwlogs.html>

use super::{
    actions::execution::Execution,
    rows::{Command, StepResult},
};
use cloudlet_api_logs::{
    CreateLogGroup, CreateLogGroupRequest, CreateLogStream, CreateLogStreamRequest, InputLogEvent, PutLogEvents, PutLogEventsRequest,
};
use cloudlet_api_s3::{PutObject, PutObjectRequest};
use cloudlet_aws::{Region, Scope};
use cloudlet_shape::Body;

/// Events of one call, and the bytes of them together.
const MOST_EVENTS: usize = 10_000;
const MOST_BYTES: usize = 900_000;
const LONGEST_LINE: usize = 200_000;

/// `prefix/command/node/awsrunShellScript/0.awsrunShellScript`
pub fn key(prefix: Option<&str>, command: &str, node: &str, step: &StepResult) -> String {
    let prefix = prefix.map(|prefix| format!("{}/", prefix.trim_end_matches('/'))).unwrap_or_default();
    format!("{prefix}{command}/{node}/{}/{}", step.action.replace(':', ""), step.id)
}

/// Output that cannot be delivered is lost: the agent says so in a log of its own, and the command goes on.
pub async fn deliver(execution: &Execution<'_>, command: &Command, step: &StepResult, output: &str, error: &str) {
    let Ok(caller) = execution.caller() else { return };
    let streams = [("stdout", output), ("stderr", error)];
    for (stream, text) in streams.into_iter().filter(|(_, text)| !text.is_empty()) {
        if let Some(s3) = &command.s3 {
            let scope = Scope::new(execution.cx.scope.account, Region::new(&*s3.region));
            let input = PutObjectRequest {
                bucket: s3.bucket.to_string(),
                key: format!("{}/{stream}", key(s3.prefix.as_deref(), &execution.command, &execution.node.id, step)),
                content_length: i64::try_from(text.len()).ok(),
                body: Some(Body::whole(text.to_owned())),
                ..PutObjectRequest::default()
            };
            let _ = Box::pin(execution.cx.call::<PutObject>(caller.clone(), scope, input)).await;
        }
        if let Some(group) = &command.log_group {
            let scope = || execution.cx.scope.clone();
            let name = format!("{}/{}/{}/{stream}", execution.command, execution.node.id, step.name.replace(':', "-"));
            let cx = execution.cx;
            // There may be both already.
            let _ = Box::pin(cx.call::<CreateLogGroup>(
                caller.clone(),
                scope(),
                CreateLogGroupRequest { log_group_name: group.to_string(), ..CreateLogGroupRequest::default() },
            ))
            .await;
            let made = CreateLogStreamRequest { log_group_name: group.to_string(), log_stream_name: name.clone() };
            let _ = Box::pin(cx.call::<CreateLogStream>(caller.clone(), scope(), made)).await;
            for log_events in events(text, cx.clock().now().0) {
                let input = PutLogEventsRequest {
                    log_group_name: group.to_string(),
                    log_stream_name: name.clone(),
                    log_events,
                    ..PutLogEventsRequest::default()
                };
                if Box::pin(cx.call::<PutLogEvents>(caller.clone(), scope(), input)).await.is_err() {
                    break;
                }
            }
        }
    }
}

/// The lines of a text, as many in one call as Logs takes.
fn events(text: &str, timestamp: i64) -> Vec<Vec<InputLogEvent>> {
    let (mut calls, mut bytes) = (vec![Vec::new()], 0);
    for line in text.lines().filter(|line| !line.is_empty()) {
        let message: String = line.chars().take(LONGEST_LINE / 4).collect();
        bytes += message.len() + 26;
        let call: Option<&mut Vec<InputLogEvent>> = calls.last_mut();
        let event = InputLogEvent { timestamp, message };
        match call {
            Some(call) if call.len() < MOST_EVENTS && bytes < MOST_BYTES => call.push(event),
            _ => {
                bytes = 0;
                calls.push(vec![event]);
            }
        }
    }
    calls.retain(|call| !call.is_empty());
    calls
}
