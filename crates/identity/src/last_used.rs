//! When an access key or a role was last used. Noted on every call, so it costs an atomic store and takes no lock of a table.

use cloudlet_aws::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

/// Shared by all copies of a row. What it says reaches the journal with the next write of the row: a crash may forget the latest use.
#[derive(Clone, Debug, Default)]
pub struct LastUsed(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    at: AtomicI64,
    place: Mutex<Option<Place>>,
}

/// With which service, where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub service: Arc<str>,
    pub region: Arc<str>,
}

impl LastUsed {
    pub fn note(&self, now: Timestamp, service: &str, region: &str) {
        self.0.at.store(now.millis(), Ordering::Relaxed);
        let mut place = self.0.place.lock();
        if !place.as_ref().is_some_and(|known| &*known.service == service && &*known.region == region) {
            *place = Some(Place { service: service.into(), region: region.into() });
        }
    }

    pub fn at(&self) -> Timestamp {
        Timestamp(self.0.at.load(Ordering::Relaxed))
    }

    pub fn get(&self) -> Option<(Timestamp, Place)> {
        let place = self.0.place.lock().clone()?;
        Some((Timestamp(self.0.at.load(Ordering::Relaxed)), place))
    }
}

impl Serialize for LastUsed {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.get().serialize(to)
    }
}

impl<'de> Deserialize<'de> for LastUsed {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let used = <Option<(Timestamp, Place)>>::deserialize(from)?;
        let (at, place) = used.map_or((0, None), |(at, place)| (at.millis(), Some(place)));
        Ok(LastUsed(Arc::new(Inner { at: AtomicI64::new(at), place: Mutex::new(place) })))
    }
}
