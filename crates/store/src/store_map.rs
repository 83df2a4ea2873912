//! Many stores of one kind, a lock each: a queue each, a bucket each.
//! A store that was removed is retired: who still has a handle reads `None`, and changes nothing.

use crate::persistent::selects;
use crate::store::{Cell, changes, infallible};
use crate::table::is_backward;
use crate::{Journal, Json, Key, Listing, Page, Persistent, Record, Selection, StoreEvent, Tables, Unreadable};
use parking_lot::RwLock;
use std::{
    borrow::Borrow,
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::RangeBounds,
    sync::Arc,
};

/// Stores by key. Looking one up takes a short shared lock; working in one takes its own lock only.
pub struct StoreMap<K, T> {
    path: Arc<str>,
    journal: Journal,
    // INVARIANT: under this lock no other lock is waited for, but the journal's.
    stores: RwLock<BTreeMap<K, Arc<MappedStore<T>>>>,
}

type Entry<T> = Arc<MappedStore<T>>;

/// A store of a store map. Every access gives `None` once it is retired.
pub struct MappedStore<T>(Cell<T>);

impl<T: Tables> MappedStore<T> {
    pub fn read<R>(&self, look: impl FnOnce(&T) -> R) -> Option<R> {
        let tables = self.0.tables.read();
        if self.0.is_retired() { None } else { Some(look(&tables)) }
    }

    /// As `Store::write`; `None` when the store is retired.
    pub fn write<R, E>(&self, change: impl FnOnce(&mut T) -> Result<R, E>) -> Option<Result<R, E>> {
        let mut tables = self.0.tables.write();
        if self.0.is_retired() { None } else { Some(self.0.write_into(&mut tables, change)) }
    }

    /// A write that cannot fail; `None` when the store is retired.
    pub fn update<R>(&self, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.write(|tables| Ok(change(tables))).map(infallible)
    }

    pub fn is_retired(&self) -> bool {
        self.0.is_retired()
    }
}

impl<K: Key, T: Tables> StoreMap<K, T> {
    pub fn new(path: impl Into<Arc<str>>, journal: &Journal) -> StoreMap<K, T> {
        StoreMap { path: path.into(), journal: journal.clone(), stores: RwLock::default() }
    }

    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<Arc<MappedStore<T>>>
    where
        K: Borrow<Q>,
    {
        self.stores.read().get(key).cloned()
    }

    pub fn contains<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.stores.read().contains_key(key)
    }

    /// Reads in one store; `None` when there is none.
    pub fn read<Q: Ord + ?Sized, R>(&self, key: &Q, look: impl FnOnce(&T) -> R) -> Option<R>
    where
        K: Borrow<Q>,
    {
        self.get(key)?.read(look)
    }

    /// Writes in one store; `None` when there is none.
    pub fn write<Q: Ord + ?Sized, R, E>(&self, key: &Q, change: impl FnOnce(&mut T) -> Result<R, E>) -> Option<Result<R, E>>
    where
        K: Borrow<Q>,
    {
        self.get(key)?.write(change)
    }

    pub fn update<Q: Ord + ?Sized, R>(&self, key: &Q, change: impl FnOnce(&mut T) -> R) -> Option<R>
    where
        K: Borrow<Q>,
    {
        self.get(key)?.update(change)
    }

    /// Adds a store with its rows; `Err` is the one that is there already.
    pub fn create(&self, key: K, tables: T) -> Result<Arc<MappedStore<T>>, Arc<MappedStore<T>>> {
        let mut stores = self.stores.write();
        if let Some(present) = stores.get(&key)
            && !present.is_retired()
        {
            present.0.depend();
            return Err(present.clone());
        }
        let instance = self.json_key(&key);
        let rows = if self.journal.is_on() { changes(&tables) } else { vec![] };
        let store = Arc::new(MappedStore(Cell::new(self.path.clone(), Some(instance), self.journal.clone(), tables)));
        if self.journal.is_on() {
            store.0.append(Some(StoreEvent::Created), rows);
        }
        stores.insert(key, store.clone());
        Ok(store)
    }

    /// Removes and retires a store. False when there was none.
    pub fn remove<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        matches!(self.remove_if(key, |_| Ok::<_, std::convert::Infallible>(())), Some(Ok(())))
    }

    /// Removes a store if `agree` says so, under its lock (a bucket must be empty).
    /// `None` when there was none.
    pub fn remove_if<Q: Ord + ?Sized, R, E>(&self, key: &Q, agree: impl FnOnce(&T) -> Result<R, E>) -> Option<Result<R, E>>
    where
        K: Borrow<Q>,
    {
        let store = self.get(key)?;
        let result = {
            let tables = store.0.tables.write();
            if store.0.is_retired() {
                return None;
            }
            let result = match agree(&tables) {
                Ok(result) => result,
                Err(refusal) => return Some(Err(refusal)),
            };
            if self.journal.is_on() {
                store.0.append(Some(StoreEvent::Removed), vec![]);
            }
            store.0.retire(&tables);
            result
        };
        let mut stores = self.stores.write();
        // Another one may have been created under the key since the lock was released.
        if stores.get(key).is_some_and(|present| Arc::ptr_eq(present, &store)) {
            stores.remove(key);
        }
        Some(Ok(result))
    }

    /// Up to `limit` stores in a range of keys, in order.
    pub fn range<Q: Ord + ?Sized>(&self, range: impl RangeBounds<Q>, limit: usize) -> Vec<(K, Arc<MappedStore<T>>)>
    where
        K: Borrow<Q>,
    {
        if is_backward(&range) {
            return vec![];
        }
        self.stores.read().range(range).take(limit).map(|(key, store)| (key.clone(), store.clone())).collect()
    }

    pub fn all(&self) -> Vec<(K, Arc<MappedStore<T>>)> {
        self.stores.read().iter().map(|(key, store)| (key.clone(), store.clone())).collect()
    }

    pub fn len(&self) -> usize {
        self.stores.read().len()
    }

    pub fn is_empty(&self) -> bool {
        self.stores.read().is_empty()
    }

    #[expect(clippy::panic, reason = "a key type that JSON cannot express is a bug, and nothing has happened yet")]
    fn json_key(&self, key: &K) -> Json {
        match Json::of(key) {
            Ok(json) => json,
            Err(error) => panic!("a key of {} is no JSON: {error}", self.path),
        }
    }

    fn find(&self, instance: Option<&Json>) -> Result<(K, Option<Entry<T>>), Unreadable> {
        let Some(instance) = instance else { return Err(Unreadable::NoSuchStore { store: self.path.to_string(), instance: None }) };
        let key = instance.read::<K>().map_err(|cause| Unreadable::StoreKey { store: self.path.to_string(), instance: instance.clone(), cause })?;
        let store = self.get(&key);
        Ok((key, store))
    }

    fn absent(&self, instance: Option<&Json>) -> Unreadable {
        Unreadable::NoSuchStore { store: self.path.to_string(), instance: instance.cloned() }
    }
}

impl<K: Key, T: Tables> Persistent for StoreMap<K, T> {
    fn path(&self) -> &Arc<str> {
        &self.path
    }

    fn listings(&self) -> Vec<Listing> {
        let mut listings = vec![];
        for (_, store) in self.all() {
            store.0.list(&mut listings);
        }
        listings
    }

    fn page(&self, instance: Option<&Json>, table: &str, after: Option<&Json>, limit: usize) -> Result<Page, Unreadable> {
        let (_, store) = self.find(instance)?;
        store.ok_or_else(|| self.absent(instance))?.0.page(table, after, limit)
    }

    fn snapshot(&self, each: &mut dyn FnMut(Record)) {
        for (_, store) in self.all() {
            store.0.snapshot(each);
        }
    }

    fn reset(&self) {
        for (key, _) in self.all() {
            self.remove(&key);
        }
    }

    fn apply(&self, record: &Record) -> Result<(), Unreadable> {
        let (key, store) = self.find(record.instance.as_ref())?;
        match (record.event, store) {
            (Some(StoreEvent::Removed), store) => {
                if let Some(store) = store {
                    store.0.retire(&store.0.tables.write());
                    self.stores.write().remove(&key);
                }
                Ok(())
            }
            (Some(StoreEvent::Created), None) => {
                let cell = Cell::new(self.path.clone(), record.instance.clone(), self.journal.clone(), T::default());
                cell.apply(record)?;
                self.stores.write().insert(key, Arc::new(MappedStore(cell)));
                Ok(())
            }
            (_, Some(store)) => store.0.apply(record),
            (_, None) => Err(self.absent(record.instance.as_ref())),
        }
    }

    fn finish_recovery(&self) {
        for (_, store) in self.all() {
            store.0.reindex();
        }
    }

    fn indexes(&self) -> Vec<String> {
        self.all().iter().flat_map(|(_, store)| store.0.index_texts()).collect()
    }

    fn check(&self, records: &[Record]) -> Result<(), Unreadable> {
        for records in records.chunk_by(|one, next| one.instance == next.instance) {
            let mut scratch = T::default();
            for record in records {
                self.find(record.instance.as_ref())?;
                let cell = Cell::new(self.path.clone(), record.instance.clone(), Journal::off(), T::default());
                cell.put(&mut scratch, record)?;
            }
        }
        Ok(())
    }

    fn replace(&self, records: &[Record], selection: Selection<'_>) -> Result<(), Unreadable> {
        let kept: BTreeSet<Option<&Json>> = records.iter().map(|record| record.instance.as_ref()).collect();
        for (key, store) in self.all() {
            if kept.contains(&store.0.instance.as_ref()) {
                continue;
            }
            let mut is_selected = false;
            store.0.snapshot(&mut |record| is_selected |= selects(&record, selection));
            if is_selected {
                self.remove(&key);
            }
        }
        for records in records.chunk_by(|one, next| one.instance == next.instance) {
            let Some(first) = records.first() else { continue };
            let (key, _) = self.find(first.instance.as_ref())?;
            let store = self.create(key, T::default()).unwrap_or_else(|present| present);
            store.0.replace(&mut store.0.tables.write(), records, &|_| true)?;
        }
        Ok(())
    }
}

impl<K, T> fmt::Debug for StoreMap<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "store map {}", self.path)
    }
}

impl<T> fmt::Debug for MappedStore<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.instance {
            Some(instance) => write!(f, "store {instance} of {}", self.0.path),
            None => write!(f, "store of {}", self.0.path),
        }
    }
}

#[cfg(test)]
mod tests;
