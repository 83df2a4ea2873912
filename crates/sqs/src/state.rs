//! The tables: a store for each queue, one for move tasks, one for the names of deleted queues.
//!
//! A message is a row that never changes; once it has been received, a second small row describes its flight. Everything that is
//! searched by is an index, computed from these two.

use crate::{
    consumer_time::{ConsumerTime, Tenant},
    ids::{GroupId, Md5, MessageId, SequenceNumber},
    limits,
    settings::{DeduplicationScope, Settings},
};
use cloudlet_api_sqs::MessageAttributeValue;
use cloudlet_aws::{Arn, Timestamp};
use cloudlet_shape::{Blob, Map};
use cloudlet_store::{Expires, ExpiringTable, Table, tables};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, OnceLock};
use tokio::sync::Notify;

/// A message as it was sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Message {
    pub id: MessageId,
    pub body: Box<str>,
    /// The digest of the body, computed when it is needed first.
    #[serde(skip)]
    pub md5: OnceLock<Md5>,
    pub sent: Timestamp,
    /// When its delay ends.
    pub visible_from: Timestamp,
    pub sender_id: Arc<str>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<Attribute>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<GroupId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deduplication_id: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_header: Option<Arc<str>>,
    /// The encrypted data key it was sent under, in a queue with a KMS key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_key: Option<DataKey>,
    /// Only for a message in a dead-letter queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter: Option<DeadLetterHistory>,
}

impl Message {
    pub fn md5(&self) -> Md5 {
        *self.md5.get_or_init(|| Md5::of(self.body.as_bytes()))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DataKey(#[serde(with = "cloudlet_store::as_base64")] pub Blob);

/// Where a dead letter comes from, how often it had been received there, and when first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeadLetterHistory {
    pub source_queue: Arn,
    pub receive_count: u32,
    pub first_received: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attribute {
    pub data_type: String,
    pub value: AttributeValue,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum AttributeValue {
    Text(String),
    Binary(#[serde(with = "cloudlet_store::as_base64")] Blob),
}

impl Attribute {
    pub fn to_api(&self) -> MessageAttributeValue {
        let (string_value, binary_value) = match &self.value {
            AttributeValue::Text(text) => (Some(text.clone()), None),
            AttributeValue::Binary(bytes) => (None, Some(bytes.clone())),
        };
        MessageAttributeValue { string_value, binary_value, data_type: self.data_type.clone(), ..MessageAttributeValue::default() }
    }
}

/// The state of a message that was received at least once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flight {
    pub receive_count: u32,
    pub first_received: Timestamp,
    pub last_received: Timestamp,
    /// The end of its visibility timeout.
    pub invisible_until: Timestamp,
}

/// A deduplication id of the last five minutes, with the message sent under it, which may be deleted since.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeduplicationEntry {
    pub message_id: MessageId,
    pub sequence_number: SequenceNumber,
    pub sent: Timestamp,
}

impl Expires for DeduplicationEntry {
    fn expires_at(&self) -> i64 {
        self.sent.plus_secs(limits::DEDUPLICATION).millis()
    }
}

/// The scope that a deduplication id is unique in (a group; empty: the whole queue), and the id.
pub type DeduplicationKey = (Arc<str>, Arc<str>);

/// A receive of the last five minutes that had a `ReceiveRequestAttemptId`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReceiveAttempt {
    pub received: Timestamp,
    pub flights: Vec<(SequenceNumber, Flight)>,
}

impl Expires for ReceiveAttempt {
    fn expires_at(&self) -> i64 {
        self.received.plus_secs(limits::DEDUPLICATION).millis()
    }
}

/// The queue itself, without its messages.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QueueProperties {
    pub arn: Arn,
    pub created: Timestamp,
    pub modified: Timestamp,
    pub settings: Arc<Settings>,
    pub tags: Map<String>,
    pub last_purged: Option<Timestamp>,
    /// The deduplication scope before its latest change, and when it was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_scope: Option<(DeduplicationScope, Timestamp)>,
}

/// The state of a message group: the key in `ready` of its next message, and how many of its messages are in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    pub head: Option<ReadyKey>,
    pub in_flight: u32,
}

/// The order in which messages are received: by the end of the delay, or by a time of the flight of one that was received before.
pub type ReadyKey = (Timestamp, SequenceNumber);

/// The receives that wait for a message.
#[derive(Debug, Default)]
pub struct Waiters(Arc<Notify>);

impl Waiters {
    pub fn subscribe(&self) -> Arc<Notify> {
        self.0.clone()
    }

    /// For one message, one receive is enough.
    pub fn wake_one(&self) {
        self.0.notify_one();
    }

    pub fn wake_all(&self) {
        self.0.notify_waiters();
    }
}

/// One queue and its messages.
///
/// INVARIANT: every message is in exactly one of `ready` (or behind the head of its group), `delayed`, `in_flight`.
#[derive(Default)]
pub struct Queue {
    /// One row.
    pub properties: Table<(), QueueProperties>,
    pub messages: Table<SequenceNumber, Arc<Message>>,
    pub flights: Table<SequenceNumber, Flight>,
    pub deduplication: ExpiringTable<DeduplicationKey, DeduplicationEntry>,
    pub receive_attempts: ExpiringTable<Arc<str>, ReceiveAttempt>,
    /// What can be received: messages without a group, and the next message of each group.
    pub ready: Table<ReadyKey, Option<GroupId>>,
    /// In a standard queue: the visible messages of each group. In a FIFO queue: all messages of each group, with timestamp zero.
    pub lanes: Table<(GroupId, Timestamp, SequenceNumber), ()>,
    pub groups: Table<GroupId, Lane>,
    /// By the end of the delay.
    pub delayed: Table<(Timestamp, SequenceNumber), ()>,
    /// By the end of the visibility timeout.
    pub in_flight: Table<(Timestamp, SequenceNumber), ()>,
    /// A standard queue: the groups that have messages, as tenants.
    pub tenants: Table<GroupId, Tenant>,
    /// A standard queue: one row, for all messages together.
    pub consumer_time: Table<(), ConsumerTime>,
    /// A dead-letter queue: the queues that its messages come from, and how many come from each.
    pub dead_letter_sources: Table<Arn, u64>,
    pub waiters: Waiters,
    pub last: LastSequenceNumber,
}

tables!(Queue { properties, messages, flights, deduplication, receive_attempts }
    indexes(Queue::reindex) { ready, lanes, groups, delayed, in_flight, tenants, consumer_time, dead_letter_sources }
    transient { waiters, last });

/// The last sequence number given. It only grows, so undoing a write need not undo it.
#[derive(Debug, Default)]
pub struct LastSequenceNumber(pub SequenceNumber);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MoveTaskStatus {
    Running,
    Completed,
    Cancelled,
    Failed,
}

pub type TaskId = Arc<str>;

/// A message move task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MoveTask {
    pub source: Arn,
    pub destination: Option<Arn>,
    /// Without a destination: the source queues that the task may send to, as authorized at its start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_destinations: Vec<Arn>,
    pub max_per_second: Option<i32>,
    pub started: Timestamp,
    pub to_move: u64,
    pub moved: u64,
    pub status: MoveTaskStatus,
    pub failure_reason: Option<String>,
}

#[derive(Default)]
pub struct MoveTasks {
    pub tasks: Table<TaskId, MoveTask>,
    pub running: Table<TaskId, ()>,
    pub by_source: Table<(Arn, Timestamp, TaskId), ()>,
}

tables!(MoveTasks { tasks } indexes(MoveTasks::reindex) { running, by_source });

impl MoveTasks {
    fn reindex(&mut self) {
        for (id, task) in &self.tasks {
            self.by_source.insert((task.source.clone(), task.started, id.clone()), ());
            if task.status == MoveTaskStatus::Running {
                self.running.insert(id.clone(), ());
            }
        }
    }
}

/// When queues were deleted lately: their names cannot be used again at once.
#[derive(Default)]
pub struct DeletedQueues {
    pub deleted: ExpiringTable<Arn, DeletedAt>,
}

tables!(DeletedQueues { deleted });

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeletedAt(pub Timestamp);

impl Expires for DeletedAt {
    fn expires_at(&self) -> i64 {
        self.0.plus_secs(limits::COOL_DOWN).millis()
    }
}
