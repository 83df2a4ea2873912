//! Where dead letters go: the way from a queue to its dead-letter queue, and which queues have which.

use crate::{
    Open, Sqs,
    addresses::{self, Kind},
    faults,
    names::MessageId,
    queues::{page_size, read_token, token},
    receiving::Flown,
    redrive::Unfit,
    state::{Message, Past, Queue},
};
use cloudlet_api_sqs::{ListDeadLetterSourceQueues, ListDeadLetterSourceQueuesRequest, ListDeadLetterSourceQueuesResult};
use cloudlet_aws::{Arn, Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_store::StoreMap;
use std::ops::Bound;

/// Whether a queue may send its dead letters to another.
pub fn fits(queues: &StoreMap<Arn, Queue>, source: &Arn, kind: Kind, target: &Arn) -> Result<(), Unfit> {
    if addresses::scope(source) != addresses::scope(target) {
        return Err(Unfit::Elsewhere);
    }
    let settings = queues.read(target, |queue| queue.profile().map(|profile| profile.settings.clone())).flatten().ok_or(Unfit::Absent)?;
    if settings.kind() != kind {
        return Err(Unfit::OtherType);
    }
    if settings.allow.as_ref().is_some_and(|allow| !allow.allows(source)) {
        return Err(Unfit::NotAllowed);
    }
    Ok(())
}

impl Sqs {
    /// Brings dead letters to the queue that is for them. They are put there first and taken away after: whenever the process
    /// ends, none is lost.
    pub(crate) fn bury(&self, source: &Arn, queue: &Open, target: &Arn, dead: Vec<Flown>, now: Timestamp) -> Result<(), Fault> {
        let buried = self.open(target).and_then(|grave| {
            grave.change(|grave| {
                for flown in &dead {
                    grave.inter(flown, source, now);
                }
                Ok(())
            })
        });
        queue.change(|queue| {
            for Flown { place, flight, .. } in dead {
                match &buried {
                    Ok(()) => drop(queue.withdraw(place, now)),
                    // Gone in the meantime: they are received again.
                    Err(_) if queue.flights.get(&place) == Some(&flight) => queue.divert(place, flight, now, now),
                    Err(_) => {}
                }
            }
            Ok(())
        })
    }

    /// The queues of the same account and region whose dead letters come here.
    pub(crate) fn sources_of<'a>(&'a self, target: &'a Arn, after: Option<&str>) -> impl Iterator<Item = Arn> + 'a {
        let prefix = Arn::build(target.partition(), "sqs", target.region(), target.account(), "");
        let start = after.map_or(Bound::Included(prefix.as_str()), Bound::Excluded);
        let near = self.queues.range::<str>((start, Bound::Unbounded), usize::MAX);
        let near = near.into_iter().take_while(move |(arn, _)| arn.as_str().starts_with(prefix.as_str()));
        near.filter_map(|(arn, queue)| {
            let names =
                |queue: &Queue| queue.profile().and_then(|profile| profile.settings.redrive.as_ref().map(|redrive| redrive.target == *target));
            queue.read(names).flatten().unwrap_or_default().then_some(arn)
        })
    }
}

impl Queue {
    /// Takes a dead letter in. A standard queue counts its retention from when it was sent, a FIFO queue from now.
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html>
    fn inter(&mut self, Flown { message, flight, .. }: &Flown, source: &Arn, now: Timestamp) {
        let sent = if self.is_fifo() { now } else { message.sent };
        let before = message.past.as_ref();
        let past = Past {
            source: source.clone(),
            receives: flight.receives.saturating_add(before.map_or(0, |past| past.receives)),
            first: before.map_or(flight.first, |past| past.first),
        };
        let place = if self.is_fifo() { self.next_place(now) } else { self.place_of(sent) };
        self.put(place, Message { sent, due: sent, past: Some(past), ..Message::clone(message) }, now);
        self.bell.ring();
    }
}

impl Handle<ListDeadLetterSourceQueues> for Sqs {
    fn permissions(&self, cx: &Cx, input: &ListDeadLetterSourceQueuesRequest) -> Result<Permissions, Fault> {
        self.asks_on_queue::<ListDeadLetterSourceQueues>(cx, &input.queue_url)
    }

    async fn handle(&self, cx: &Cx, input: ListDeadLetterSourceQueuesRequest) -> Result<ListDeadLetterSourceQueuesResult, Fault> {
        let target = self.queue(cx, &input.queue_url)?.look(|queue| queue.profile().map(|profile| profile.arn.clone()))?;
        let target = target.ok_or_else(faults::no_such_queue)?;
        let limit = page_size(input.max_results)?;
        let prefix = Arn::build(target.partition(), "sqs", target.region(), target.account(), "");
        let after = input.next_token.as_deref().filter(|token| !token.is_empty()).map(|token| read_token(token, &prefix)).transpose()?;
        let mut found: Vec<Arn> = self.sources_of(&target, after.as_deref()).take(limit + 1).collect();
        let more = found.len() > limit;
        found.truncate(limit);
        Ok(ListDeadLetterSourceQueuesResult {
            queue_urls: found.iter().map(|arn| self.urls.of(cx, arn)).collect(),
            next_token: found.last().filter(|_| more && input.max_results.is_some()).map(token),
        })
    }
}

/// A message that is sent anew: what a move task makes of a dead letter.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html>
pub fn anew(message: &Message, id: MessageId, now: Timestamp) -> Message {
    Message { id, sent: now, due: now, past: None, ..message.clone() }
}
