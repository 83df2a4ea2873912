//! Bodies in memory, by id.

use super::{
    blob_id::{BlobId, missing},
    sweep::{KnownBodies, Swept},
};
use bytes::Bytes;
use parking_lot::RwLock;
use std::{collections::BTreeMap, io, sync::Arc};

#[derive(Default)]
pub(super) struct Memory(RwLock<BTreeMap<BlobId, Arc<[Bytes]>>>);

impl Memory {
    pub(super) fn insert(&self, id: BlobId, segments: Vec<Bytes>) {
        self.0.write().insert(id, segments.into());
    }

    pub(super) fn get(&self, id: BlobId) -> io::Result<Arc<[Bytes]>> {
        self.0.read().get(&id).cloned().ok_or_else(|| missing(id))
    }

    pub(super) fn link(&self, old: BlobId, new: BlobId) -> io::Result<()> {
        let segments = self.get(old)?;
        self.0.write().insert(new, segments);
        Ok(())
    }

    pub(super) fn delete(&self, id: BlobId) {
        // Freed after the lock is released.
        let freed = self.0.write().remove(&id);
        drop(freed);
    }

    pub(super) fn sweep(&self, known: &KnownBodies) -> Swept {
        let mut bodies = self.0.write();
        let before = bodies.len();
        bodies.retain(|id, _| known.contains_key(id));
        let missing = known.keys().filter(|id| !bodies.contains_key(id)).copied().collect();
        Swept { removed: before - bodies.len(), missing }
    }
}
