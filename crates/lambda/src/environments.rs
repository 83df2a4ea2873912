//! Execution environments of all functions: bounded in number, and used again while they are warm.

use crate::{
    environment::{Environment, EnvironmentKey, Initialization},
    outcomes::End,
    state::{FunctionKey, Version},
    unfinished::{Unfinished, UnfinishedRun},
};
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_engine::{roles::RoleSession, within};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, VecDeque},
    future::pending,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::sync::{Notify, Semaphore, SemaphorePermit};

/// Environments of all functions that work at the same time; more wait for their turn.
const WORKING: usize = 256;
/// Environments that get ready at the same time, and how long one may hold others up.
const STARTING: usize = 8;
pub const HOLDS_UP: Duration = Duration::from_secs(2);
/// Environments that wait for events, of all functions; the one that has waited longest goes first.
const WARM: usize = 128;
/// How often those that wait are looked at: at the second look without an event in between an environment is given up. Real time, as all that
/// processes do. AWS: it takes some minutes; how many is not said.
const IDLE: Duration = Duration::from_secs(300);
/// How long an event waits for an environment that has answered and is not ready for the next, before it gets a new one.
const PATIENCE: Duration = Duration::from_millis(250);

pub struct Environments {
    working: Semaphore,
    starting: Semaphore,
    pool: Arc<Pool>,
    unfinished: Arc<Unfinished>,
    /// The extensions in each folder of layers.
    pub extensions: Mutex<BTreeMap<String, Vec<String>>>,
}

#[derive(Default)]
struct Pool {
    state: Mutex<PoolState>,
    /// An environment is warm again, or is not going to be.
    changed: Notify,
}

#[derive(Default)]
struct PoolState {
    warm: VecDeque<Environment>,
    /// How many of each kind have answered, and are not ready for the next event.
    finishing: BTreeMap<EnvironmentKey, usize>,
    /// Somebody looks for idle ones.
    is_watched: bool,
}

impl PoolState {
    fn take(&mut self, fit: &EnvironmentKey, now: Timestamp) -> Option<Environment> {
        // What the version was before is of no use any more.
        let is_old = |of: &EnvironmentKey| of.key == fit.key && of.number == fit.number && of.revision != fit.revision;
        self.warm.retain(|environment| environment.session.usable_until > now && !is_old(&environment.fit));
        // The one that was used last.
        let at = self.warm.iter().rposition(|environment| environment.fit == *fit)?;
        self.warm.remove(at)
    }

    fn put_back(&mut self, mut environment: Environment) {
        environment.idle_looks = 0;
        self.warm.push_back(environment);
    }

    /// Gives those that had no event since the look before. What is provisioned stays.
    fn take_idle(&mut self) -> Vec<Environment> {
        let on_demand = |environment: &Environment| environment.fit.initialization == Initialization::OnDemand;
        let all = std::mem::take(&mut self.warm).into_iter();
        let (idle, warm): (Vec<_>, Vec<_>) = all.partition(|environment| on_demand(environment) && environment.idle_looks > 0);
        self.warm = warm.into();
        self.warm.iter_mut().for_each(|environment| environment.idle_looks += 1);
        self.is_watched = self.warm.iter().any(on_demand);
        idle
    }
}

/// Gives idle environments up, until none is left.
async fn watch(pool: Weak<Pool>) {
    loop {
        within(IDLE, pending::<()>()).await;
        let Some(pool) = pool.upgrade() else { return };
        let (idle, is_watched) = {
            let mut state = pool.state.lock();
            (state.take_idle(), state.is_watched)
        };
        drop(idle);
        if !is_watched {
            return;
        }
    }
}

/// An environment that has answered, for as long as this is there.
pub struct Finishing {
    pool: Arc<Pool>,
    fit: EnvironmentKey,
}

impl Drop for Finishing {
    fn drop(&mut self) {
        let mut state = self.pool.state.lock();
        if let Some(count) = state.finishing.get_mut(&self.fit) {
            *count -= 1;
            if *count == 0 {
                state.finishing.remove(&self.fit);
            }
        }
        drop(state);
        self.pool.changed.notify_waiters();
    }
}

/// An environment that could not be made ready.
pub enum NotReady {
    /// The code failed as it was loaded.
    Failed(Box<FailedStart>),
    Fault(Fault),
}

pub struct FailedStart {
    pub end: End,
    pub lines: Vec<String>,
    pub session: RoleSession,
    pub stream: String,
}

impl From<Fault> for NotReady {
    fn from(fault: Fault) -> Self {
        NotReady::Fault(fault)
    }
}

impl Environments {
    pub fn new(unfinished: Arc<Unfinished>) -> Environments {
        Environments {
            working: Semaphore::new(WORKING),
            starting: Semaphore::new(STARTING),
            pool: Arc::default(),
            unfinished,
            extensions: Mutex::default(),
        }
    }

    pub async fn turn(&self) -> Result<SemaphorePermit<'_>, Fault> {
        self.working.acquire().await.map_err(Fault::internal)
    }

    pub async fn starting(&self) -> Result<SemaphorePermit<'_>, Fault> {
        self.starting.acquire().await.map_err(Fault::internal)
    }

    /// A warm environment. Where there is none, and one has just answered, that one is waited for a moment.
    pub async fn take(&self, fit: &EnvironmentKey, now: Timestamp) -> Option<Environment> {
        let found = async {
            loop {
                let changed = self.pool.changed.notified();
                tokio::pin!(changed);
                // Registered before the look, so that no change in between is missed.
                changed.as_mut().enable();
                {
                    let mut state = self.pool.state.lock();
                    let found = state.take(fit, now);
                    if found.is_some() || !state.finishing.contains_key(fit) {
                        return found;
                    }
                }
                changed.await;
            }
        };
        within(PATIENCE, found).await.flatten()
    }

    /// An environment of this kind has answered.
    pub fn finishes(&self, fit: &EnvironmentKey) -> Finishing {
        *self.pool.state.lock().finishing.entry(fit.clone()).or_insert(0) += 1;
        Finishing { pool: self.pool.clone(), fit: fit.clone() }
    }

    /// A run has answered, and is not over.
    pub fn begin_unfinished(&self) -> UnfinishedRun {
        self.unfinished.begin()
    }

    pub fn put_back(&self, environment: Environment) {
        let mut state = self.pool.state.lock();
        state.put_back(environment);
        let oldest = if state.warm.len() > WARM { state.warm.pop_front() } else { None };
        let is_watched = std::mem::replace(&mut state.is_watched, true);
        drop(state);
        drop(oldest);
        if !is_watched {
            tokio::spawn(watch(Arc::downgrade(&self.pool)));
        }
    }

    pub fn forget_provisioned(&self, key: &FunctionKey) {
        let is_other = |environment: &Environment| environment.fit.key != *key || environment.fit.initialization == Initialization::OnDemand;
        self.pool.state.lock().warm.retain(is_other);
    }

    /// A function is gone, or what it was.
    pub fn forget(&self, key: &FunctionKey) {
        self.pool.state.lock().warm.retain(|environment| environment.fit.key != *key);
    }
}

/// What an environment is started for.
pub struct EnvironmentRequest<'v> {
    pub fit: EnvironmentKey,
    pub version: &'v Version,
    pub timeout: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::resting;

    #[test]
    fn environments_without_events_are_given_up_at_the_second_look() {
        let mut state = PoolState::default();
        state.put_back(resting("busy", Initialization::OnDemand));
        state.put_back(resting("idle", Initialization::OnDemand));
        state.put_back(resting("provisioned", Initialization::Provisioned));
        assert!(state.take_idle().is_empty() && state.is_watched);
        let busy = state.warm.pop_front().unwrap();
        state.put_back(busy);
        let names = |of: &[Environment]| of.iter().map(|environment| environment.fit.key.name.to_string()).collect::<Vec<_>>();
        assert_eq!(names(&state.take_idle()), ["idle"]);
        assert!(state.is_watched);
        assert_eq!(names(&state.take_idle()), ["busy"]);
        assert!(!state.is_watched && state.take_idle().is_empty() && state.warm.len() == 1, "what is provisioned stays");
    }
}
