//! The invocations that run now, and how each is told to stop. Deliberately no state: after a restart none runs.

use super::rows::RowKey;
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc};
use tokio::sync::watch;

type Key = (RowKey, Arc<str>);

#[derive(Default)]
pub struct Runs(Arc<Mutex<HashMap<Key, watch::Sender<bool>>>>);

/// An invocation that runs. Dropped, it runs no more.
pub struct Run {
    runs: Arc<Mutex<HashMap<Key, watch::Sender<bool>>>>,
    key: Key,
    told: watch::Receiver<bool>,
}

impl Runs {
    pub fn begin(&self, place: &RowKey, node: &str) -> Run {
        let key = (place.clone(), Arc::from(node));
        let (tell, told) = watch::channel(false);
        self.0.lock().insert(key.clone(), tell);
        Run { runs: self.0.clone(), key, told }
    }

    pub fn is_running(&self, place: &RowKey, node: &str) -> bool {
        self.0.lock().contains_key(&(place.clone(), Arc::from(node)))
    }

    /// Tells an invocation to stop. False: it does not run.
    pub fn stop(&self, place: &RowKey, node: &str) -> bool {
        self.0.lock().get(&(place.clone(), Arc::from(node))).is_some_and(|tell| tell.send(true).is_ok())
    }
}

impl Run {
    pub fn is_stopped(&self) -> bool {
        *self.told.borrow()
    }

    /// Returns when it is told to stop.
    pub async fn stopped(&self) {
        let mut told = self.told.clone();
        if told.wait_for(|stopped| *stopped).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.runs.lock().remove(&self.key);
    }
}
