//! Where records go. Off: nothing is even serialized. In memory: for tests. On disk: another keeper, behind the same trait.

use crate::{Change, Fate, Json, Record};
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
pub struct Journal(Option<Arc<dyn Keeper>>);

impl Journal {
    /// Memory only.
    pub fn off() -> Journal {
        Journal(None)
    }

    pub fn to(keeper: Arc<dyn Keeper>) -> Journal {
        Journal(Some(keeper))
    }

    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Resolves when everything written so far is durable. An answer that promises durability waits for this.
    pub async fn settled(&self) -> io::Result<()> {
        match &self.0 {
            Some(keeper) => keeper.settled().await,
            None => Ok(()),
        }
    }

    /// Called under the lock of the store that changed, so that records of one store arrive in order.
    pub(crate) fn append(&self, record: Record) {
        if let Some(keeper) = &self.0 {
            keeper.commit(record);
        }
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_on() { "journal" } else { "no journal" })
    }
}

/// Where one row stands in the whole state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub store: Arc<str>,
    pub of: Option<Json>,
    pub table: Cow<'static, str>,
    pub key: Json,
}

/// Keeps rows for a restart.
pub trait Keeper: Send + Sync + 'static {
    fn get(&self, place: &Place) -> io::Result<Option<Json>>;

    fn put(&self, place: Place, row: Json) {
        self.commit(place.into_record(Some(row)));
    }

    fn delete(&self, place: Place) {
        self.commit(place.into_record(None));
    }

    /// The whole state as records, a created store before its rows.
    fn scan(&self, each: &mut dyn FnMut(Record)) -> io::Result<()>;

    /// Takes one record, whole or not at all, in the order of the calls. It returns at once (a store is locked meanwhile);
    /// durability, and its failure, is what `settled` tells.
    fn commit(&self, record: Record);

    /// Resolves when everything committed so far is durable.
    fn settled(&self) -> Pin<Box<dyn Future<Output = io::Result<()>> + Send + '_>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

impl Place {
    fn into_record(self, row: Option<Json>) -> Record {
        Record { store: self.store, of: self.of, fate: None, rows: vec![Change { table: self.table, key: self.key, row }] }
    }
}

/// A keeper for tests: the records as they came, and the rows they left.
#[derive(Default)]
pub struct InMemory(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    records: Vec<Record>,
    shelved: BTreeSet<(Arc<str>, Json)>,
    rows: BTreeMap<Place, Json>,
}

impl InMemory {
    pub fn new() -> Arc<InMemory> {
        Arc::default()
    }

    pub fn records(&self) -> Vec<Record> {
        self.0.lock().records.clone()
    }
}

impl Keeper for InMemory {
    fn get(&self, place: &Place) -> io::Result<Option<Json>> {
        Ok(self.0.lock().rows.get(place).cloned())
    }

    fn scan(&self, each: &mut dyn FnMut(Record)) -> io::Result<()> {
        let kept = self.0.lock();
        for (store, of) in &kept.shelved {
            each(Record { store: store.clone(), of: Some(of.clone()), fate: Some(Fate::Created), rows: vec![] });
        }
        for (place, row) in &kept.rows {
            each(place.clone().into_record(Some(row.clone())));
        }
        Ok(())
    }

    fn commit(&self, record: Record) {
        let mut kept = self.0.lock();
        match (record.fate, &record.of) {
            (Some(Fate::Created), Some(of)) => drop(kept.shelved.insert((record.store.clone(), of.clone()))),
            (Some(Fate::Emptied | Fate::Removed), of) => {
                kept.rows.retain(|place, _| (&place.store, &place.of) != (&record.store, of));
                if let (Some(Fate::Removed), Some(of)) = (record.fate, of) {
                    kept.shelved.remove(&(record.store.clone(), of.clone()));
                }
            }
            (Some(Fate::Created) | None, _) => {}
        }
        for Change { table, key, row } in record.rows.iter().cloned() {
            let place = Place { store: record.store.clone(), of: record.of.clone(), table, key };
            match row {
                Some(row) => drop(kept.rows.insert(place, row)),
                None => drop(kept.rows.remove(&place)),
            }
        }
        kept.records.push(record);
    }
}
