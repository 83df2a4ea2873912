//! When an environment that has nothing to do is frozen: not at once, but after a moment, so that events in quick succession find it running.

use cloudlet_engine::within;
use std::{
    future::pending,
    sync::{Arc, Weak},
    time::Duration,
};

/// How long an environment has nothing to do before it gets no processor any more; at most twice that. Real time, as all that processes do.
const REST: Duration = Duration::from_millis(100);

/// Whether an environment has nothing to do, and since which of its events.
#[derive(Debug, Default)]
pub struct Rest {
    /// Counts how often it began.
    turn: u64,
    is_resting: bool,
    /// Somebody looks at it after a while. One look serves all events of that time.
    is_timed: bool,
}

/// What is to be done after a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Freeze,
    /// It had something to do meanwhile: it is looked at again, and has rested if this is its turn then.
    Again(u64),
    /// It works. Who ends that begins anew.
    Stop,
}

impl Rest {
    /// There is nothing to do. The turn that a new timer begins with, if there is none.
    pub fn begin(&mut self) -> Option<u64> {
        if !std::mem::replace(&mut self.is_resting, true) {
            self.turn += 1;
        }
        (!std::mem::replace(&mut self.is_timed, true)).then_some(self.turn)
    }

    pub fn end(&mut self) {
        self.is_resting = false;
    }

    /// A look a moment after the turn was `turn`.
    pub fn look(&mut self, turn: u64) -> Look {
        let next = match (self.is_resting, self.turn == turn) {
            (true, true) => Look::Freeze,
            (true, false) => Look::Again(self.turn),
            (false, _) => Look::Stop,
        };
        self.is_timed = matches!(next, Look::Again(_));
        next
    }
}

/// An environment that can be frozen.
pub trait Freezes: Send + Sync {
    /// Looks at its rest, and freezes it if that is long enough.
    fn look(&self, turn: u64) -> Look;
}

/// Looks until the environment is frozen, works, or is gone.
pub async fn watch(environment: Weak<dyn Freezes>, mut turn: u64) {
    loop {
        within(REST, pending::<()>()).await;
        let Some(environment): Option<Arc<dyn Freezes>> = environment.upgrade() else { return };
        match environment.look(turn) {
            Look::Again(next) => turn = next,
            Look::Freeze | Look::Stop => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_timer_serves_the_events_of_a_while() {
        let mut rest = Rest::default();
        assert_eq!(rest.begin(), Some(1));
        assert_eq!(rest.begin(), None, "it rests already");
        for _ in 0..3 {
            rest.end();
            assert_eq!(rest.begin(), None, "the timer is there");
        }
        assert_eq!(rest.look(1), Look::Again(4));
        assert_eq!(rest.look(4), Look::Freeze);
        rest.end();
        assert_eq!(rest.begin(), Some(5), "it was frozen, and has worked");
        rest.end();
        assert_eq!(rest.look(5), Look::Stop);
        assert_eq!(rest.begin(), Some(6));
    }
}
