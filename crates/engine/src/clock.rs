//! The only clock of the server. It ticks, or it is stopped and moved.

use cloudlet_aws::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::sync::Notify;

/// What `stopped` holds while the clock ticks.
const TICKING: i64 = i64::MIN;

/// How a clock differs from the machine's: what a restart needs to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockSetting {
    /// Milliseconds.
    pub ahead: i64,
    /// Its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Timestamp>,
}

pub struct Clock {
    /// The time of a stopped clock in milliseconds, or `TICKING`.
    stopped: AtomicI64,
    /// How far a ticking clock is ahead of the machine's, in milliseconds.
    ahead: AtomicI64,
    moved: Notify,
}

impl Default for Clock {
    fn default() -> Self {
        Clock { stopped: AtomicI64::new(TICKING), ahead: AtomicI64::new(0), moved: Notify::new() }
    }
}

impl Clock {
    pub fn ticking() -> Clock {
        Clock::default()
    }

    pub fn stopped_at(now: Timestamp) -> Clock {
        Clock { stopped: AtomicI64::new(now.millis()), ..Clock::default() }
    }

    pub fn now(&self) -> Timestamp {
        match self.stopped.load(Ordering::Acquire) {
            TICKING => Timestamp(machine().saturating_add(self.ahead.load(Ordering::Acquire))),
            millis => Timestamp(millis),
        }
    }

    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire) != TICKING
    }

    pub fn setting(&self) -> ClockSetting {
        let stopped = Some(self.stopped.load(Ordering::Acquire)).filter(|stopped| *stopped != TICKING).map(Timestamp);
        ClockSetting { ahead: self.ahead.load(Ordering::Acquire), stopped }
    }

    pub fn set(&self, setting: ClockSetting) {
        self.ahead.store(setting.ahead, Ordering::Release);
        self.stopped.store(setting.stopped.map_or(TICKING, |stopped| stopped.millis()), Ordering::Release);
        self.moved.notify_waiters();
    }

    /// The machine's own time, which a process of it reads: for deadlines that are told to one.
    pub fn of_machine(&self) -> Timestamp {
        Timestamp(machine())
    }

    /// How far the clock is from the machine's, as `settings` show it.
    pub fn ahead(&self) -> Duration {
        Duration::from_millis(self.now().millis().saturating_sub(machine()).unsigned_abs())
    }

    /// Moves time forward. Everything that waits looks again.
    pub fn advance(&self, by: Duration) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        let add = |now: i64| Some(if now == TICKING { TICKING } else { now.saturating_add(millis) });
        if self.stopped.fetch_update(Ordering::AcqRel, Ordering::Acquire, add) == Ok(TICKING) {
            let _ = self.ahead.fetch_update(Ordering::AcqRel, Ordering::Acquire, |ahead| Some(ahead.saturating_add(millis)));
        }
        self.moved.notify_waiters();
    }

    /// Stops the clock at its present time.
    pub fn stop(&self) {
        self.stopped.store(self.now().millis(), Ordering::Release);
        self.moved.notify_waiters();
    }

    /// Lets a stopped clock tick on from its present time.
    pub fn start(&self) {
        let now = self.now().millis();
        self.ahead.store(now.saturating_sub(machine()), Ordering::Release);
        self.stopped.store(TICKING, Ordering::Release);
        self.moved.notify_waiters();
    }

    /// Back to the machine's time.
    pub fn reset(&self) {
        self.ahead.store(0, Ordering::Release);
        self.stopped.store(TICKING, Ordering::Release);
        self.moved.notify_waiters();
    }

    /// Returns when `until` has come, by whichever clock is running.
    pub async fn sleep_until(&self, until: Timestamp) {
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            // Registered before the look at the clock, so that no move in between is missed.
            moved.as_mut().enable();
            let now = self.now();
            if now >= until {
                return;
            }
            if self.is_stopped() {
                moved.await;
            } else {
                let left = Duration::from_millis(until.millis().saturating_sub(now.millis()).unsigned_abs());
                tokio::select! {
                    () = moved => {}
                    () = doze(left) => {}
                }
            }
        }
    }
}

/// Measures how long something took, for the log. Not affected by moving the clock.
#[derive(Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Waits for something at most this long, in real time: for what a process does, or an endpoint. `None`: it was too long.
pub async fn within<T>(longest: Duration, what: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(longest, what).await.ok()
}

#[expect(clippy::disallowed_methods, reason = "this is the clock")]
async fn doze(left: Duration) {
    // A day at most, so that the far future cannot overflow the timer.
    tokio::time::sleep(left.min(Duration::from_secs(86_400))).await;
}

#[expect(clippy::disallowed_methods, reason = "this is the clock")]
fn machine() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_stopped_clock_moves_only_when_it_is_moved() {
        let clock = Clock::stopped_at(Timestamp(1_000));
        assert_eq!(clock.now(), Timestamp(1_000));
        clock.advance(Duration::from_secs(4));
        assert_eq!(clock.now(), Timestamp(5_000));
    }

    #[test]
    fn a_ticking_clock_can_be_moved_ahead_stopped_and_reset() {
        let clock = Clock::ticking();
        let day = Duration::from_secs(86_400);
        clock.advance(day);
        assert!(clock.now().millis() - machine() > 86_300_000);
        clock.stop();
        let stopped_at = clock.now();
        assert_eq!(clock.now(), stopped_at);
        clock.start();
        assert!(clock.now() >= stopped_at && !clock.is_stopped());
        clock.reset();
        assert!(clock.now() < stopped_at);
    }

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_clock_is_moved_past_its_hour() {
        let clock = Arc::new(Clock::stopped_at(Timestamp(0)));
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(Timestamp(10_000)).await }
        });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(9));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_secs(1));
        sleeper.await.unwrap();
    }
}
