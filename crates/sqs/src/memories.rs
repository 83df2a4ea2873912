//! What a FIFO queue remembers for five minutes: deduplication ids, and receives by their attempt ids.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html>

use crate::{
    limits,
    names::MessageId,
    settings::{DeduplicationScope, Fifo},
    state::{Attempt, Group, Memory, Place, Queue, Twin, TwinKey},
};
use cloudlet_aws::Timestamp;
use std::sync::Arc;

/// How many memories one call lets go.
const LOSSES: usize = 100;

pub fn twin_key(fifo: &Fifo, group: &Group, id: Arc<str>) -> TwinKey {
    match fifo.scope {
        DeduplicationScope::Queue => (Arc::default(), id),
        DeduplicationScope::MessageGroup => (group.clone(), id),
    }
}

fn is_fresh(at: Timestamp, now: Timestamp) -> bool {
    now < at.plus_secs(limits::DEDUPLICATION)
}

impl Queue {
    /// The message sent before under the same deduplication id.
    pub fn twin(&self, key: &TwinKey, now: Timestamp) -> Option<&Twin> {
        self.twins.get(key).filter(|twin| is_fresh(twin.at, now))
    }

    pub fn remember_twin(&mut self, key: TwinKey, id: MessageId, place: Place, now: Timestamp) {
        if let Some(old) = self.twins.get(&key).map(|twin| twin.at) {
            self.ages.remove(&(old, Memory::Twin(key.clone())));
        }
        self.ages.insert((now, Memory::Twin(key.clone())), ());
        self.twins.insert(key, Twin { id, place, at: now });
    }

    pub fn attempt(&self, id: &str, now: Timestamp) -> Option<&Attempt> {
        self.attempts.get(id).filter(|attempt| is_fresh(attempt.at, now))
    }

    pub fn remember_attempt(&mut self, id: Arc<str>, attempt: Attempt) {
        if let Some(old) = self.attempts.get(&id).map(|attempt| attempt.at) {
            self.ages.remove(&(old, Memory::Attempt(id.clone())));
        }
        self.ages.insert((attempt.at, Memory::Attempt(id.clone())), ());
        self.attempts.insert(id, attempt);
    }

    /// Lets go of what is too old, some at a time.
    pub fn forget(&mut self, now: Timestamp) {
        for _ in 0..LOSSES {
            let Some((at, memory)) = self.ages.first().map(|(key, ())| key.clone()).filter(|(at, _)| !is_fresh(*at, now)) else { return };
            match &memory {
                Memory::Twin(key) => drop(self.twins.remove(key)),
                Memory::Attempt(id) => drop(self.attempts.remove(id)),
            }
            self.ages.remove(&(at, memory));
        }
    }

    pub fn forget_all(&mut self) {
        self.twins.clear();
        self.attempts.clear();
        self.ages.clear();
    }

    pub fn remember_again(&mut self) {
        for (key, twin) in &self.twins {
            self.ages.insert((twin.at, Memory::Twin(key.clone())), ());
            self.last.0 = self.last.0.max(twin.place);
        }
        for (id, attempt) in &self.attempts {
            self.ages.insert((attempt.at, Memory::Attempt(id.clone())), ());
        }
    }
}
