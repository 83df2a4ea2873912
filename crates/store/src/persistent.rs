//! Stores and store maps with their types erased: what inspection, reset, snapshot and recovery work on.

use crate::{Change, Json, Record, StoreEvent, Unreadable};
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
    /// What the indexes hold, as text: after a recovery it is the same.
    fn indexes(&self) -> Vec<String>;
    /// Whether the records would fit, without a change to anything.
    fn check(&self, records: &[Record]) -> Result<(), Unreadable>;
    /// Replaces the selected rows by those of the records, and writes that to the journal. Each store changes whole or not at all.
    /// Of a store map, stores are replaced as a whole: those with a selected row.
    fn replace(&self, records: &[Record], selection: Selection<'_>) -> Result<(), Unreadable>;
}

/// A row, for a selection.
#[derive(Clone, Copy, Debug)]
pub struct RowView<'a> {
    pub store: &'a str,
    pub instance: Option<&'a Json>,
    pub table: &'a str,
    pub key: &'a Json,
    pub row: &'a Json,
}

/// Says of a row whether it is meant.
pub type Selection<'a> = &'a dyn Fn(RowView<'_>) -> bool;

fn is_meant(record: &Record, change: &Change, selection: Selection<'_>) -> bool {
    change.row.as_ref().is_some_and(|row| {
        selection(RowView { store: &record.store, instance: record.instance.as_ref(), table: &change.table, key: &change.key, row })
    })
}

/// Whether a record of a store of a store map has a selected row, or the store itself is selected: its key counts as a row of no table.
pub(crate) fn selects(record: &Record, selection: Selection<'_>) -> bool {
    let itself = record.instance.as_ref().filter(|_| record.event == Some(StoreEvent::Created));
    let is_itself = itself.is_some_and(|key| selection(RowView { store: &record.store, instance: Some(key), table: "", key, row: key }));
    is_itself || record.rows.iter().any(|change| is_meant(record, change, selection))
}

/// The snapshot of a store, or of the stores of a store map, with the selected rows. Stores of a store map are taken as a whole.
pub fn select(store: &dyn Persistent, selection: Selection<'_>) -> Vec<Record> {
    let mut selected = vec![];
    // Where the records of the present store of a store map begin, and whether a row of it was selected.
    let (mut begin, mut is_selected) = (0, false);
    store.snapshot(&mut |mut record| {
        if record.instance.is_none() {
            let rows = std::mem::take(&mut record.rows);
            record.rows = rows.into_iter().filter(|change| is_meant(&record, change, selection)).collect();
            if !record.rows.is_empty() {
                selected.push(record);
            }
            return;
        }
        if record.event == Some(StoreEvent::Created) {
            if !is_selected {
                selected.truncate(begin);
            }
            (begin, is_selected) = (selected.len(), false);
        }
        is_selected |= selects(&record, selection);
        selected.push(record);
    });
    if !is_selected && selected.get(begin).is_some_and(|record| record.instance.is_some()) {
        selected.truncate(begin);
    }
    selected
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
