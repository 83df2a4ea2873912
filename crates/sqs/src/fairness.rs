//! Fair queues: which message of a standard queue is received next, so that noisy tenants do not delay the others.
//! A tenant is noisy by its share of the messages in flight, or by its share of the recent consumer time. A tenant's row is dropped
//! with its last message.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html>

use crate::{
    consumer_time::{ConsumerTime, Tenant},
    ids::GroupId,
    limits,
    state::{Queue, ReadyKey},
};
use cloudlet_aws::Timestamp;

fn is_more_than_its_share(own: i64, all: i64) -> bool {
    own.saturating_mul(limits::NOISY_SHARE) > all
}

fn to_usize(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

impl Queue {
    /// A message was sent, and its delay is over.
    pub fn record_sent(&mut self, group: Option<&GroupId>, at: Timestamp) {
        if let Some(group) = group
            && !self.is_fifo()
        {
            let tenant = self.tenants.get_or_insert_with(group.clone(), Tenant::default);
            tenant.last_sent = tenant.last_sent.max(at);
        }
    }

    /// Counts the consumer time up to now. It is called before the number of messages in flight changes.
    pub fn count_consumer_time(&mut self, group: Option<&GroupId>, in_flight: usize, now: Timestamp) {
        if self.is_fifo() {
            return;
        }
        self.consumer_time.get_or_insert_with((), ConsumerTime::default).count(in_flight, now);
        if let Some(group) = group {
            let own = self.groups.get(group).map_or(0, |lane| to_usize(lane.in_flight));
            self.tenants.get_or_insert_with(group.clone(), Tenant::default).consumer_time.count(own, now);
        }
    }

    /// AWS: a tenant without a backlog is quiet, so its row can go.
    /// Unverified that messages in flight belong to the backlog: they do here, so that a slow tenant is not forgotten while it is slow.
    pub fn forget_tenant(&mut self, group: &GroupId) {
        if !self.groups.contains(group) {
            self.tenants.remove(group);
        }
    }

    /// The next message to receive. In a standard queue, noisy tenants come after all others.
    pub fn next_ready(&self, now: Timestamp) -> Option<(ReadyKey, Option<GroupId>)> {
        let fair = !self.is_fifo();
        let mut noisy: Option<(u32, ReadyKey, &GroupId)> = None;
        let mut total = None;
        // At most nine groups can hold more than a tenth of either measure, and each has one entry here: the search is short.
        for (key, group) in &self.ready {
            // AWS: unverified for a message without a group, which is a tenant of its own: it is always quiet.
            let Some(group) = group.as_ref().filter(|_| fair) else { return Some((*key, group.clone())) };
            let in_flight = self.groups.get(group).map_or(0, |lane| lane.in_flight);
            let total = *total.get_or_insert_with(|| self.consumer_time.get(&()).map_or(0, |all| all.recent(self.in_flight.len(), now)));
            if !self.is_noisy(group, in_flight, total, now) {
                return Some((*key, Some(group.clone())));
            }
            if noisy.is_none_or(|(least, ..)| in_flight < least) {
                noisy = Some((in_flight, *key, group));
            }
        }
        noisy.map(|(_, key, group)| (key, Some(group.clone())))
    }

    /// `total`: the recent consumer time of all messages.
    fn is_noisy(&self, group: &GroupId, in_flight: u32, total: i64, now: Timestamp) -> bool {
        let tenant = self.tenants.get(group).copied().unwrap_or_default();
        if now >= tenant.last_sent.plus_secs(limits::QUIET_AFTER) {
            return false;
        }
        let all = i64::try_from(self.in_flight.len()).unwrap_or(i64::MAX);
        let by_count = in_flight >= limits::NOISY_IN_FLIGHT && is_more_than_its_share(in_flight.into(), all);
        by_count || is_more_than_its_share(tenant.consumer_time.recent(to_usize(in_flight), now), total)
    }

    /// After a restart: messages in flight are counted from the latest receive on. Earlier consumer time is lost.
    ///
    /// INVARIANT: all counts start together, so that the tenants never have more than all messages together.
    pub fn resume_consumer_time(&mut self) {
        let since = self.flights.iter().map(|(_, flight)| flight.last_received).max();
        let Some(since) = since.filter(|_| !self.is_fifo()) else { return };
        self.consumer_time.insert((), ConsumerTime::starting(since));
        let tenants: Vec<GroupId> = self.tenants.keys().cloned().collect();
        for group in tenants {
            if let Some(tenant) = self.tenants.get_mut(&group) {
                tenant.consumer_time = ConsumerTime::starting(since);
            }
        }
    }

    /// What keeps the search for a quiet tenant short, and memory bounded.
    #[cfg(test)]
    pub fn tenants_are_consistent(&self, now: Timestamp) -> bool {
        let own = |group| self.groups.get(group).map_or(0, |lane| to_usize(lane.in_flight));
        let together: i64 = self.tenants.iter().map(|(group, tenant)| tenant.consumer_time.recent(own(group), now)).sum();
        let all = self.consumer_time.get(&()).map_or(0, |all| all.recent(self.in_flight.len(), now));
        together <= all && self.tenants.keys().all(|group| self.messages.values().any(|message| message.group_id.as_ref() == Some(group)))
    }
}
