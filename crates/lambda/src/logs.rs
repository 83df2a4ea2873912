//! What functions write goes to CloudWatch Logs, under their roles. A role that may not write there loses the lines, as in AWS.

use crate::state::FunctionKey;
use cloudlet_api_logs::{
    CreateLogGroup, CreateLogGroupRequest, CreateLogStream, CreateLogStreamRequest, InputLogEvent, PutLogEvents, PutLogEventsRequest,
};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, roles::RoleSession};

/// Bytes of one event, and of all in a request. <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html>
const EVENT: usize = 1_000_000;
const BATCH: usize = 1_000_000;
const EVENTS: usize = 10_000;

/// The beginnings of lines that Lambda writes itself: every other line belongs to the one above if that is open.
fn events(log: &str, timestamp: i64) -> Vec<InputLogEvent> {
    log.split_inclusive('\n')
        .filter(|line| line.trim() != "")
        .map(|line| {
            let cut = (0..=EVENT.min(line.len())).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
            InputLogEvent { timestamp, message: line.get(..cut).unwrap_or_default().to_owned() }
        })
        .collect()
}

async fn put(cx: &Cx, session: &RoleSession, key: &FunctionKey, group: &str, stream: &str, batch: &[InputLogEvent]) -> Result<(), Fault> {
    let input = PutLogEventsRequest {
        log_group_name: group.to_owned(),
        log_stream_name: stream.to_owned(),
        log_events: batch.to_vec(),
        ..PutLogEventsRequest::default()
    };
    cx.call_ignoring_output::<PutLogEvents>(session.caller.clone(), key.scope(), input).await
}

pub async fn write(cx: &Cx, session: &RoleSession, key: &FunctionKey, group: &str, stream: &str, log: &str) {
    let events = events(log, cx.clock().now().millis());
    let mut left = events.as_slice();
    while !left.is_empty() {
        let mut bytes = 0;
        let fits = left.iter().take(EVENTS).take_while(|event| {
            bytes += event.message.len() + 26;
            bytes <= BATCH
        });
        let (batch, rest) = left.split_at(fits.count().max(1));
        left = rest;
        let outcome = match put(cx, session, key, group, stream, batch).await {
            Err(fault) if fault.name() == "ResourceNotFoundException" => {
                let scope = key.scope();
                let new_group = CreateLogGroupRequest { log_group_name: group.to_owned(), ..CreateLogGroupRequest::default() };
                let made = cx.call_ignoring_output::<CreateLogGroup>(session.caller.clone(), scope.clone(), new_group).await;
                if made.as_ref().is_err_and(|fault| fault.name() != "ResourceAlreadyExistsException") {
                    made
                } else {
                    let new_stream = CreateLogStreamRequest { log_group_name: group.to_owned(), log_stream_name: stream.to_owned() };
                    let _ = cx.call_ignoring_output::<CreateLogStream>(session.caller.clone(), scope, new_stream).await;
                    put(cx, session, key, group, stream, batch).await
                }
            }
            outcome => outcome,
        };
        match outcome {
            Ok(()) => {}
            // CloudWatch Logs is not built.
            Err(fault) if fault.status() == 501 => return,
            Err(fault) => return tracing::debug!(%fault, function = %key.name, "the lines of a function are not kept"),
        }
    }
}
