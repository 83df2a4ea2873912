//! Definitions of revisions in their read form.

use cloudlet_asl::definition::Definition;
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc};

const MOST: usize = 512;

/// By the id of the revision.
#[derive(Default)]
pub struct DefinitionCache(Mutex<BTreeMap<Arc<str>, Arc<Definition>>>);

impl DefinitionCache {
    pub fn get(&self, id: &Arc<str>) -> Option<Arc<Definition>> {
        self.0.lock().get(id).cloned()
    }

    pub fn insert(&self, id: Arc<str>, definition: Arc<Definition>) {
        let mut all = self.0.lock();
        if all.len() >= MOST {
            all.pop_first();
        }
        all.insert(id, definition);
    }
}
