//! Consumer time: for how long messages were lately in flight. It is one of the two measures of fair queues.

use cloudlet_aws::Timestamp;

/// How many minutes are recent.
/// AWS: unverified; the page says "recent" without a number. Its only time is the five minutes after which a tenant is quiet.
const MINUTES: usize = 5;
/// Milliseconds.
const MINUTE: i64 = 60_000;

/// For how long messages were in flight, added up, in each of the last minutes.
///
/// AWS: unverified that a message costs a consumer the time it is in flight. A queue knows nothing else about its consumers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConsumerTime {
    /// Milliseconds, the minute of `counted_until` first.
    minutes: [i64; MINUTES],
    counted_until: Timestamp,
}

impl ConsumerTime {
    pub fn starting(now: Timestamp) -> ConsumerTime {
        ConsumerTime { counted_until: now, ..ConsumerTime::default() }
    }

    /// Adds the time from the last count until now, with so many messages in flight.
    pub fn count(&mut self, in_flight: usize, now: Timestamp) {
        if now <= self.counted_until {
            return;
        }
        let minute = now.millis().div_euclid(MINUTE);
        let passed = usize::try_from(minute - self.counted_until.millis().div_euclid(MINUTE)).unwrap_or(MINUTES).min(MINUTES);
        self.minutes.rotate_right(passed % MINUTES);
        self.minutes.iter_mut().take(passed).for_each(|spent| *spent = 0);
        if in_flight > 0 {
            let in_flight = i64::try_from(in_flight).unwrap_or(i64::MAX);
            let mut start = minute * MINUTE;
            for spent in &mut self.minutes {
                let from = self.counted_until.millis().max(start);
                let to = now.millis().min(start + MINUTE);
                *spent = spent.saturating_add(in_flight.saturating_mul((to - from).max(0)));
                start -= MINUTE;
            }
        }
        self.counted_until = now;
    }

    /// Milliseconds of the last minutes, with so many messages in flight since the last count.
    pub fn recent(mut self, in_flight: usize, now: Timestamp) -> i64 {
        self.count(in_flight, now);
        self.minutes.iter().sum()
    }
}

/// A message group of a standard queue, while it has messages.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tenant {
    pub consumer_time: ConsumerTime,
    /// When its last message was sent and its delay was over.
    pub last_sent: Timestamp,
}

#[cfg(test)]
mod tests;
