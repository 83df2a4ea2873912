//! How messages stand in a queue: ready, delayed, or in flight. Whose turn it is of the ready is the matter of `fairness`.
//! Every step costs the logarithm of what is in the queue. Time is what the caller says it is.

use crate::{
    limits,
    receiving::Places,
    state::{Flight, Group, Lane, Message, Place, Profile, Queue},
};
use cloudlet_aws::Timestamp;
use std::{collections::BTreeSet, sync::Arc};

/// All messages of a FIFO group stand in its lane at this time, so that only their places order them.
const ALWAYS: Timestamp = Timestamp(0);
/// How many waiting messages one call lets land. The others land with the next.
const LANDINGS: usize = 1_000;
/// How many expired messages one call removes.
const REMOVALS: usize = 100;

/// How many messages there are, as GetQueueAttributes counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub visible: usize,
    pub delayed: usize,
    pub in_flight: usize,
}

impl Queue {
    pub fn profile(&self) -> Option<&Profile> {
        self.profile.get(&())
    }

    pub fn is_fifo(&self) -> bool {
        self.profile().is_some_and(|profile| profile.settings.fifo.is_some())
    }

    /// A place for a message that is sent now.
    pub fn next_place(&mut self, now: Timestamp) -> Place {
        let place = self.last.0.next().max(Place::first_of(now));
        self.last.0 = place;
        place
    }

    /// A place for a message that was sent then, behind those of the same instant.
    pub fn place_of(&mut self, sent: Timestamp) -> Place {
        let before = self.messages.range(Place::first_of(sent)..=Place::last_of(sent)).next_back();
        let mut place = before.map_or_else(|| Place::first_of(sent), |(place, _)| place.next());
        while self.messages.contains(&place) {
            place = place.next();
        }
        self.last.0 = self.last.0.max(place);
        place
    }

    /// When a message can be received first. A FIFO queue has one delay for all its messages, also for those it holds already.
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html>
    pub fn due_of(&self, message: &Message) -> Timestamp {
        match self.profile() {
            Some(profile) if profile.settings.fifo.is_some() && message.past.is_none() => message.sent.plus_secs(i64::from(profile.settings.delay)),
            _ => message.due,
        }
    }

    /// Puts every message that was never received where it belongs under a new delay: `before` is the one it stands under.
    pub fn delay_anew(&mut self, before: u32, now: Timestamp) {
        let never = self.messages.iter().filter(|(place, message)| message.past.is_none() && !self.flights.contains(place));
        let never: Vec<(Place, Arc<Message>)> = never.map(|(place, message)| (*place, message.clone())).collect();
        for (place, message) in &never {
            self.delayed.remove(&(message.sent.plus_secs(i64::from(before)), *place));
            let due = self.due_of(message);
            if due > now {
                self.delayed.insert((due, *place), ());
            }
        }
        for group in never.iter().filter_map(|(_, message)| message.group.as_ref()).collect::<BTreeSet<_>>() {
            self.refresh(group);
        }
    }

    /// Puts a message into its place.
    pub fn put(&mut self, place: Place, message: Message, now: Timestamp) {
        let (due, group) = (self.due_of(&message), message.group.clone());
        self.messages.insert(place, Arc::new(message));
        if let Some(group) = &group
            && self.is_fifo()
        {
            self.lanes.insert((group.clone(), ALWAYS, place), ());
        }
        if due > now {
            self.delayed.insert((due, place), ());
        } else {
            self.arrives(group.as_ref(), now);
            self.land(place, due, group);
        }
    }

    /// Lets those land whose time has come. Says how many did.
    pub fn settle(&mut self, now: Timestamp) -> usize {
        let mut landed = 0;
        while landed < LANDINGS {
            let delayed = self.delayed.first().map(|(key, ())| (*key, false));
            let flying = self.in_flight.first().map(|(key, ())| (*key, true));
            let next = delayed.into_iter().chain(flying).min().filter(|((at, _), _)| *at <= now);
            let Some((key, flew)) = next else { break };
            let group = self.group_of(key.1);
            if flew {
                self.touch_down(key, group.as_ref(), now);
            } else {
                self.delayed.remove(&key);
                self.arrives(group.as_ref(), key.0);
            }
            self.land(key.1, key.0, group);
            landed += 1;
        }
        landed
    }

    fn group_of(&self, place: Place) -> Option<Group> {
        self.messages.get(&place).and_then(|message| message.group.clone())
    }

    /// A message can be received, since then.
    fn land(&mut self, place: Place, since: Timestamp, group: Option<Group>) {
        match group {
            None => self.ready.insert((since, place), None),
            Some(group) => {
                if !self.is_fifo() {
                    self.lanes.insert((group.clone(), since, place), ());
                }
                self.refresh(&group);
            }
        }
    }

    /// A message is received: it was taken from `ready` and from its lane, and is invisible from now on, or ready again at once.
    pub fn fly(&mut self, place: Place, flight: Flight, now: Timestamp) {
        let group = self.group_of(place);
        self.flights.insert(place, flight);
        if flight.until > now {
            self.count_work(group.as_ref(), self.in_flight.len(), now);
            self.in_flight.insert((flight.until, place), ());
            if let Some(group) = &group {
                let mut lane = self.groups.get(group).copied().unwrap_or_default();
                lane.in_flight += 1;
                self.groups.insert(group.clone(), lane);
                self.refresh(group);
            }
        } else {
            self.land(place, flight.until, group);
        }
    }

    /// A message is no longer in flight, since its landing or since now. Says whether it was.
    fn touch_down(&mut self, key: (Timestamp, Place), group: Option<&Group>, now: Timestamp) -> bool {
        if self.in_flight.remove(&key).is_none() {
            return false;
        }
        self.count_work(group, self.in_flight.len() + 1, key.0.min(now));
        if let Some(lane) = group.and_then(|group| self.groups.get_mut(group)) {
            lane.in_flight = lane.in_flight.saturating_sub(1);
        }
        true
    }

    /// Gives a message in flight another landing time.
    pub fn divert(&mut self, place: Place, flight: Flight, until: Timestamp, now: Timestamp) {
        let group = self.group_of(place);
        self.touch_down((flight.until, place), group.as_ref(), now);
        self.fly(place, Flight { until, ..flight }, now);
        if let Some(group) = group {
            self.refresh(&group);
        }
    }

    /// Removes a message, wherever it stands.
    pub fn withdraw(&mut self, place: Place, now: Timestamp) -> Option<(Arc<Message>, Option<Flight>)> {
        let message = self.messages.remove(&place)?;
        let flight = self.flights.remove(&place);
        let since = flight.map_or_else(|| self.due_of(&message), |flight| flight.until);
        let flew = self.touch_down((since, place), message.group.as_ref(), now);
        if !flew && self.delayed.remove(&(since, place)).is_none() && message.group.is_none() {
            self.ready.remove(&(since, place));
        }
        if let Some(group) = &message.group {
            let at = if self.is_fifo() { ALWAYS } else { since };
            self.lanes.remove(&(group.clone(), at, place));
            self.refresh(group);
            self.forget_tenant(group);
            // The next of its group may go.
            if self.is_fifo() && self.groups.get(group).is_some_and(|lane| lane.head.is_some()) {
                self.bell.ring();
            }
        }
        Some((message, flight))
    }

    /// Puts the head of a group among the ready, or takes it from there.
    pub fn refresh(&mut self, group: &Group) {
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
    fn head_of(&self, group: &Group) -> Option<(Timestamp, Place)> {
        let (_, at, place) = self.lane(group).next()?;
        if self.is_fifo() { Some((self.ready_since(place)?, place)) } else { Some((at, place)) }
    }

    fn lane<'a>(&'a self, group: &'a Group) -> impl Iterator<Item = (&'a Group, Timestamp, Place)> {
        let start = (group.clone(), Timestamp(i64::MIN), Place(0));
        self.lanes.range(start..).map(|((of, at, place), ())| (of, *at, *place)).take_while(move |(of, ..)| *of == group)
    }

    /// Since when a message that is neither delayed nor in flight can be received.
    fn ready_since(&self, place: Place) -> Option<Timestamp> {
        let since = match self.flights.get(&place) {
            Some(flight) => flight.until,
            None => self.due_of(self.messages.get(&place)?),
        };
        let waits = self.in_flight.contains(&(since, place)) || self.delayed.contains(&(since, place));
        (!waits).then_some(since)
    }

    /// Takes the next of a group out of `ready` and, in a standard queue, out of its lane. It has to `fly`, or be withdrawn.
    pub fn take_head(&mut self, key: (Timestamp, Place), group: Option<&Group>) {
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
            self.refresh(group);
        }
    }

    /// The messages of a FIFO group that can be received together, in their order: up to the first that cannot.
    pub fn run_of(&self, group: &Group, most: usize) -> Places {
        let run = self.lane(group).map(|(.., place)| place).take_while(|place| self.ready_since(*place).is_some());
        run.take(most).collect()
    }

    /// Messages sent until then are beyond their retention.
    pub fn expired_until(&self, now: Timestamp) -> Option<Timestamp> {
        let retention = self.profile()?.settings.retention;
        Some(now.plus_secs(-i64::from(retention)))
    }

    pub fn has_expired(&self, now: Timestamp) -> bool {
        let until = self.expired_until(now).map(Place::last_of);
        self.messages.first().is_some_and(|(place, _)| until.is_some_and(|until| *place <= until))
    }

    /// Removes messages beyond their retention, some at a time. Says whether there may be more.
    pub fn expire(&mut self, now: Timestamp) -> bool {
        let Some(until) = self.expired_until(now) else { return false };
        for _ in 0..REMOVALS {
            match self.messages.first() {
                Some((place, _)) if *place <= Place::last_of(until) => {
                    let place = *place;
                    self.withdraw(place, now);
                }
                _ => return false,
            }
        }
        true
    }

    /// How many there are in each state; `now` may be later than what has landed.
    pub fn counts(&self, now: Timestamp) -> Counts {
        let landed = ..=(now, Place(u64::MAX));
        let delayed = self.delayed.len() - self.delayed.range(landed).count();
        let in_flight = self.in_flight.len() - self.in_flight.range(landed).count();
        Counts { visible: self.messages.len().saturating_sub(delayed + in_flight), delayed, in_flight }
    }

    /// When something may become ready that is not.
    pub fn next_landing(&self) -> Option<Timestamp> {
        let delayed = self.delayed.first().map(|((at, _), ())| *at);
        let flying = self.in_flight.first().map(|((at, _), ())| *at);
        delayed.into_iter().chain(flying).min()
    }

    /// When one who waits has to look again, whatever others do. A group goes on when what blocks it is too old.
    pub fn next_change(&self) -> Option<Timestamp> {
        let oldest = self.messages.first().filter(|_| self.is_fifo()).map(|(_, message)| message.sent);
        let expiry = oldest.zip(self.profile()).map(|(sent, profile)| sent.plus_secs(i64::from(profile.settings.retention)));
        self.next_landing().into_iter().chain(expiry).min()
    }

    /// Tells those who wait when something lands earlier than they know of. What lands after all of them are gone concerns nobody.
    pub fn alarm(&self, before: Option<Timestamp>, now: Timestamp) {
        let gone = now.plus_secs(i64::from(*limits::WAIT.end()));
        if let Some(next) = self.next_landing()
            && next < before.unwrap_or(gone).min(gone)
        {
            self.bell.toll();
        }
    }

    /// Fills the indexes from the rows. What waits is left to `settle`, for there is no clock here.
    pub fn reindex(&mut self) {
        let fifo = self.is_fifo();
        let messages: Vec<(Place, Arc<Message>)> = self.messages.iter().map(|(place, message)| (*place, message.clone())).collect();
        for (place, message) in messages {
            self.last.0 = self.last.0.max(place);
            if fifo && let Some(group) = &message.group {
                self.lanes.insert((group.clone(), ALWAYS, place), ());
            }
            let due = self.due_of(&message);
            match self.flights.get(&place).copied() {
                Some(flight) => {
                    self.arrives(message.group.as_ref(), due);
                    self.in_flight.insert((flight.until, place), ());
                    if let Some(group) = &message.group {
                        self.groups.get_or_insert_with(group.clone(), Lane::default).in_flight += 1;
                    }
                }
                None if due > message.sent => self.delayed.insert((due, place), ()),
                None if fifo => {}
                None => {
                    self.arrives(message.group.as_ref(), due);
                    self.land(place, due, message.group.clone());
                }
            }
            if fifo && let Some(group) = &message.group {
                self.refresh(group);
            }
        }
        self.resume_work();
        self.remember_again();
    }
}
