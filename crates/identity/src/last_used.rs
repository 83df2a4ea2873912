//! When an access key or a role was last used. It is recorded on every call, so it takes no lock of a table.

use cloudlet_aws::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

/// The row is written again for a use this long after the last one that was written: a restart may lose the uses since.
const WRITTEN_EVERY: i64 = 15 * 60 * 1_000;

/// Shared by all copies of a row. Not every use is a write.
#[derive(Clone, Debug, Default)]
pub struct LastUsed(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    at: AtomicI64,
    written: AtomicI64,
    service_and_region: Mutex<Option<(Arc<str>, Arc<str>)>>,
}

/// One use: when, with which service, in which region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    pub at: Timestamp,
    pub service: Arc<str>,
    pub region: Arc<str>,
}

impl LastUsed {
    /// Records a use, and tells whether the row is to be written.
    pub fn record(&self, now: Timestamp, service: &str, region: &str) -> bool {
        self.0.at.store(now.millis(), Ordering::Relaxed);
        let mut known = self.0.service_and_region.lock();
        if !known.as_ref().is_some_and(|known| &*known.0 == service && &*known.1 == region) {
            *known = Some((service.into(), region.into()));
        }
        let is_due = now.millis().saturating_sub(self.0.written.load(Ordering::Relaxed)) >= WRITTEN_EVERY;
        if is_due {
            self.0.written.store(now.millis(), Ordering::Relaxed);
        }
        is_due
    }

    pub fn at(&self) -> Timestamp {
        Timestamp(self.0.at.load(Ordering::Relaxed))
    }

    pub fn get(&self) -> Option<Usage> {
        let (service, region) = self.0.service_and_region.lock().clone()?;
        Some(Usage { at: self.at(), service, region })
    }
}

impl Serialize for LastUsed {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.get().serialize(to)
    }
}

impl<'de> Deserialize<'de> for LastUsed {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let usage = <Option<Usage>>::deserialize(from)?;
        let at = usage.as_ref().map_or(0, |usage| usage.at.millis());
        let service_and_region = usage.map(|usage| (usage.service, usage.region));
        Ok(LastUsed(Arc::new(Inner { at: AtomicI64::new(at), written: AtomicI64::new(at), service_and_region: Mutex::new(service_and_region) })))
    }
}
