//! What a FIFO queue remembers for five minutes: deduplication ids, and receives by their attempt ids.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html>

use crate::{
    ids::{GroupId, MessageId, SequenceNumber},
    limits,
    settings::DeduplicationScope,
    state::{DeduplicationEntry, DeduplicationKey, ExpiringRow, Queue, QueueProperties, ReceiveAttempt},
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

fn is_remembered(at: Timestamp, now: Timestamp) -> bool {
    now < at.plus_secs(limits::DEDUPLICATION)
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
        self.deduplication.get(key).filter(|entry| is_remembered(entry.sent, now))
    }

    pub fn remember_sent(&mut self, key: DeduplicationKey, message_id: MessageId, sequence_number: SequenceNumber, now: Timestamp) {
        if let Some(before) = self.deduplication.get(&key).map(|entry| entry.sent) {
            self.expiring.remove(&(before, ExpiringRow::Deduplication(key.clone())));
        }
        self.expiring.insert((now, ExpiringRow::Deduplication(key.clone())), ());
        self.deduplication.insert(key, DeduplicationEntry { message_id, sequence_number, sent: now });
    }

    pub fn receive_attempt(&self, id: &str, now: Timestamp) -> Option<&ReceiveAttempt> {
        self.receive_attempts.get(id).filter(|attempt| is_remembered(attempt.received, now))
    }

    pub fn remember_receive(&mut self, id: Arc<str>, attempt: ReceiveAttempt) {
        if let Some(before) = self.receive_attempts.get(&id).map(|attempt| attempt.received) {
            self.expiring.remove(&(before, ExpiringRow::ReceiveAttempt(id.clone())));
        }
        self.expiring.insert((attempt.received, ExpiringRow::ReceiveAttempt(id.clone())), ());
        self.receive_attempts.insert(id, attempt);
    }

    /// Drops what is too old, some rows at a time.
    pub fn forget_old(&mut self, now: Timestamp) {
        for _ in 0..DROPS_PER_CALL {
            let Some((at, row)) = self.expiring.first().map(|(key, ())| key.clone()).filter(|(at, _)| !is_remembered(*at, now)) else { return };
            match &row {
                ExpiringRow::Deduplication(key) => drop(self.deduplication.remove(key)),
                ExpiringRow::ReceiveAttempt(id) => drop(self.receive_attempts.remove(id)),
            }
            self.expiring.remove(&(at, row));
        }
    }

    pub fn forget_all(&mut self) {
        self.deduplication.clear();
        self.receive_attempts.clear();
        self.expiring.clear();
    }

    pub fn reindex_remembered(&mut self) {
        for (key, entry) in &self.deduplication {
            self.expiring.insert((entry.sent, ExpiringRow::Deduplication(key.clone())), ());
            self.last.0 = self.last.0.max(entry.sequence_number);
        }
        for (id, attempt) in &self.receive_attempts {
            self.expiring.insert((attempt.received, ExpiringRow::ReceiveAttempt(id.clone())), ());
        }
    }
}
