//! FIFO topics: sequence numbers, deduplication, and deliveries in the order of each message group.

use crate::{
    Sns, faults,
    state::{DeduplicationEntry, Delivery, Message, ThroughputScope, Topic},
};
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::Cx;
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

/// Whether a message was published before, within five minutes.
pub enum Sequenced {
    New(Message),
    Duplicate(DeduplicationEntry),
}

fn group(delivery: &Delivery) -> &str {
    delivery.group.as_deref().unwrap_or_default()
}

fn key(delivery: &Delivery) -> (Arn, String, u64) {
    (delivery.subscription.clone(), group(delivery).to_owned(), delivery.sequence_number.unwrap_or_default())
}

impl Sns {
    /// The lock under which the messages of a group are numbered and delivered.
    pub fn lane(&self, topic: &Arn, group: Option<&str>) -> &tokio::sync::Mutex<()> {
        let mut hasher = DefaultHasher::new();
        (topic, group).hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % self.lanes.len() as u64).unwrap_or_default();
        self.lanes.get(index).unwrap_or(&self.first_lane)
    }

    /// Gives a message its sequence number, remembers its deduplication id, and archives it if its topic has an archive.
    pub fn sequence(&self, cx: &Cx, topic: &Topic, mut message: Message) -> Result<Sequenced, Fault> {
        let per_group = topic.fifo.and_then(|fifo| fifo.throughput_scope) == Some(ThroughputScope::MessageGroup);
        let group = message.group.clone().filter(|_| per_group).unwrap_or_default();
        let key = (group, message.deduplication_id.clone().unwrap_or_default());
        let sequenced = self.fifo_topics.update(&topic.arn, |fifo| {
            fifo.deduplication.purge(cx.now.millis(), usize::MAX);
            if let Some(entry) = fifo.deduplication.get(&key) {
                return Sequenced::Duplicate(entry.clone());
            }
            let number = fifo.last_sequence_number.get(&()).copied().unwrap_or_default() + 1;
            fifo.last_sequence_number.insert((), number);
            message.sequence_number = Some(number);
            fifo.deduplication.insert(key, DeduplicationEntry { message_id: message.id.clone(), sequence_number: number, at: cx.now });
            if let Some(days) = topic.archive_days {
                let expired = cx.now.plus_secs(-i64::from(days) * 86_400);
                while let Some(number) = fifo.archive.first().filter(|(_, old)| old.at <= expired).map(|(number, _)| *number) {
                    fifo.archive.remove(&number);
                }
                fifo.archive.insert(number, Arc::new(message.clone()));
            }
            Sequenced::New(message)
        });
        sequenced.ok_or_else(faults::no_topic)
    }

    /// Delivers a message of a FIFO topic: at once, or behind those of its group that wait for a retry.
    pub async fn deliver_in_order(&self, cx: &Cx, delivery: Delivery) {
        let waits = self.fifo_topics.update(&delivery.topic, |fifo| {
            let waits = fifo.first_waiting(&delivery.subscription, group(&delivery)).is_some();
            if waits {
                fifo.waiting.insert(key(&delivery), delivery.clone());
            }
            waits
        });
        if waits == Some(true) {
            return;
        }
        if let Some((delivery, due)) = self.attempt(cx, delivery).await {
            self.fifo_topics.update(&delivery.topic, |fifo| fifo.waiting.insert(key(&delivery), delivery.clone()));
            self.schedule_delivery(cx, &delivery, due);
        }
    }

    /// Goes on with a message group whose first delivery is due for a retry.
    pub async fn resume_group(&self, cx: &Cx, due: &Delivery) {
        let _lane = self.lane(&due.topic, due.group.as_deref()).lock().await;
        loop {
            let next = self.fifo_topics.read(&due.topic, |fifo| fifo.first_waiting(&due.subscription, group(due)).cloned());
            let Some(next) = next.flatten() else { return };
            let key = key(&next);
            let retry = if self.is_wanted(&next) { self.attempt(cx, next).await } else { None };
            match retry {
                None => drop(self.fifo_topics.update(&due.topic, |fifo| fifo.waiting.remove(&key))),
                Some((delivery, due)) => {
                    self.fifo_topics.update(&delivery.topic, |fifo| fifo.waiting.insert(key, delivery.clone()));
                    return self.schedule_delivery(cx, &delivery, due);
                }
            }
        }
    }
}
