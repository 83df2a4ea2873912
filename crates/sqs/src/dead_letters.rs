//! Moving messages from a queue to its dead-letter queue, and ListDeadLetterSourceQueues.

use crate::{
    QueueRef, Sqs,
    addresses::Kind,
    ids::MessageId,
    queues::{page, page_size},
    receiving::ReceivedMessage,
    redrive::TargetError,
    state::{DeadLetterHistory, Message, Queue},
};
use cloudlet_api_sqs::{ListDeadLetterSourceQueues, ListDeadLetterSourceQueuesRequest, ListDeadLetterSourceQueuesResult};
use cloudlet_aws::{Arn, Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_store::StoreMap;
use std::ops::Bound;

/// Whether a queue may have this dead-letter queue.
pub fn check_target(queues: &StoreMap<Arn, Queue>, source: &Arn, kind: Kind, target: &Arn) -> Result<(), TargetError> {
    if source.scope() != target.scope() {
        return Err(TargetError::OtherAccountOrRegion);
    }
    let settings = |queue: &Queue| queue.properties().map(|properties| properties.settings.clone());
    let settings = queues.read(target, settings).flatten().ok_or(TargetError::NotFound)?;
    if settings.kind() != kind {
        return Err(TargetError::OtherType);
    }
    if settings.redrive_allow_policy.as_ref().is_some_and(|allow| !allow.allows(source)) {
        return Err(TargetError::NotAllowed);
    }
    Ok(())
}

impl Sqs {
    /// Moves dead letters to the dead-letter queue. They are added there before they are removed here: none is lost whenever the
    /// process ends.
    pub(crate) fn move_dead_letters(
        &self,
        source: &Arn,
        queue: &QueueRef,
        target: &Arn,
        dead_letters: Vec<ReceivedMessage>,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let added = self.queue_by_arn(target).and_then(|target| {
            target.write(|target| {
                for dead_letter in &dead_letters {
                    target.insert_dead_letter(dead_letter, source, now);
                }
                Ok(())
            })
        });
        queue.write(|queue| {
            for ReceivedMessage { number, flight, .. } in dead_letters {
                match &added {
                    Ok(()) => drop(queue.remove(number, now)),
                    // The dead-letter queue was deleted meanwhile: the messages can be received again.
                    Err(_) if queue.flights.get(&number) == Some(&flight) => queue.set_invisible_until(number, flight, now, now),
                    Err(_) => {}
                }
            }
            Ok(())
        })
    }

    /// The queues of the same account and region that have this dead-letter queue.
    pub(crate) fn sources_of<'a>(&'a self, target: &'a Arn, after: Option<&str>) -> impl Iterator<Item = Arn> + use<'a> {
        let prefix = Arn::build(target.partition(), "sqs", target.region(), target.account(), "");
        let start = after.map_or(Bound::Included(prefix.as_str()), Bound::Excluded);
        let queues = self.queues.range::<str>((start, Bound::Unbounded), usize::MAX);
        let queues = queues.into_iter().take_while(move |(arn, _)| arn.as_str().starts_with(prefix.as_str()));
        queues.filter_map(|(arn, queue)| {
            let has_target = |queue: &Queue| {
                queue.properties().and_then(|properties| properties.settings.redrive_policy.as_ref().map(|redrive| redrive.target == *target))
            };
            queue.read(has_target).flatten().unwrap_or_default().then_some(arn)
        })
    }
}

impl Queue {
    /// Adds a dead letter. Its retention counts from when it was sent in a standard queue, from now in a FIFO queue.
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html>
    fn insert_dead_letter(&mut self, ReceivedMessage { message, flight, .. }: &ReceivedMessage, source: &Arn, now: Timestamp) {
        let sent = if self.is_fifo() { now } else { message.sent };
        let before = message.dead_letter.as_ref();
        let history = DeadLetterHistory {
            source_queue: source.clone(),
            receive_count: flight.receive_count.saturating_add(before.map_or(0, |before| before.receive_count)),
            first_received: before.map_or(flight.first_received, |before| before.first_received),
        };
        let number = if self.is_fifo() { self.next_sequence_number(now) } else { self.sequence_number_at(sent) };
        self.insert(number, Message { sent, visible_from: sent, dead_letter: Some(history), ..Message::clone(message) }, now);
        self.waiters.wake_one();
    }
}

impl Handle<ListDeadLetterSourceQueues> for Sqs {
    fn permissions(&self, cx: &Cx, input: &ListDeadLetterSourceQueuesRequest) -> Result<Permissions, Fault> {
        self.queue_permissions::<ListDeadLetterSourceQueues>(cx, &input.queue_url)
    }

    async fn handle(&self, cx: &Cx, input: ListDeadLetterSourceQueuesRequest) -> Result<ListDeadLetterSourceQueuesResult, Fault> {
        let target = self.queue_by_url(cx, &input.queue_url)?.arn()?;
        let limit = page_size(input.max_results)?;
        let page = page::<ListDeadLetterSourceQueues, _>(cx, &input, limit, |after| self.sources_of(&target, after.as_ref().map(Arn::as_str)))?;
        Ok(ListDeadLetterSourceQueuesResult {
            queue_urls: page.items.iter().map(|arn| self.urls.of(cx, arn)).collect(),
            next_token: page.next_token.filter(|_| input.max_results.is_some()),
        })
    }
}

/// What a move task sends for a dead letter: a new message with the same content.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html>
pub fn as_new_message(message: &Message, id: MessageId, now: Timestamp) -> Message {
    Message { id, sent: now, visible_from: now, dead_letter: None, ..message.clone() }
}
