//! What was seen in a session goes to S3 and CloudWatch Logs, written by the node.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-logging.html>

use super::{Sessions, encrypted::context, live::LiveSession};
use cloudlet_api_logs::{
    CreateLogGroup, CreateLogGroupRequest, CreateLogStream, CreateLogStreamRequest, DescribeLogGroups, DescribeLogGroupsRequest, InputLogEvent,
    PutLogEvents, PutLogEventsRequest,
};
use cloudlet_api_s3::{GetBucketEncryption, GetBucketEncryptionRequest, PutObject, PutObjectRequest};
use cloudlet_shape::Body;

/// Bytes of a transcript that are kept: what comes after is not.
const LONGEST: usize = 16 << 20;
/// Bytes of one event. <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
const EVENT: usize = 200_000;
/// Events of one request.
const EVENTS: usize = 4;

const LOGS_NOT_ENCRYPTED: &str = "We couldn't start the session because encryption is not set up on the selected CloudWatch Logs log group. \
     Either encrypt the log group or choose an option to enable logging without encryption.";
const BUCKET_NOT_ENCRYPTED: &str = "We couldn't start the session because encryption is not set up on the selected Amazon S3 bucket. \
     Either encrypt the bucket or choose an option to enable logging without encryption.";

#[derive(Default)]
pub struct Transcript {
    wanted: bool,
    bytes: Vec<u8>,
}

impl Transcript {
    pub fn of(live: &LiveSession) -> Transcript {
        let preferences = &live.plan.preferences;
        Transcript { wanted: !live.plan.is_port() && (preferences.bucket.is_some() || preferences.log_group.is_some()), bytes: Vec::new() }
    }

    pub fn add(&mut self, bytes: &[u8]) {
        if self.wanted {
            let room = LONGEST.saturating_sub(self.bytes.len());
            self.bytes.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        }
    }
}

/// Why a session may not begin.
pub async fn refuse(live: &LiveSession) -> Result<(), String> {
    let preferences = &live.plan.preferences;
    if live.plan.is_port() {
        return Ok(());
    }
    let (cx, scope) = (context(live), live.key.0.clone());
    if let Some(group) = preferences.log_group.as_ref().filter(|_| preferences.log_encrypted) {
        let input = DescribeLogGroupsRequest { log_group_name_prefix: Some(group.clone()), ..DescribeLogGroupsRequest::default() };
        let found = cx.call::<DescribeLogGroups>(live.role.clone(), scope.clone(), input).await.map_err(|fault| {
            format!(
                "Couldn't start the session because we are unable to validate encryption on CloudWatch Logs log group. Error: {}",
                fault.message()
            )
        })?;
        let of_name = found.log_groups.into_iter().flatten().find(|known| known.log_group_name.as_deref() == Some(group));
        if of_name.is_none_or(|group| group.kms_key_id.is_none()) {
            return Err(LOGS_NOT_ENCRYPTED.to_owned());
        }
    }
    if let Some(bucket) = preferences.bucket.as_ref().filter(|_| preferences.bucket_encrypted) {
        let input = GetBucketEncryptionRequest { bucket: bucket.clone(), ..GetBucketEncryptionRequest::default() };
        match cx.call::<GetBucketEncryption>(live.role.clone(), scope, input).await {
            Ok(_) => {}
            Err(fault) if fault.name() == "ServerSideEncryptionConfigurationNotFoundError" => return Err(BUCKET_NOT_ENCRYPTED.to_owned()),
            Err(fault) => {
                let why = fault.message();
                return Err(format!("Couldn't start the session because we are unable to validate encryption on Amazon S3 bucket. Error: {why}"));
            }
        }
    }
    Ok(())
}

/// Writes it. What cannot be written is lost, as on AWS.
pub async fn keep(sessions: &Sessions, live: &LiveSession, transcript: Transcript) {
    if !transcript.wanted {
        return;
    }
    let preferences = &live.plan.preferences;
    let (cx, scope) = (context(live), live.key.0.clone());
    let (mut in_s3, mut in_logs) = (None, None);
    if let Some(bucket) = &preferences.bucket {
        let prefix = preferences.prefix.trim_end_matches('/');
        let key = if prefix.is_empty() { format!("{}.log", live.key.1) } else { format!("{prefix}/{}.log", live.key.1) };
        let input = PutObjectRequest {
            bucket: bucket.clone(),
            key: key.clone(),
            content_type: Some("application/octet-stream".to_owned()),
            body: Some(Body::whole(transcript.bytes.clone())),
            ..PutObjectRequest::default()
        };
        match cx.call::<PutObject>(live.role.clone(), scope.clone(), input).await {
            Ok(_) => in_s3 = Some(format!("https://s3.{}.amazonaws.com/{bucket}/{key}", scope.region.as_str())),
            Err(fault) => tracing::debug!(target: "cloudlet", %fault, session = %live.key.1, "a transcript cannot be written to S3"),
        }
    }
    if let Some(group) = &preferences.log_group {
        let new_group = CreateLogGroupRequest { log_group_name: group.clone(), ..CreateLogGroupRequest::default() };
        let _ = cx.call_ignoring_output::<CreateLogGroup>(live.role.clone(), scope.clone(), new_group).await;
        let stream = live.key.1.to_string();
        let new_stream = CreateLogStreamRequest { log_group_name: group.clone(), log_stream_name: stream.clone() };
        let _ = cx.call_ignoring_output::<CreateLogStream>(live.role.clone(), scope.clone(), new_stream).await;
        let text = String::from_utf8_lossy(&transcript.bytes).into_owned();
        let timestamp = live.runtime.clock.now().millis();
        let mut events: Vec<InputLogEvent> = Vec::new();
        let pieces: Vec<String> = if preferences.log_streaming { text.lines().map(|line| streamed(live, line)).collect() } else { pieces(&text) };
        let mut kept = true;
        let mut size = 0;
        for message in pieces {
            size += message.len();
            events.push(InputLogEvent { timestamp, message });
            if size >= EVENT * EVENTS || events.len() >= 1_000 {
                kept &= put(live, group, &stream, std::mem::take(&mut events)).await;
                size = 0;
            }
        }
        if !events.is_empty() {
            kept &= put(live, group, &stream, events).await;
        }
        if kept {
            in_logs = Some(format!("{group}/{stream}"));
        }
    }
    sessions.note_output(&live.key, in_s3, in_logs);
}

async fn put(live: &LiveSession, group: &str, stream: &str, log_events: Vec<InputLogEvent>) -> bool {
    let input =
        PutLogEventsRequest { log_group_name: group.to_owned(), log_stream_name: stream.to_owned(), log_events, ..PutLogEventsRequest::default() };
    context(live).call_ignoring_output::<PutLogEvents>(live.role.clone(), live.key.0.clone(), input).await.is_ok()
}

/// One line of a session whose log is streamed.
fn streamed(live: &LiveSession, line: &str) -> String {
    let line = line.trim_end_matches('\r');
    serde_json::json!({
        "eventVersion": "1.0",
        "eventTime": live.runtime.clock.now().with_millis(),
        "awsRegion": live.key.0.region.as_str(),
        "target": { "id": &*live.plan.target },
        "userIdentity": { "arn": "" },
        "runAsUser": "ssm-user",
        "sessionId": &*live.key.1,
        "sessionData": [line],
    })
    .to_string()
}

fn pieces(text: &str) -> Vec<String> {
    let (mut pieces, mut left) = (Vec::new(), text);
    while !left.is_empty() {
        let cut = (0..=EVENT.min(left.len())).rev().find(|at| left.is_char_boundary(*at)).unwrap_or(left.len());
        let (piece, rest) = left.split_at(cut);
        pieces.push(piece.to_owned());
        left = rest;
    }
    pieces
}
