//! The control channel between the service and the agent of a machine: jobs (commands), sessions to be opened and closed, and what became of them.
//! Its frames are those of the data channel; what they carry is JSON, some of it as text within.
//!
//! As read in the agent: `agent/session/contracts/model.go`, `agent/runcommand/contracts/model.go`, `agent/contracts/model.go`.

use crate::{
    frame::{Frame, MessageType, PayloadKind},
    messages::ChannelClosed,
};
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

pub const SEND_COMMAND: &str = "aws.ssm.sendCommand";
pub const CANCEL_COMMAND: &str = "aws.ssm.cancelCommand";
/// The bytes of a message that an agent takes and sends.
pub const LARGEST: usize = 142_000;
/// The bytes of a reply's content.
pub const LARGEST_REPLY: usize = 120_000;
pub const SCHEMA: &str = "1.0";

/// The body of `POST /v1/control-channel/ID` and `POST /v1/data-channel/ID`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateChannel {
    pub message_schema_version: String,
    pub request_id: String,
    pub client_id: String,
}

/// The first message of an agent, a text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct OpenControlChannel {
    pub message_schema_version: String,
    pub request_id: String,
    pub token_value: String,
    pub agent_version: String,
    pub platform_type: String,
}

/// `agent_job`, and `interactive_shell` with a task's id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Job {
    /// JSON: `SendCommand`, `CancelCommand` or `OpenSession`.
    pub content: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub job_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub task_id: String,
    pub topic: String,
    pub schema_version: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SendCommand {
    pub parameters: Value,
    pub document_content: Value,
    pub command_id: String,
    pub document_name: String,
    pub output_s3_key_prefix: String,
    pub output_s3_bucket_name: String,
    pub cloud_watch_log_group_name: String,
    /// `true` or `false`.
    pub cloud_watch_output_enabled: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CancelCommand {
    pub cancel_message_id: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct OpenSession {
    pub document_name: String,
    pub document_content: Value,
    pub session_id: String,
    pub parameters: Value,
    pub run_as_user: String,
    pub session_owner: String,
}

/// `agent_job_ack`: whether a job was taken. `200`: it was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct JobAcknowledged {
    pub job_id: String,
    pub acknowledged_message_id: String,
    pub created_date: String,
    pub status_code: String,
    pub error_message: String,
}

/// `agent_job_reply`: how far a job is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct JobReply {
    pub schema_version: i64,
    pub job_id: String,
    /// JSON: `Reply`.
    pub content: String,
    pub topic: String,
}

/// `agent_job_reply_ack`: until it comes, the agent sends the reply again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReplyAcknowledged {
    pub job_id: String,
    pub acknowledged_message_id: String,
}

/// How far a document is, and each of its steps that has something to say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Reply {
    pub additional_info: Value,
    /// `InProgress`, `Success`, `Failed`, `TimedOut`, `Cancelled`.
    pub document_status: String,
    pub document_trace_output: String,
    #[serde(deserialize_with = "null_is_none")]
    pub runtime_status: BTreeMap<String, StepStatus>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StepStatus {
    pub status: String,
    pub code: i64,
    pub name: String,
    pub output: String,
    pub start_date_time: String,
    pub end_date_time: String,
    pub output_s3_bucket_name: String,
    pub output_s3_key_prefix: String,
    pub step_name: String,
    pub standard_output: String,
    pub standard_error: String,
}

/// `agent_task_complete`: a session is over.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TaskComplete {
    pub schema_version: i64,
    /// The session's id.
    pub task_id: String,
    pub topic: String,
    /// `Success`, `Failed`, `Cancelled`, `TimedOut`.
    pub final_task_status: String,
    pub is_routing_failure: bool,
    pub aws_account_id: String,
    pub instance_id: String,
    pub output: String,
    pub s3_bucket: String,
    pub s3_url_suffix: String,
    pub cwl_group: String,
    pub cwl_stream: String,
    pub retry_number: i64,
}

/// Maps of Go are null when they are empty, and so are their values when they point nowhere.
fn null_is_none<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, StepStatus>, D::Error> {
    let read = Option::<BTreeMap<String, Option<StepStatus>>>::deserialize(from)?;
    Ok(read.unwrap_or_default().into_iter().filter_map(|(name, status)| Some((name, status?))).collect())
}

/// What an agent says.
#[derive(Clone, Debug, PartialEq)]
pub enum FromAgent {
    Acknowledged(JobAcknowledged),
    /// With the id of the message, which is to be acknowledged.
    Replied(JobReply, String),
    Completed(TaskComplete),
    /// Of another kind, or not to be read.
    Other,
}

/// What an agent is told.
#[derive(Clone, Debug, PartialEq)]
pub enum ToAgent {
    /// With the id of the message.
    Job(Job, String),
    Open(Job),
    Close(ChannelClosed),
    ReplyAcknowledged(ReplyAcknowledged),
    Other,
}

impl FromAgent {
    pub fn read(bytes: &Bytes) -> FromAgent {
        let Ok(frame) = Frame::parse(bytes) else { return FromAgent::Other };
        let read = match frame.message {
            MessageType::AgentJobAck => serde_json::from_slice(&frame.payload).ok().map(FromAgent::Acknowledged),
            MessageType::AgentJobReply => serde_json::from_slice(&frame.payload).ok().map(|reply| FromAgent::Replied(reply, frame.id_text())),
            MessageType::AgentTaskComplete => serde_json::from_slice(&frame.payload).ok().map(FromAgent::Completed),
            _ => None,
        };
        read.unwrap_or(FromAgent::Other)
    }
}

impl ToAgent {
    pub fn read(bytes: &Bytes) -> ToAgent {
        let Ok(frame) = Frame::parse(bytes) else { return ToAgent::Other };
        let read = match frame.message {
            MessageType::AgentJob => serde_json::from_slice(&frame.payload).ok().map(|job| ToAgent::Job(job, frame.id_text())),
            MessageType::InteractiveShell => serde_json::from_slice(&frame.payload).ok().map(ToAgent::Open),
            MessageType::ChannelClosed => serde_json::from_slice(&frame.payload).ok().map(ToAgent::Close),
            MessageType::AgentJobReplyAck => serde_json::from_slice(&frame.payload).ok().map(ToAgent::ReplyAcknowledged),
            _ => None,
        };
        read.unwrap_or(ToAgent::Other)
    }
}

/// A message of the control channel, and its id. `date`: milliseconds since 1970.
pub fn control_frame(message: MessageType, date: u64, id: [u8; 16], content: &impl Serialize) -> (Bytes, String) {
    let payload = serde_json::to_vec(content).unwrap_or_default().into();
    let frame = Frame { message, created: date.max(1), sequence: 0, flags: 0, id, kind: PayloadKind::None, payload };
    (frame.write(), frame.id_text())
}

/// The id of a job: `aws.ssm.COMMAND.NODE`.
pub fn job_id(command: &str, node: &str) -> String {
    format!("aws.ssm.{command}.{node}")
}

/// The command and the node of a job's id.
pub fn parts_of_job(id: &str) -> Option<(&str, &str)> {
    id.strip_prefix("aws.ssm.")?.rsplit_once('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_of_aws_writes_is_read() {
        let content = r#"{"additionalInfo":{"agent":{"lang":"en-US"},"dateTime":"2024-01-01T00:00:00.000Z","runtimeStatusCounts":null},
            "documentStatus":"InProgress","documentTraceOutput":"","runtimeStatus":null}"#;
        let reply: Reply = serde_json::from_str(content).unwrap();
        assert_eq!((reply.document_status.as_str(), reply.runtime_status.len()), ("InProgress", 0));
        let content = r#"{"documentStatus":"Success","runtimeStatus":{"aws:runShellScript":{"status":"Success","code":0,"name":"aws:runShellScript",
            "standardOutput":"hi\n","stepName":"x"},"gone":null}}"#;
        let reply: Reply = serde_json::from_str(content).unwrap();
        assert_eq!(
            reply.runtime_status.into_iter().map(|(name, step)| (name, step.standard_output)).collect::<Vec<_>>(),
            [("aws:runShellScript".to_owned(), "hi\n".to_owned())]
        );
    }

    #[test]
    fn messages_come_back_as_they_were() {
        let job = Job { content: "{}".into(), job_id: job_id("c-1", "mi-1"), topic: SEND_COMMAND.into(), schema_version: 1, ..Job::default() };
        let (bytes, id) = control_frame(MessageType::AgentJob, 5, [3; 16], &job);
        assert_eq!(ToAgent::read(&bytes), ToAgent::Job(job, id));
        assert_eq!(FromAgent::read(&bytes), FromAgent::Other);
        let done = TaskComplete { task_id: "s".into(), ..TaskComplete::default() };
        assert_eq!(FromAgent::read(&control_frame(MessageType::AgentTaskComplete, 5, [3; 16], &done).0), FromAgent::Completed(done));
        assert_eq!(parts_of_job("aws.ssm.2b19.mi-1"), Some(("2b19", "mi-1")));
        assert_eq!(parts_of_job("other"), None);
    }
}
