//! A store: tables behind one lock, whose writes happen whole or not at all.

use crate::{Change, Journal, Json, Listing, Page, Persistent, Record, RowView, Selection, StoreEvent, Tables, Unreadable, secret::redacted};
use parking_lot::{RwLock, RwLockWriteGuard};
use std::{
    borrow::Cow,
    fmt,
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// Rows in one record of a snapshot.
const SNAPSHOT_ROWS: usize = 1000;

/// The tables of a service, or of a part of it. Closures run under its lock: short, and never into the same store again.
pub struct Store<T>(Cell<T>);

impl<T: Tables> Store<T> {
    /// A store with its path in the journal (`"sns/topics"`). The rows in `tables` count as recovered.
    pub fn new(path: impl Into<Arc<str>>, journal: &Journal, tables: T) -> Store<T> {
        Store(Cell::new(path.into(), None, journal.clone(), tables))
    }

    pub fn read<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.0.tables.read())
    }

    /// Changes rows. On `Err`, or when the closure panics, every touched row is as before; on `Ok` the write is one record.
    pub fn write<R, E>(&self, change: impl FnOnce(&mut T) -> Result<R, E>) -> Result<R, E> {
        self.0.write_into(&mut self.0.tables.write(), change)
    }

    /// A write that cannot fail.
    pub fn update<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        infallible(self.write(|tables| Ok(change(tables))))
    }
}

impl<T: Tables> Persistent for Store<T> {
    fn path(&self) -> &Arc<str> {
        &self.0.path
    }

    fn listings(&self) -> Vec<Listing> {
        let mut listings = vec![];
        self.0.list(&mut listings);
        listings
    }

    fn page(&self, instance: Option<&Json>, table: &str, after: Option<&Json>, limit: usize) -> Result<Page, Unreadable> {
        match instance {
            None => self.0.page(table, after, limit),
            Some(_) => Err(Unreadable::NoSuchStore { store: self.0.path.to_string(), instance: instance.cloned() }),
        }
    }

    fn snapshot(&self, each: &mut dyn FnMut(Record)) {
        self.0.snapshot(each);
    }

    fn reset(&self) {
        self.0.empty();
    }

    fn apply(&self, record: &Record) -> Result<(), Unreadable> {
        match &record.instance {
            None => self.0.apply(record),
            Some(_) => Err(Unreadable::NoSuchStore { store: self.0.path.to_string(), instance: record.instance.clone() }),
        }
    }

    fn finish_recovery(&self) {
        self.0.reindex();
    }

    fn indexes(&self) -> Vec<String> {
        self.0.index_texts()
    }

    fn check(&self, records: &[Record]) -> Result<(), Unreadable> {
        let mut scratch = T::default();
        records.iter().try_for_each(|record| match &record.instance {
            None => self.0.put(&mut scratch, record),
            Some(_) => Err(Unreadable::NoSuchStore { store: self.0.path.to_string(), instance: record.instance.clone() }),
        })
    }

    fn replace(&self, records: &[Record], selection: Selection<'_>) -> Result<(), Unreadable> {
        self.0.replace(&mut self.0.tables.write(), records, selection)
    }
}

impl<T> fmt::Debug for Store<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "store {}", self.0.path)
    }
}

/// What a `Store` and a `MappedStore` share: the lock, the journal, and the path in it.
pub(crate) struct Cell<T> {
    pub(crate) tables: RwLock<T>,
    /// Removed from its store map. Set under the lock of the tables, so that it holds for as long as one has that lock.
    retired: AtomicBool,
    pub(crate) path: Arc<str>,
    pub(crate) instance: Option<Json>,
    pub(crate) journal: Journal,
    /// The number of the record that was written last.
    last_record: AtomicU64,
}

impl<T: Tables> Cell<T> {
    pub(crate) fn new(path: Arc<str>, instance: Option<Json>, journal: Journal, mut tables: T) -> Cell<T> {
        Transaction::new(&mut tables).commit();
        Cell { tables: RwLock::new(tables), retired: AtomicBool::new(false), path, instance, journal, last_record: AtomicU64::new(0) }
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    /// Called with the lock of the tables held, after the record was appended.
    pub(crate) fn retire(&self, _: &RwLockWriteGuard<'_, T>) {
        self.retired.store(true, Ordering::Release);
    }

    pub(crate) fn write_into<R, E>(&self, tables: &mut T, change: impl FnOnce(&mut T) -> Result<R, E>) -> Result<R, E> {
        // Dropped without `commit`, by `?` or by a panic, a transaction undoes itself.
        let transaction = Transaction::new(tables);
        let result = change(transaction.tables)?;
        if self.journal.is_on() {
            let rows = changes(transaction.tables);
            if rows.is_empty() {
                self.depend();
            } else {
                self.append(None, rows);
            }
        }
        transaction.commit();
        Ok(result)
    }

    pub(crate) fn append(&self, event: Option<StoreEvent>, rows: Vec<Change>) {
        let number = self.journal.append(Record { store: self.path.clone(), instance: self.instance.clone(), event, rows });
        self.last_record.store(number, Ordering::Release);
    }

    /// What is being done relies on what the store holds: it promises no more than what was promised before.
    pub(crate) fn depend(&self) {
        self.journal.depends_on(self.last_record.load(Ordering::Acquire));
    }

    pub(crate) fn list(&self, listings: &mut Vec<Listing>) {
        self.tables.read().tables(&mut |table, rows| {
            listings.push(Listing { store: self.path.clone(), instance: self.instance.clone(), table, rows: rows.count() });
        });
    }

    pub(crate) fn page(&self, table: &str, after: Option<&Json>, limit: usize) -> Result<Page, Unreadable> {
        let mut page = None;
        self.tables.read().tables(&mut |name, rows| {
            if name == table {
                page = Some(redacted(|| page_of(rows, after, limit)));
            }
        });
        match page {
            Some(Ok(page)) => Ok(page),
            Some(Err(cause)) => Err(Unreadable::Page { store: self.path.to_string(), table: table.to_owned(), cause }),
            None => Err(Unreadable::NoSuchTable { store: self.path.to_string(), table: table.to_owned() }),
        }
    }

    /// Every row, under one lock, so that the store is whole in itself.
    pub(crate) fn snapshot(&self, each: &mut dyn FnMut(Record)) {
        let tables = self.tables.read();
        if self.is_retired() {
            return;
        }
        let record = |event, rows| Record { store: self.path.clone(), instance: self.instance.clone(), event, rows };
        if self.instance.is_some() {
            each(record(Some(StoreEvent::Created), vec![]));
        }
        tables.tables(&mut |name, table| {
            let mut rows = vec![];
            let scanned = table.scan(None, &mut |key, row| {
                rows.push(Change { table: Cow::Borrowed(name), key, row: Some(row) });
                if rows.len() == SNAPSHOT_ROWS {
                    each(record(None, std::mem::take(&mut rows)));
                }
                ControlFlow::Continue(())
            });
            if let Err(error) = scanned {
                unwritable(name, &error);
            }
            if !rows.is_empty() {
                each(record(None, rows));
            }
        });
    }

    pub(crate) fn empty(&self) {
        let mut tables = self.tables.write();
        let transaction = Transaction::new(&mut *tables);
        transaction.tables.tables_mut(&mut |_, table| table.empty());
        transaction.tables.indexes_mut(&mut |index| index.empty());
        if self.journal.is_on() {
            self.append(Some(StoreEvent::Emptied), vec![]);
        }
        transaction.commit();
    }

    /// Takes the rows of a record over, all or none.
    pub(crate) fn apply(&self, record: &Record) -> Result<(), Unreadable> {
        let mut tables = self.tables.write();
        let transaction = Transaction::new(&mut *tables);
        if record.event.is_some() {
            transaction.tables.tables_mut(&mut |_, table| table.empty());
        }
        self.put(transaction.tables, record)?;
        transaction.commit();
        Ok(())
    }

    /// Puts the rows of a record into tables, those before a fault included.
    pub(crate) fn put(&self, tables: &mut T, record: &Record) -> Result<(), Unreadable> {
        for Change { table, key, row } in &record.rows {
            let mut outcome = None;
            tables.tables_mut(&mut |name, rows| {
                if name == table {
                    outcome = Some(rows.put(key, row.as_ref()));
                }
            });
            let (store, table) = (self.path.to_string(), table.to_string());
            match outcome {
                Some(Ok(())) => {}
                Some(Err(cause)) => return Err(Unreadable::Row { store, table, key: key.clone(), cause }),
                None => return Err(Unreadable::NoSuchTable { store, table }),
            }
        }
        Ok(())
    }

    /// Removes the selected rows and takes those of the records over, as one write.
    pub(crate) fn replace(&self, tables: &mut T, records: &[Record], selection: Selection<'_>) -> Result<(), Unreadable> {
        let mut replaced = vec![];
        tables.tables(&mut |table, rows| {
            let scanned = rows.scan(None, &mut |key, row| {
                if selection(RowView { store: &self.path, instance: self.instance.as_ref(), table, key: &key, row: &row }) {
                    replaced.push(Change { table: Cow::Borrowed(table), key, row: None });
                }
                ControlFlow::Continue(())
            });
            if let Err(error) = scanned {
                unwritable(table, &error);
            }
        });
        let replaced = Record { store: self.path.clone(), instance: self.instance.clone(), event: None, rows: replaced };
        self.write_into(tables, |tables| {
            [&replaced].into_iter().chain(records).try_for_each(|record| self.put(tables, record))?;
            tables.indexes_mut(&mut |index| index.empty());
            tables.reindex();
            Ok(())
        })
    }

    pub(crate) fn index_texts(&self) -> Vec<String> {
        let instance = self.instance.as_ref().map_or("", Json::text);
        let mut texts = vec![];
        self.tables.read().indexes(&mut |name, index| texts.push(format!("{} {instance} {name}: {index:?}", self.path)));
        texts
    }

    pub(crate) fn reindex(&self) {
        let mut tables = self.tables.write();
        let transaction = Transaction::new(&mut *tables);
        transaction.tables.indexes_mut(&mut |index| index.empty());
        transaction.tables.reindex();
        transaction.commit();
    }
}

/// A write that is under way. Dropped, it is undone.
struct Transaction<'a, T: Tables> {
    tables: &'a mut T,
}

impl<'a, T: Tables> Transaction<'a, T> {
    fn new(tables: &'a mut T) -> Self {
        Transaction { tables }
    }

    /// Nothing is left to undo after this.
    fn commit(self) {
        self.tables.tables_mut(&mut |_, table| table.commit());
        self.tables.indexes_mut(&mut |index| index.commit());
    }
}

impl<T: Tables> Drop for Transaction<'_, T> {
    fn drop(&mut self) {
        self.tables.tables_mut(&mut |_, table| table.undo());
        self.tables.indexes_mut(&mut |index| index.undo());
    }
}

pub(crate) fn changes<T: Tables>(tables: &T) -> Vec<Change> {
    let mut rows = vec![];
    tables.tables(&mut |name, table| {
        let outcome = table.changes(&mut |key, row| rows.push(Change { table: Cow::Borrowed(name), key, row }));
        if let Err(error) = outcome {
            unwritable(name, &error);
        }
    });
    rows
}

fn page_of(table: &dyn crate::AnyTable, after: Option<&Json>, limit: usize) -> Result<Page, serde_json::Error> {
    let mut rows = vec![];
    let mut next = None;
    if limit > 0 {
        table.scan(after, &mut |key, row| {
            if rows.len() == limit {
                next = rows.last().map(|(key, _): &(Json, Json)| key.clone());
                return ControlFlow::Break(());
            }
            rows.push((key, row));
            ControlFlow::Continue(())
        })?;
    }
    Ok(Page { rows, next })
}

#[expect(clippy::panic, reason = "a row type that JSON cannot express is a bug: the write is undone, the gateway answers InternalFailure")]
fn unwritable(table: &str, error: &serde_json::Error) -> ! {
    panic!("a row of {table} is no JSON: {error}")
}

pub(crate) fn infallible<R>(result: Result<R, std::convert::Infallible>) -> R {
    match result {
        Ok(result) => result,
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests;
