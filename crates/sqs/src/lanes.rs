//! The states of messages in a queue: ready, delayed, or in flight. Which of the ready ones is received next is decided in `fairness`.
//! Every step costs the logarithm of the number of messages. The caller passes the time.

use crate::{
    ids::{GroupId, SequenceNumber},
    limits,
    state::{Flight, Lane, Message, Queue, QueueProperties, ReadyKey},
};
use cloudlet_aws::Timestamp;
use smallvec::SmallVec;
use std::{collections::BTreeSet, sync::Arc};

/// All messages of a FIFO group have this time in `lanes`, so that sequence numbers alone order them.
const FIFO_TIME: Timestamp = Timestamp(0);
/// How many delayed and in-flight messages one call makes visible.
const SETTLE_BATCH: usize = 1_000;
/// How many expired messages one call removes.
const EXPIRE_BATCH: usize = 100;

/// As many as one receive returns.
pub type SequenceNumbers = SmallVec<[SequenceNumber; limits::BATCH]>;

/// The numbers of messages that GetQueueAttributes returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub visible: usize,
    pub delayed: usize,
    pub in_flight: usize,
}

impl Queue {
    pub fn properties(&self) -> Option<&QueueProperties> {
        self.properties.get(&())
    }

    pub fn is_fifo(&self) -> bool {
        self.properties().is_some_and(|properties| properties.settings.fifo.is_some())
    }

    /// The sequence number of a message that is sent now.
    pub fn next_sequence_number(&mut self, now: Timestamp) -> SequenceNumber {
        let number = self.last.0.next().max(SequenceNumber::first_of(now));
        self.last.0 = number;
        number
    }

    /// A sequence number for a message that was sent earlier, behind those of the same instant.
    pub fn sequence_number_at(&mut self, sent: Timestamp) -> SequenceNumber {
        let before = self.messages.range(SequenceNumber::first_of(sent)..=SequenceNumber::last_of(sent)).next_back();
        let mut number = before.map_or_else(|| SequenceNumber::first_of(sent), |(number, _)| number.next());
        while self.messages.contains(&number) {
            number = number.next();
        }
        self.last.0 = self.last.0.max(number);
        number
    }

    /// When the delay of a message ends. A FIFO queue has one delay for all its messages, also for those it holds already.
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html>
    pub fn delay_end(&self, message: &Message) -> Timestamp {
        match self.properties() {
            Some(properties) if properties.settings.fifo.is_some() && message.dead_letter.is_none() => {
                message.sent.plus_secs(i64::from(properties.settings.delay))
            }
            _ => message.visible_from,
        }
    }

    /// Applies the queue's new delay to every message that was never received. `before` is the previous delay.
    pub fn apply_new_delay(&mut self, before: u32, now: Timestamp) {
        let never_received = self.messages.iter().filter(|(number, message)| message.dead_letter.is_none() && !self.flights.contains(number));
        let never_received: Vec<(SequenceNumber, Arc<Message>)> = never_received.map(|(number, message)| (*number, message.clone())).collect();
        for (number, message) in &never_received {
            self.delayed.remove(&(message.sent.plus_secs(i64::from(before)), *number));
            let end = self.delay_end(message);
            if end > now {
                self.delayed.insert((end, *number), ());
            }
        }
        for group in never_received.iter().filter_map(|(_, message)| message.group_id.as_ref()).collect::<BTreeSet<_>>() {
            self.refresh_lane(group);
        }
    }

    /// Adds a message.
    pub fn insert(&mut self, number: SequenceNumber, message: Message, now: Timestamp) {
        let (delay_end, group) = (self.delay_end(&message), message.group_id.clone());
        if let Some(history) = &message.dead_letter {
            *self.dead_letter_sources.get_or_insert_with(history.source_queue.clone(), || 0) += 1;
        }
        self.messages.insert(number, Arc::new(message));
        if let Some(group) = &group
            && self.is_fifo()
        {
            self.lanes.insert((group.clone(), FIFO_TIME, number), ());
        }
        if delay_end > now {
            self.delayed.insert((delay_end, number), ());
        } else {
            self.record_sent(group.as_ref(), now);
            self.make_ready(number, delay_end, group);
        }
    }

    /// Makes those messages ready whose delay or visibility timeout is over. Returns how many.
    pub fn settle(&mut self, now: Timestamp) -> usize {
        let mut settled = 0;
        while settled < SETTLE_BATCH {
            let delayed = self.delayed.first().map(|(key, ())| (*key, false));
            let in_flight = self.in_flight.first().map(|(key, ())| (*key, true));
            let next = delayed.into_iter().chain(in_flight).min().filter(|((at, _), _)| *at <= now);
            let Some((key, was_in_flight)) = next else { break };
            let group = self.group_of(key.1);
            let mut since = key.0;
            if was_in_flight {
                self.end_flight(key, group.as_ref(), now);
                since = self.flights.get(&key.1).map_or(since, |flight| self.ready_time(flight));
            } else {
                self.delayed.remove(&key);
                self.record_sent(group.as_ref(), key.0);
            }
            self.make_ready(key.1, since, group);
            settled += 1;
        }
        settled
    }

    fn group_of(&self, number: SequenceNumber) -> Option<GroupId> {
        self.messages.get(&number).and_then(|message| message.group_id.clone())
    }

    fn make_ready(&mut self, number: SequenceNumber, since: Timestamp, group: Option<GroupId>) {
        match group {
            None => self.ready.insert((since, number), None),
            Some(group) => {
                if !self.is_fifo() {
                    self.lanes.insert((group.clone(), since, number), ());
                }
                self.refresh_lane(&group);
            }
        }
    }

    /// Begins a flight of a message that was taken from `ready` and from its lane. Without a visibility timeout it is ready again at once.
    pub fn start_flight(&mut self, number: SequenceNumber, flight: Flight, now: Timestamp) {
        let group = self.group_of(number);
        self.flights.insert(number, flight);
        if flight.invisible_until > now {
            self.count_consumer_time(group.as_ref(), self.in_flight.len(), now);
            self.in_flight.insert((flight.invisible_until, number), ());
            if let Some(group) = &group {
                let mut lane = self.groups.get(group).copied().unwrap_or_default();
                lane.in_flight += 1;
                self.groups.insert(group.clone(), lane);
                self.refresh_lane(group);
            }
        } else {
            self.make_ready(number, self.ready_time(&flight), group);
        }
    }

    /// Takes a message out of `in_flight`. Returns whether it was there.
    fn end_flight(&mut self, key: (Timestamp, SequenceNumber), group: Option<&GroupId>, now: Timestamp) -> bool {
        if self.in_flight.remove(&key).is_none() {
            return false;
        }
        self.count_consumer_time(group, self.in_flight.len() + 1, key.0.min(now));
        if let Some(lane) = group.and_then(|group| self.groups.get_mut(group)) {
            lane.in_flight = lane.in_flight.saturating_sub(1);
        }
        true
    }

    /// Gives a message in flight another end of its visibility timeout.
    pub fn set_invisible_until(&mut self, number: SequenceNumber, flight: Flight, until: Timestamp, now: Timestamp) {
        let group = self.group_of(number);
        self.end_flight((flight.invisible_until, number), group.as_ref(), now);
        self.start_flight(number, Flight { invisible_until: until, ..flight }, now);
        if let Some(group) = group {
            self.refresh_lane(&group);
        }
    }

    /// Removes a message, whatever its state.
    pub fn remove(&mut self, number: SequenceNumber, now: Timestamp) -> Option<(Arc<Message>, Option<Flight>)> {
        let message = self.messages.remove(&number)?;
        let flight = self.flights.remove(&number);
        // Its keys in `ready`, and in `in_flight` or `delayed`.
        let (since, until) = flight.map_or_else(
            || {
                let delay_end = self.delay_end(&message);
                (delay_end, delay_end)
            },
            |flight| (self.ready_time(&flight), flight.invisible_until),
        );
        let was_in_flight = self.end_flight((until, number), message.group_id.as_ref(), now);
        if !was_in_flight && self.delayed.remove(&(until, number)).is_none() && message.group_id.is_none() {
            self.ready.remove(&(since, number));
        }
        if let Some(history) = &message.dead_letter
            && let Some(count) = self.dead_letter_sources.get_mut(&history.source_queue)
        {
            *count -= 1;
            if *count == 0 {
                self.dead_letter_sources.remove(&history.source_queue);
            }
        }
        if let Some(group) = &message.group_id {
            let at = if self.is_fifo() { FIFO_TIME } else { since };
            self.lanes.remove(&(group.clone(), at, number));
            self.refresh_lane(group);
            self.forget_tenant(group);
            // The next message of the group may be ready now.
            if self.is_fifo() && self.groups.get(group).is_some_and(|lane| lane.head.is_some()) {
                self.waiters.wake_one();
            }
        }
        Some((message, flight))
    }

    /// Updates the row of a group, and the entry of its next message in `ready`.
    pub fn refresh_lane(&mut self, group: &GroupId) {
        let lane = self.groups.get(group).copied();
        let Lane { head: before, in_flight } = lane.unwrap_or_default();
        let head = self.head_of(group);
        if head != before {
            if let Some(before) = before {
                self.ready.remove(&before);
            }
            if let Some(head) = head {
                self.ready.insert(head, Some(group.clone()));
            }
        }
        match (head.is_none() && in_flight == 0, lane) {
            (true, Some(_)) => drop(self.groups.remove(group)),
            (false, _) if lane != Some(Lane { head, in_flight }) => self.groups.insert(group.clone(), Lane { head, in_flight }),
            _ => {}
        }
    }

    /// The message of a group that can be received next.
    fn head_of(&self, group: &GroupId) -> Option<ReadyKey> {
        let (_, at, number) = self.lane(group).next()?;
        if self.is_fifo() { Some((self.ready_since(number)?, number)) } else { Some((at, number)) }
    }

    fn lane<'a>(&'a self, group: &'a GroupId) -> impl Iterator<Item = (&'a GroupId, Timestamp, SequenceNumber)> {
        let start = (group.clone(), Timestamp(i64::MIN), SequenceNumber(0));
        self.lanes.range(start..).map(|((of, at, number), ())| (of, *at, *number)).take_while(move |(of, ..)| *of == group)
    }

    /// The time in `ready` of a message that was received before.
    ///
    /// AWS: in a standard queue it is received before a message that was sent after its receive; in a FIFO queue its group comes after
    /// other groups that have waited longer (both recorded).
    fn ready_time(&self, flight: &Flight) -> Timestamp {
        if self.is_fifo() { flight.invisible_until } else { flight.last_received }
    }

    /// The time in the key of a message in `ready`. Nothing for a message that is delayed or in flight.
    fn ready_since(&self, number: SequenceNumber) -> Option<Timestamp> {
        match self.flights.get(&number) {
            Some(flight) => (!self.in_flight.contains(&(flight.invisible_until, number))).then(|| self.ready_time(flight)),
            None => {
                let delay_end = self.delay_end(self.messages.get(&number)?);
                (!self.delayed.contains(&(delay_end, number))).then_some(delay_end)
            }
        }
    }

    /// Takes a message out of `ready` and, in a standard queue, out of its lane. The caller starts its flight or removes it.
    pub fn take_ready(&mut self, key: ReadyKey, group: Option<&GroupId>) {
        self.ready.remove(&key);
        if let Some(group) = group
            && let Some(lane) = self.groups.get_mut(group)
        {
            lane.head = None;
        }
        if let Some(group) = group
            && !self.is_fifo()
        {
            self.lanes.remove(&(group.clone(), key.0, key.1));
            self.refresh_lane(group);
        }
    }

    /// The messages of a FIFO group that can be received together, in their order: up to the first that is delayed or in flight.
    pub fn ready_of_group(&self, group: &GroupId, most: usize) -> SequenceNumbers {
        let ready = self.lane(group).map(|(.., number)| number).take_while(|number| self.ready_since(*number).is_some());
        ready.take(most).collect()
    }

    /// Messages sent until then are beyond their retention.
    pub fn expired_until(&self, now: Timestamp) -> Option<Timestamp> {
        let retention = self.properties()?.settings.retention_period;
        Some(now.plus_secs(-i64::from(retention)))
    }

    pub fn has_expired(&self, now: Timestamp) -> bool {
        let until = self.expired_until(now).map(SequenceNumber::last_of);
        self.messages.first().is_some_and(|(number, _)| until.is_some_and(|until| *number <= until))
    }

    /// Removes messages beyond their retention, some at a time. Returns whether there may be more.
    pub fn expire(&mut self, now: Timestamp) -> bool {
        let Some(until) = self.expired_until(now) else { return false };
        for _ in 0..EXPIRE_BATCH {
            match self.messages.first() {
                Some((number, _)) if *number <= SequenceNumber::last_of(until) => {
                    let number = *number;
                    self.remove(number, now);
                }
                _ => return false,
            }
        }
        true
    }

    /// How many messages there are in each state now, which may be later than what `settle` has seen.
    pub fn counts(&self, now: Timestamp) -> Counts {
        let due = ..=(now, SequenceNumber(u64::MAX));
        let delayed = self.delayed.len() - self.delayed.range(due).count();
        let in_flight = self.in_flight.len() - self.in_flight.range(due).count();
        Counts { visible: self.messages.len().saturating_sub(delayed + in_flight), delayed, in_flight }
    }

    /// When the next delay or visibility timeout ends.
    pub fn next_visible(&self) -> Option<Timestamp> {
        let delayed = self.delayed.first().map(|((at, _), ())| *at);
        let in_flight = self.in_flight.first().map(|((at, _), ())| *at);
        delayed.into_iter().chain(in_flight).min()
    }

    /// When a waiting receive has to look again though nothing wakes it. A FIFO group goes on when the message that blocks it expires.
    pub fn next_change(&self) -> Option<Timestamp> {
        let oldest = self.messages.first().filter(|_| self.is_fifo()).map(|(_, message)| message.sent);
        let expiry = oldest.zip(self.properties()).map(|(sent, properties)| sent.plus_secs(i64::from(properties.settings.retention_period)));
        self.next_visible().into_iter().chain(expiry).min()
    }

    /// Wakes the waiting receives when a message becomes visible before the time they wait for. `before` is that time. No receive
    /// waits longer than the longest wait.
    pub fn wake_if_earlier(&self, before: Option<Timestamp>, now: Timestamp) {
        let longest_wait = now.plus_secs(i64::from(*limits::WAIT.end()));
        if let Some(next) = self.next_visible()
            && next < before.unwrap_or(longest_wait).min(longest_wait)
        {
            self.waiters.wake_all();
        }
    }

    /// Fills the indexes from the rows. It has no clock: what is due is left to `settle`.
    pub fn reindex(&mut self) {
        let fifo = self.is_fifo();
        let messages: Vec<(SequenceNumber, Arc<Message>)> = self.messages.iter().map(|(number, message)| (*number, message.clone())).collect();
        for (number, message) in messages {
            self.last.0 = self.last.0.max(number);
            if let Some(history) = &message.dead_letter {
                *self.dead_letter_sources.get_or_insert_with(history.source_queue.clone(), || 0) += 1;
            }
            if fifo && let Some(group) = &message.group_id {
                self.lanes.insert((group.clone(), FIFO_TIME, number), ());
            }
            let delay_end = self.delay_end(&message);
            match self.flights.get(&number).copied() {
                Some(flight) => {
                    self.record_sent(message.group_id.as_ref(), delay_end);
                    self.in_flight.insert((flight.invisible_until, number), ());
                    if let Some(group) = &message.group_id {
                        self.groups.get_or_insert_with(group.clone(), Lane::default).in_flight += 1;
                    }
                }
                None if delay_end > message.sent => self.delayed.insert((delay_end, number), ()),
                None if fifo => {}
                None => {
                    self.record_sent(message.group_id.as_ref(), delay_end);
                    self.make_ready(number, delay_end, message.group_id.clone());
                }
            }
            if fifo && let Some(group) = &message.group_id {
                self.refresh_lane(group);
            }
        }
        self.resume_consumer_time();
        self.reindex_remembered();
    }
}
