//! Runs whose answer was given, and whose lines are not yet written: a server that stops waits for them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::Notify;

#[derive(Debug, Default)]
pub struct Unfinished {
    count: AtomicUsize,
    fewer: Notify,
}

/// One of them, for as long as this is there.
pub struct UnfinishedRun(Arc<Unfinished>);

impl Drop for UnfinishedRun {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.fewer.notify_waiters();
        }
    }
}

impl Unfinished {
    pub fn begin(self: &Arc<Self>) -> UnfinishedRun {
        self.count.fetch_add(1, Ordering::AcqRel);
        UnfinishedRun(self.clone())
    }

    /// Returns when there is none.
    pub async fn over(&self) {
        loop {
            let fewer = self.fewer.notified();
            tokio::pin!(fewer);
            fewer.as_mut().enable();
            if self.count.load(Ordering::Acquire) == 0 {
                return;
            }
            fewer.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::ready;

    #[tokio::test]
    async fn a_stop_waits_for_all_runs() {
        let unfinished = Arc::<Unfinished>::default();
        unfinished.over().await;
        let runs = [unfinished.begin(), unfinished.begin()];
        let mut over = Box::pin(unfinished.over());
        for run in runs {
            tokio::select! {
                biased;
                () = &mut over => panic!("a run is not over"),
                () = ready(()) => {}
            }
            drop(run);
        }
        over.await;
    }
}
