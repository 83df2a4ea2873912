//! What a FIFO queue remembers for five minutes: deduplication ids, and receives by their attempt ids.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html>

use crate::{
    ids::{GroupId, MessageId, SequenceNumber},
    limits,
    settings::{DeduplicationScope, Fifo},
    state::{DeduplicationEntry, DeduplicationKey, ExpiringRow, Queue, ReceiveAttempt},
};
use cloudlet_aws::Timestamp;
use std::sync::Arc;

/// How many old rows one call drops.
const DROPS_PER_CALL: usize = 100;

pub fn deduplication_key(fifo: &Fifo, group: &GroupId, id: Arc<str>) -> DeduplicationKey {
    match fifo.deduplication_scope {
        DeduplicationScope::Queue => (Arc::default(), id),
        DeduplicationScope::MessageGroup => (group.clone(), id),
    }
}

fn is_remembered(at: Timestamp, now: Timestamp) -> bool {
    now < at.plus_secs(limits::DEDUPLICATION)
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
