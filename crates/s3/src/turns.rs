//! Turns: what works on a bucket in the background does so one call at a time.

use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::OwnedMutexGuard;

#[derive(Default)]
pub struct Turns(Mutex<BTreeMap<Arc<str>, Arc<tokio::sync::Mutex<()>>>>);

impl Turns {
    /// Waits until nobody else works under this name.
    pub async fn of(&self, name: &str) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.0.lock();
            // Those that nobody holds or waits for.
            locks.retain(|_, lock| Arc::strong_count(lock) > 1);
            locks.entry(name.into()).or_default().clone()
        };
        lock.lock_owned().await
    }
}
