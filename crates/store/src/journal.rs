//! Where records go. Off: nothing is even serialized. In memory: for tests. On disk: a backend behind the same trait.

use crate::{Change, Json, Record, StoreEvent};
use parking_lot::Mutex;
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt,
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
};

/// A handle that stores hold. Cheap to clone.
#[derive(Clone, Default)]
pub struct Journal(Option<Arc<dyn Backend>>);

impl Journal {
    /// Memory only.
    pub fn off() -> Journal {
        Journal(None)
    }

    pub fn to(backend: Arc<dyn Backend>) -> Journal {
        Journal(Some(backend))
    }

    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Resolves when everything written so far is durable. An answer that promises durability waits for this.
    pub async fn synced(&self) -> io::Result<()> {
        match &self.0 {
            Some(backend) => backend.synced().await,
            None => Ok(()),
        }
    }

    /// Called under the lock of the store that changed, so that records of one store arrive in order.
    pub(crate) fn append(&self, record: Record) {
        if let Some(backend) = &self.0 {
            backend.commit(record);
        }
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_on() { "journal" } else { "no journal" })
    }
}

/// The key of one row in the whole state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowKey {
    pub store: Arc<str>,
    pub instance: Option<Json>,
    pub table: Cow<'static, str>,
    pub key: Json,
}

/// Stores rows for a restart.
pub trait Backend: Send + Sync + 'static {
    fn get(&self, place: &RowKey) -> io::Result<Option<Json>>;

    fn put(&self, place: RowKey, row: Json) {
        self.commit(place.into_record(Some(row)));
    }

    fn delete(&self, place: RowKey) {
        self.commit(place.into_record(None));
    }

    /// The whole state as records, a created store before its rows.
    fn scan(&self, each: &mut dyn FnMut(Record)) -> io::Result<()>;

    /// Takes one record, whole or not at all, in the order of the calls. It returns at once (a store is locked meanwhile);
    /// durability, and its failure, is what `settled` tells.
    fn commit(&self, record: Record);

    /// Resolves when everything committed so far is durable.
    fn synced(&self) -> Pin<Box<dyn Future<Output = io::Result<()>> + Send + '_>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

impl RowKey {
    fn into_record(self, row: Option<Json>) -> Record {
        Record { store: self.store, instance: self.instance, event: None, rows: vec![Change { table: self.table, key: self.key, row }] }
    }
}

/// A backend for tests: the records in their order, and the rows that result.
#[derive(Default)]
pub struct InMemory(Mutex<Contents>);

#[derive(Default)]
struct Contents {
    records: Vec<Record>,
    mapped: BTreeSet<(Arc<str>, Json)>,
    rows: BTreeMap<RowKey, Json>,
}

impl InMemory {
    pub fn new() -> Arc<InMemory> {
        Arc::default()
    }

    pub fn records(&self) -> Vec<Record> {
        self.0.lock().records.clone()
    }
}

impl Backend for InMemory {
    fn get(&self, place: &RowKey) -> io::Result<Option<Json>> {
        Ok(self.0.lock().rows.get(place).cloned())
    }

    fn scan(&self, each: &mut dyn FnMut(Record)) -> io::Result<()> {
        let contents = self.0.lock();
        for (store, instance) in &contents.mapped {
            each(Record { store: store.clone(), instance: Some(instance.clone()), event: Some(StoreEvent::Created), rows: vec![] });
        }
        for (place, row) in &contents.rows {
            each(place.clone().into_record(Some(row.clone())));
        }
        Ok(())
    }

    fn commit(&self, record: Record) {
        let mut contents = self.0.lock();
        match (record.event, &record.instance) {
            (Some(StoreEvent::Created), Some(instance)) => drop(contents.mapped.insert((record.store.clone(), instance.clone()))),
            (Some(StoreEvent::Emptied | StoreEvent::Removed), instance) => {
                contents.rows.retain(|place, _| (&place.store, &place.instance) != (&record.store, instance));
                if let (Some(StoreEvent::Removed), Some(instance)) = (record.event, instance) {
                    contents.mapped.remove(&(record.store.clone(), instance.clone()));
                }
            }
            (Some(StoreEvent::Created) | None, _) => {}
        }
        for Change { table, key, row } in record.rows.iter().cloned() {
            let place = RowKey { store: record.store.clone(), instance: record.instance.clone(), table, key };
            match row {
                Some(row) => drop(contents.rows.insert(place, row)),
                None => drop(contents.rows.remove(&place)),
            }
        }
        contents.records.push(record);
    }
}
