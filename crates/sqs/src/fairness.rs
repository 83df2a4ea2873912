//! Fair queues: which tenants of a standard queue are noisy, and whose turn it is therefore.
//! Two measures make a tenant noisy: its share of the messages in flight, and its share of the time that consumers have lately
//! spent on messages. What is known of a tenant is small, and goes with the last of its messages.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html>

use crate::{
    limits,
    state::{Group, Place, Queue},
};
use cloudlet_aws::Timestamp;

/// Minutes that are recent, and the milliseconds of one.
/// AWS: unverified; the page says "recent" without a number. Its only time is the five minutes after which a tenant is quiet.
const MINUTES: usize = 5;
const MINUTE: i64 = 60_000;

/// The time of consumers: for how long messages were in flight, together, in each of the last minutes.
///
/// AWS: unverified that a message costs a consumer the time it is in flight: nothing else of it is known to a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// The minute of `until` first, those before it behind.
    minutes: [i64; MINUTES],
    until: Timestamp,
}

impl Work {
    /// So many messages have been in flight from the last count until now.
    fn count(&mut self, in_flight: usize, now: Timestamp) {
        if now <= self.until {
            return;
        }
        let minute = now.millis().div_euclid(MINUTE);
        let gone = usize::try_from(minute - self.until.millis().div_euclid(MINUTE)).unwrap_or(MINUTES).min(MINUTES);
        self.minutes.rotate_right(gone % MINUTES);
        self.minutes.iter_mut().take(gone).for_each(|spent| *spent = 0);
        if in_flight > 0 {
            let in_flight = i64::try_from(in_flight).unwrap_or(i64::MAX);
            let mut start = minute * MINUTE;
            for spent in &mut self.minutes {
                let from = self.until.millis().max(start);
                let to = now.millis().min(start + MINUTE);
                *spent = spent.saturating_add(in_flight.saturating_mul((to - from).max(0)));
                start -= MINUTE;
            }
        }
        self.until = now;
    }

    /// Milliseconds of the last minutes, when so many messages are in flight since the last count.
    fn recent(mut self, in_flight: usize, now: Timestamp) -> i64 {
        self.count(in_flight, now);
        self.minutes.iter().sum()
    }
}

/// What is known of a message group of a standard queue while it has messages.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tenant {
    work: Work,
    /// When the last of its messages arrived.
    sent: Timestamp,
}

fn is_more_than_its_share(own: i64, all: i64) -> bool {
    own.saturating_mul(limits::NOISY_SHARE) > all
}

fn wide(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

impl Queue {
    /// A message has been sent, and its delay is over.
    pub fn arrives(&mut self, group: Option<&Group>, at: Timestamp) {
        if let Some(group) = group
            && !self.is_fifo()
        {
            let tenant = self.tenants.get_or_insert_with(group.clone(), Tenant::default);
            tenant.sent = tenant.sent.max(at);
        }
    }

    /// Counts the time of consumers up to now, before the number of messages in flight changes from what it has been.
    pub fn count_work(&mut self, group: Option<&Group>, in_flight: usize, now: Timestamp) {
        if self.is_fifo() {
            return;
        }
        self.work.get_or_insert_with((), Work::default).count(in_flight, now);
        if let Some(group) = group {
            let own = self.groups.get(group).map_or(0, |lane| wide(lane.in_flight));
            self.tenants.get_or_insert_with(group.clone(), Tenant::default).work.count(own, now);
        }
    }

    /// AWS: a tenant whose backlog is drained is quiet, whatever its messages took. Nothing remains to be known of it.
    /// Unverified that what is in flight belongs to a backlog: it does here, so that a slow tenant is not forgotten while it is slow.
    pub fn forget_tenant(&mut self, group: &Group) {
        if !self.groups.contains(group) {
            self.tenants.remove(group);
        }
    }

    /// Whose turn it is. In a standard queue, tenants that already keep consumers busy come after all others.
    pub fn next_ready(&self, now: Timestamp) -> Option<((Timestamp, Place), Option<Group>)> {
        let fair = !self.is_fifo();
        let mut noisy: Option<(u32, (Timestamp, Place), &Group)> = None;
        let mut work = None;
        // At most nine groups can hold more than a tenth of either measure, and each has one message here: the search is short.
        for (key, group) in &self.ready {
            // AWS: unverified for a message without a group, a tenant of its own: it is quiet, whatever it took before it came back.
            let Some(group) = group.as_ref().filter(|_| fair) else { return Some((*key, group.clone())) };
            let in_flight = self.groups.get(group).map_or(0, |lane| lane.in_flight);
            let work = *work.get_or_insert_with(|| self.work.get(&()).map_or(0, |work| work.recent(self.in_flight.len(), now)));
            if !self.is_noisy(group, in_flight, work, now) {
                return Some((*key, Some(group.clone())));
            }
            if noisy.is_none_or(|(least, ..)| in_flight < least) {
                noisy = Some((in_flight, *key, group));
            }
        }
        noisy.map(|(_, key, group)| (key, Some(group.clone())))
    }

    fn is_noisy(&self, group: &Group, in_flight: u32, work: i64, now: Timestamp) -> bool {
        let tenant = self.tenants.get(group).copied().unwrap_or_default();
        if now >= tenant.sent.plus_secs(limits::QUIET_AFTER) {
            return false;
        }
        let all = i64::try_from(self.in_flight.len()).unwrap_or(i64::MAX);
        let crowds = in_flight >= limits::NOISY_IN_FLIGHT && is_more_than_its_share(in_flight.into(), all);
        crowds || is_more_than_its_share(tenant.work.recent(wide(in_flight), now), work)
    }

    /// After a restart: what is in flight has been worked at since the latest receive. What was done before is forgotten.
    ///
    /// INVARIANT: all begin at once, so that the tenants never have more than all messages together.
    pub fn resume_work(&mut self) {
        let since = self.flights.iter().map(|(_, flight)| flight.latest).max();
        let Some(since) = since.filter(|_| !self.is_fifo()) else { return };
        self.work.get_or_insert_with((), Work::default).until = since;
        let tenants: Vec<Group> = self.tenants.keys().cloned().collect();
        for group in tenants {
            if let Some(tenant) = self.tenants.get_mut(&group) {
                tenant.work.until = since;
            }
        }
    }
}

#[cfg(test)]
mod tests;
