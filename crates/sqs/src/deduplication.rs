//! What a FIFO queue remembers for five minutes: deduplication ids, and receives by their attempt ids.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html>

use crate::{
    ids::{GroupId, MessageId, SequenceNumber},
    settings::DeduplicationScope,
    state::{DeduplicationEntry, DeduplicationKey, Queue, QueueProperties, ReceiveAttempt},
};
use cloudlet_aws::Timestamp;
use std::sync::Arc;

/// How many old rows one call drops.
const DROPS_PER_CALL: usize = 100;

/// How many seconds a changed deduplication scope takes to apply.
/// AWS: a change of attributes takes up to 60 seconds, and right after it the scope is the previous one (recorded).
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>
const SCOPE_CHANGE: i64 = 60;

pub fn deduplication_key(scope: DeduplicationScope, group: &GroupId, id: Arc<str>) -> DeduplicationKey {
    match scope {
        DeduplicationScope::Queue => (Arc::default(), id),
        DeduplicationScope::MessageGroup => (group.clone(), id),
    }
}

impl QueueProperties {
    /// The scope of the deduplication ids of messages sent now, in a FIFO queue.
    pub fn deduplication_scope(&self, now: Timestamp) -> Option<DeduplicationScope> {
        let scope = self.settings.fifo?.deduplication_scope;
        Some(self.previous_scope.filter(|(_, changed)| now < changed.plus_secs(SCOPE_CHANGE)).map_or(scope, |(previous, _)| previous))
    }

    /// Call this before the settings change.
    pub fn remember_scope(&mut self, new: Option<DeduplicationScope>, now: Timestamp) {
        let current = self.settings.fifo.map(|fifo| fifo.deduplication_scope);
        if current != new {
            self.previous_scope = self.deduplication_scope(now).map(|scope| (scope, now));
        }
    }
}

impl Queue {
    /// The message sent before under the same deduplication id.
    pub fn duplicate_of(&self, key: &DeduplicationKey, now: Timestamp) -> Option<&DeduplicationEntry> {
        self.deduplication.get_live(key, now.millis())
    }

    pub fn remember_sent(&mut self, key: DeduplicationKey, message_id: MessageId, sequence_number: SequenceNumber, now: Timestamp) {
        self.deduplication.insert(key, DeduplicationEntry { message_id, sequence_number, sent: now });
    }

    pub fn receive_attempt(&self, id: &str, now: Timestamp) -> Option<&ReceiveAttempt> {
        self.receive_attempts.get_live(id, now.millis())
    }

    pub fn remember_receive(&mut self, id: Arc<str>, attempt: ReceiveAttempt) {
        self.receive_attempts.insert(id, attempt);
    }

    /// Drops what is too old, some rows at a time.
    pub fn forget_old(&mut self, now: Timestamp) {
        self.deduplication.purge(now.millis(), DROPS_PER_CALL);
        self.receive_attempts.purge(now.millis(), DROPS_PER_CALL);
    }

    pub fn forget_all(&mut self) {
        self.deduplication.clear();
        self.receive_attempts.clear();
    }

    /// The last sequence number among those that are remembered.
    pub fn reindex_remembered(&mut self) {
        let last = self.deduplication.iter().map(|(_, entry)| entry.sequence_number).max();
        self.last.0 = self.last.0.max(last.unwrap_or_default());
    }
}
