//! The tables: a store for each queue, and one for what lies between queues.
//!
//! A message is a row that never changes; once it has been received, a second small row says how it flies. Everything that is
//! searched by is an index, which follows from these two.

use crate::{
    fairness::{Tenant, Work},
    names::{Md5, MessageId},
    settings::Settings,
};
use cloudlet_api_sqs::MessageAttributeValue;
use cloudlet_aws::{Arn, Timestamp};
use cloudlet_shape::{Blob, Map};
use cloudlet_store::{Table, tables};
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    sync::{Arc, OnceLock},
};
use tokio::sync::Notify;

/// Where a message stands in its queue: by when it was sent. Never given twice in a queue's life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Place(pub u64);

/// Bits below the milliseconds: a million messages of one millisecond.
const WITHIN: u32 = 20;

impl Place {
    pub fn first_of(instant: Timestamp) -> Place {
        Place(u64::try_from(instant.millis()).unwrap_or_default() << WITHIN)
    }

    pub fn last_of(instant: Timestamp) -> Place {
        Place(Place::first_of(instant).0 | ((1 << WITHIN) - 1))
    }

    #[must_use]
    pub fn next(self) -> Place {
        Place(self.0 + 1)
    }
}

/// AWS: 20 digits that grow.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", 10_000_000_000_000_000_000_u128 + u128::from(self.0))
    }
}

/// The `MessageGroupId`: an order of its own in a FIFO queue, a tenant in a standard one.
pub type Group = Arc<str>;

/// A message as it was sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Message {
    pub id: MessageId,
    pub body: Box<str>,
    /// The body's, once somebody has asked for it.
    #[serde(skip)]
    pub md5: OnceLock<Md5>,
    pub sent: Timestamp,
    /// When it can be received first.
    pub due: Timestamp,
    pub sender: Arc<str>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<Attribute>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deduplication: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Arc<str>>,
    /// The encrypted data key it was sent under, in a queue with a KMS key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_key: Option<DataKey>,
    /// For a dead letter: where it died, how often it had been received there, and when first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub past: Option<Past>,
}

impl Message {
    pub fn md5(&self) -> Md5 {
        *self.md5.get_or_init(|| Md5::of(self.body.as_bytes()))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DataKey(#[serde(with = "cloudlet_store::as_base64")] pub Blob);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Past {
    pub source: Arn,
    pub receives: u32,
    pub first: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attribute {
    pub kind: String,
    pub value: AttributeValue,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum AttributeValue {
    Text(String),
    Binary(#[serde(with = "cloudlet_store::as_base64")] Blob),
}

impl Attribute {
    pub fn shown(&self) -> MessageAttributeValue {
        let (string_value, binary_value) = match &self.value {
            AttributeValue::Text(text) => (Some(text.clone()), None),
            AttributeValue::Binary(bytes) => (None, Some(bytes.clone())),
        };
        MessageAttributeValue { string_value, binary_value, data_type: self.kind.clone(), ..MessageAttributeValue::default() }
    }
}

/// What has become of a message that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flight {
    pub receives: u32,
    /// The first receive, and the latest.
    pub first: Timestamp,
    pub latest: Timestamp,
    /// Until when it is invisible.
    pub until: Timestamp,
}

/// A message remembered by its deduplication id, whether it is still there or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Twin {
    pub id: MessageId,
    pub place: Place,
    pub at: Timestamp,
}

/// The scope a deduplication id counts in (empty: the whole queue), and the id.
pub type TwinKey = (Arc<str>, Arc<str>);

/// A receive remembered by its `ReceiveRequestAttemptId`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    pub at: Timestamp,
    pub flights: Vec<(Place, Flight)>,
}

/// What is forgotten after five minutes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Memory {
    Twin(TwinKey),
    Attempt(Arc<str>),
}

/// The queue itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Profile {
    pub arn: Arn,
    pub created: Timestamp,
    pub modified: Timestamp,
    pub settings: Arc<Settings>,
    pub tags: Map<String>,
    pub purged: Option<Timestamp>,
}

/// What a message group has: the one of its messages that can be received next, and how many of them are in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    pub head: Option<(Timestamp, Place)>,
    pub in_flight: u32,
}

/// Rings when something can be received that could not before.
#[derive(Debug, Default)]
pub struct Bell(Arc<Notify>);

impl Bell {
    pub fn listen(&self) -> Arc<Notify> {
        self.0.clone()
    }

    /// For one message: one who waits is enough.
    pub fn ring(&self) {
        self.0.notify_one();
    }

    /// Everybody looks again.
    pub fn toll(&self) {
        self.0.notify_waiters();
    }
}

/// One queue and what it holds.
///
/// INVARIANT: every message is in exactly one of `ready` (or behind its lane's head), `delayed`, `in_flight`.
#[derive(Default)]
pub struct Queue {
    /// One row.
    pub profile: Table<(), Profile>,
    pub messages: Table<Place, Arc<Message>>,
    pub flights: Table<Place, Flight>,
    pub twins: Table<TwinKey, Twin>,
    pub attempts: Table<Arc<str>, Attempt>,
    /// What a receive takes from, in order: messages without a group, and the head of each group.
    pub ready: Table<(Timestamp, Place), Option<Group>>,
    /// A standard queue: the visible messages of each group. A FIFO queue: all messages of each group, at time zero.
    pub lanes: Table<(Group, Timestamp, Place), ()>,
    pub groups: Table<Group, Lane>,
    pub delayed: Table<(Timestamp, Place), ()>,
    pub in_flight: Table<(Timestamp, Place), ()>,
    /// A standard queue: what consumers lately did for each group that has messages, and one row: for all messages together.
    pub tenants: Table<Group, Tenant>,
    pub work: Table<(), Work>,
    pub ages: Table<(Timestamp, Memory), ()>,
    pub bell: Bell,
    /// The last place given to a message sent.
    pub last: Last,
}

tables!(Queue { profile, messages, flights, twins, attempts }
    indexes(Queue::reindex) { ready, lanes, groups, delayed, in_flight, tenants, work, ages }
    transient { bell, last });

/// Only ever grows, so that undoing a write need not undo it.
#[derive(Debug, Default)]
pub struct Last(pub Place);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    Running,
    Completed,
    Cancelled,
    Failed,
}

pub type TaskId = Arc<str>;

/// A message move task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    pub source: Arn,
    pub destination: Option<Arn>,
    pub rate: Option<i32>,
    pub started: Timestamp,
    pub to_move: u64,
    pub moved: u64,
    pub status: Status,
    pub failure: Option<String>,
}

/// What lies between queues.
#[derive(Default)]
pub struct Ledger {
    /// When a queue of this name was deleted.
    pub deleted: Table<Arn, Timestamp>,
    pub tasks: Table<TaskId, Task>,
    pub by_deletion: Table<(Timestamp, Arn), ()>,
    pub running: Table<TaskId, ()>,
    pub by_source: Table<(Arn, Timestamp, TaskId), ()>,
}

tables!(Ledger { deleted, tasks } indexes(Ledger::reindex) { by_deletion, running, by_source });

impl Ledger {
    fn reindex(&mut self) {
        for (arn, at) in &self.deleted {
            self.by_deletion.insert((*at, arn.clone()), ());
        }
        for (id, task) in &self.tasks {
            self.by_source.insert((task.source.clone(), task.started, id.clone()), ());
            if task.status == Status::Running {
                self.running.insert(id.clone(), ());
            }
        }
    }
}
