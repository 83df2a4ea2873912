//! Stores and store maps with their types erased: what inspection, reset, snapshot and recovery work on.

use crate::{Json, Record, Unreadable};
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};

/// A table, and how many rows it has.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Listing {
    pub store: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<Json>,
    pub table: &'static str,
    pub rows: usize,
}

/// Some rows of a table, in the order of their keys.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Page {
    pub rows: Vec<(Json, Json)>,
    /// Where the next page starts: after this key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Json>,
}

/// A `Store` or a `StoreMap`. A service lists the ones it owns.
pub trait Persistent: Send + Sync {
    fn path(&self) -> &Arc<str>;
    fn listings(&self) -> Vec<Listing>;
    /// Rows of one table, without their secrets; `instance` names the store of a store map.
    fn page(&self, instance: Option<&Json>, table: &str, after: Option<&Json>, limit: usize) -> Result<Page, Unreadable>;
    /// Every row, in records of a bearable size. Each store is whole in itself; two stores may be seen at two moments.
    fn snapshot(&self, each: &mut dyn FnMut(Record));
    /// Empties it, as after a first start: one record for a store, one for each store of a store map.
    fn reset(&self);
    /// Takes a record over, without writing it to the journal again. `replay` does this in the right order.
    fn apply(&self, record: &Record) -> Result<(), Unreadable>;
    /// Ends a recovery: the indexes are filled again.
    fn finish_recovery(&self);
}

/// Brings records back into the stores they came from.
pub fn replay<'a>(stores: &[&dyn Persistent], records: impl IntoIterator<Item = &'a Record>) -> Result<(), Unreadable> {
    let by_path: BTreeMap<&str, &dyn Persistent> = stores.iter().map(|store| (store.path().as_ref(), *store)).collect();
    let outcome = records.into_iter().try_for_each(|record| match by_path.get(record.store.as_ref()) {
        Some(store) => store.apply(record),
        None => Err(Unreadable::NoSuchStore { store: record.store.to_string(), instance: None }),
    });
    for store in stores {
        store.finish_recovery();
    }
    outcome
}
