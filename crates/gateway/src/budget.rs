//! The memory that request bodies may take together. Bytes are counted as they arrive and given back when the request ends.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

pub struct Budget {
    size: usize,
    used: AtomicUsize,
}

/// The first bytes of every body may use all of the budget, the others only three quarters: so short requests are answered while long ones
/// have taken their share.
const FIRST: usize = 64 << 10;

impl Budget {
    pub fn new(size: usize) -> Budget {
        Budget { size, used: AtomicUsize::new(0) }
    }

    /// Bytes that belong to one body.
    pub fn begin(self: &Arc<Budget>) -> Reservation {
        Reservation { budget: self.clone(), bytes: 0 }
    }
}

/// What one body takes of the budget.
pub struct Reservation {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Reservation {
    /// Takes as much more that the body has `bytes`. False: there is not so much.
    #[must_use]
    pub fn grow_to(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        let limit = if bytes <= FIRST { self.budget.size } else { self.budget.size / 4 * 3 };
        let grown = self.budget.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| used.checked_add(more).filter(|used| *used <= limit));
        if grown.is_ok() {
            self.bytes += more;
        }
        grown.is_ok()
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_bodies_find_room_when_long_ones_have_taken_their_share() {
        let budget = Arc::new(Budget::new(1 << 20));
        let mut long = budget.begin();
        assert!(long.grow_to(100_000) && long.grow_to(700_000) && !long.grow_to(800_000));
        let mut other = budget.begin();
        assert!(!other.grow_to(100_000) && other.grow_to(60_000));
        let short: Vec<Reservation> = std::iter::repeat_with(|| budget.begin()).take(4).collect();
        let taken = short.into_iter().map(|mut short| short.grow_to(60_000).then_some(short));
        assert_eq!(taken.collect::<Vec<_>>().iter().flatten().count(), 4);
        drop(long);
        assert!(other.grow_to(700_000));
        drop(other);
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
    }
}
