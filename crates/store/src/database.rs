//! The backend on disk: one redb file. Rows are found by the HMAC of their names and are encrypted, unless encryption is off.
//!
//! Format 1. `meta`: `format`, `encryption`, `starts`, `check`. `stores`: the name of a store -> its path, and its key in a store map.
//! `rows`: the names of its store and of the row -> table, key and row.

use crate::{
    Backend, Change, Json, Record, StoreEvent,
    cipher::{MasterKey, NONCE, Names, Sealer},
};
use parking_lot::Mutex;
use redb::{ReadableDatabase, ReadableTable, ReadableTableMetadata, StorageBackend, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    borrow::Cow,
    collections::HashSet,
    fmt, io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::sync_channel,
    },
    thread,
};

const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const STORES: TableDefinition<'_, &[u8; 16], &[u8]> = TableDefinition::new("stores");
const ROWS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("rows");

const FORMAT: u32 = 1;
/// Memory for pages of the file. Rows are read once, at the start.
const CACHE: usize = 32 << 20;
/// Rows in one record that is loaded.
const LOADED_ROWS: usize = 1_000;
/// Records that are read before they are needed.
const LOADED_AHEAD: usize = 8;
const CHECK: &[u8] = b"cloudlet";

type StoreName = [u8; 16];

/// A database in a data folder.
pub struct Database {
    file: redb::Database,
    names: Names,
    sealer: Option<Sealer>,
    /// How often the folder was opened: the first part of every nonce.
    starts: u32,
    sealed: AtomicU64,
    known: Mutex<HashSet<StoreName>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoreEntry<'a> {
    store: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instance: Option<Cow<'a, Json>>,
}

/// Table, key, row.
type RowEntry<'a> = (Cow<'a, str>, Cow<'a, Json>, Cow<'a, Json>);

impl Database {
    /// Opens a file, or a new one. The error is a sentence about what is wrong with it.
    pub fn open(file: impl StorageBackend, key: Option<&MasterKey>) -> io::Result<Database> {
        guarded(|| {
            let mut builder = redb::Database::builder();
            let file = builder.set_cache_size(CACHE).set_check_integrity_on_open(true).create_with_backend(file).map_err(failed)?;
            Database::begin(file, key)
        })
    }

    fn begin(file: redb::Database, key: Option<&MasterKey>) -> io::Result<Database> {
        let (names, sealer) = match key {
            Some(key) => (Names::new(&key.derive(b"names")?), Some(Sealer::new(&key.derive(b"rows")?)?)),
            None => (Names::new(&[0; 32]), None),
        };
        let encryption: &[u8] = if key.is_some() { b"aes-256-gcm" } else { b"none" };
        let mut database = Database { file, names, sealer, starts: 0, sealed: AtomicU64::new(0), known: Mutex::default() };
        let transaction = database.file.begin_write().map_err(failed)?;
        {
            let mut meta = transaction.open_table(META).map_err(failed)?;
            let found = |name: &str| Ok::<_, io::Error>(meta.get(name).map_err(failed)?.map(|value| value.value().to_vec()));
            let (format, encrypted, starts, check) = (found("format")?, found("encryption")?, found("starts")?, found("check")?);
            match format.as_deref().map(number) {
                None | Some(FORMAT) => {}
                Some(0) => return Err(corrupted("its format is unreadable")),
                Some(newer) => {
                    return Err(unusable(format!("it has format {newer}, and this Cloudlet reads format {FORMAT}: use the version that wrote it")));
                }
            }
            match (encrypted.as_deref(), key) {
                (None, _) => {}
                (Some(found), _) if found == encryption => {}
                (Some(b"none"), Some(_)) => return Err(unusable("it is not encrypted: start with --encryption off, or with another folder")),
                (Some(_), None) => return Err(unusable("it is encrypted: start without --encryption off, or with another folder")),
                (Some(_), Some(_)) => return Err(corrupted("its encryption is unreadable")),
            }
            database.starts = number(&starts.unwrap_or_default()) + 1;
            if let Some(check) = check
                && database.unseal(b"check", &check).as_deref() != Some(CHECK)
            {
                return Err(unusable("it was written with another key file"));
            }
            meta.insert("format", FORMAT.to_be_bytes().as_slice()).map_err(failed)?;
            meta.insert("encryption", encryption).map_err(failed)?;
            meta.insert("starts", database.starts.to_be_bytes().as_slice()).map_err(failed)?;
            meta.insert("check", database.seal(b"check", CHECK)?.as_slice()).map_err(failed)?;
            transaction.open_table(ROWS).map_err(failed)?;
            let stores = transaction.open_table(STORES).map_err(failed)?;
            let mut known = database.known.lock();
            for entry in stores.iter().map_err(failed)? {
                known.insert(*entry.map_err(failed)?.0.value());
            }
        }
        transaction.commit().map_err(failed)?;
        Ok(database)
    }

    /// How often the folder was opened, this time included.
    pub fn starts(&self) -> u32 {
        self.starts
    }

    fn store_name(&self, store: &str, instance: Option<&Json>) -> StoreName {
        self.names.name(&[store, instance.map_or("", Json::text)])
    }

    fn row_name(&self, store: StoreName, table: &str, key: &Json) -> [u8; 32] {
        let mut name = [0; 32];
        let row = self.names.name(&[table, key.text()]);
        name.iter_mut().zip(store.into_iter().chain(row)).for_each(|(to, from)| *to = from);
        name
    }

    fn seal(&self, name: &[u8], plain: &[u8]) -> io::Result<Vec<u8>> {
        let Some(sealer) = &self.sealer else { return Ok(plain.to_vec()) };
        let number = self.sealed.fetch_add(1, Ordering::Relaxed);
        let mut nonce = [0; NONCE];
        nonce.iter_mut().zip(self.starts.to_be_bytes().into_iter().chain(number.to_be_bytes())).for_each(|(to, from)| *to = from);
        let mut sealed = Vec::with_capacity(NONCE + plain.len() + crate::cipher::TAG);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        sealer.seal(nonce, name, &mut sealed, NONCE)?;
        Ok(sealed)
    }

    fn unseal<'a>(&self, name: &[u8], sealed: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        let Some(sealer) = &self.sealer else { return Some(Cow::Borrowed(sealed)) };
        let (nonce, bytes) = sealed.split_first_chunk::<NONCE>()?;
        let mut bytes = bytes.to_vec();
        let length = sealer.open(*nonce, name, &mut bytes)?.len();
        bytes.truncate(length);
        Some(Cow::Owned(bytes))
    }

    fn read<T: DeserializeOwned>(&self, name: &[u8], sealed: &[u8]) -> io::Result<T> {
        let plain = self.unseal(name, sealed).ok_or_else(|| corrupted("an entry cannot be decrypted"))?;
        serde_json::from_slice(&plain).map_err(|error| corrupted(format_args!("an entry is unreadable: {error}")))
    }

    fn write(&self, transaction: &WriteTransaction, records: &[Record]) -> io::Result<()> {
        let mut stores = transaction.open_table(STORES).map_err(failed)?;
        let mut rows = transaction.open_table(ROWS).map_err(failed)?;
        let mut known = self.known.lock();
        for record in records {
            let store = self.store_name(&record.store, record.instance.as_ref());
            if matches!(record.event, Some(StoreEvent::Emptied | StoreEvent::Removed)) {
                let (first, last) = (bound(store, 0), bound(store, u8::MAX));
                rows.retain_in::<&[u8; 32], _>(&first..=&last, |_, _| false).map_err(failed)?;
            }
            if record.event == Some(StoreEvent::Removed) {
                stores.remove(&store).map_err(failed)?;
                known.remove(&store);
            } else if known.insert(store) {
                let entry = StoreEntry { store: Cow::Borrowed(&record.store), instance: record.instance.as_ref().map(Cow::Borrowed) };
                let entry = serde_json::to_vec(&entry).map_err(io::Error::other)?;
                stores.insert(&store, self.seal(&store, &entry)?.as_slice()).map_err(failed)?;
            }
            for Change { table, key, row } in &record.rows {
                let name = self.row_name(store, table, key);
                match row {
                    Some(row) => {
                        let entry: RowEntry<'_> = (Cow::Borrowed(table), Cow::Borrowed(key), Cow::Borrowed(row));
                        let entry = serde_json::to_vec(&entry).map_err(io::Error::other)?;
                        rows.insert(&name, self.seal(&name, &entry)?.as_slice()).map_err(failed)?;
                    }
                    None => drop(rows.remove(&name).map_err(failed)?),
                }
            }
        }
        Ok(())
    }

    /// Reads and decrypts on a thread of its own, while the caller puts the rows into tables.
    fn load_all(&self, each: &mut dyn FnMut(Record) -> io::Result<()>) -> io::Result<()> {
        let (sender, receiver) = sync_channel(LOADED_AHEAD);
        thread::scope(|scope| {
            let reading = scope.spawn(move || {
                // When the receiver is gone, its caller has failed already.
                self.read_all(&mut |record| sender.send(record).map_err(|_| io::ErrorKind::Interrupted.into()))
            });
            let applied = receiver.into_iter().try_for_each(each);
            let read = reading.join().unwrap_or_else(|_| Err(corrupted("its pages are unreadable")));
            applied.and(read)
        })
    }

    fn read_all(&self, each: &mut dyn FnMut(Record) -> io::Result<()>) -> io::Result<()> {
        let transaction = self.file.begin_read().map_err(failed)?;
        let stores = transaction.open_table(STORES).map_err(failed)?;
        let rows = transaction.open_table(ROWS).map_err(failed)?;
        let mut loaded = 0;
        for entry in stores.iter().map_err(failed)? {
            let (name, value) = entry.map_err(failed)?;
            let store = *name.value();
            let entry: StoreEntry<'_> = self.read(&store, value.value())?;
            let path: Arc<str> = entry.store.into();
            let instance = entry.instance.map(Cow::into_owned);
            if self.store_name(&path, instance.as_ref()) != store {
                return Err(corrupted("a store is under another's name"));
            }
            let record = |event, rows| Record { store: path.clone(), instance: instance.clone(), event, rows };
            if instance.is_some() {
                each(record(Some(StoreEvent::Created), vec![]))?;
            }
            let mut group = vec![];
            for entry in rows.range::<&[u8; 32]>(&bound(store, 0)..=&bound(store, u8::MAX)).map_err(failed)? {
                let (name, value) = entry.map_err(failed)?;
                let (table, key, row): RowEntry<'_> = self.read(name.value(), value.value())?;
                // What is sealed is sealed under its name.
                if self.sealer.is_none() && self.row_name(store, &table, &key) != *name.value() {
                    return Err(corrupted("a row is under another's name"));
                }
                loaded += 1;
                group.push(Change { table: Cow::Owned(table.into_owned()), key: key.into_owned(), row: Some(row.into_owned()) });
                if group.len() == LOADED_ROWS {
                    each(record(None, std::mem::take(&mut group)))?;
                }
            }
            if !group.is_empty() {
                each(record(None, group))?;
            }
        }
        if loaded != rows.len().map_err(failed)? {
            return Err(corrupted("there are rows of no store"));
        }
        Ok(())
    }
}

impl Backend for Database {
    fn commit(&self, records: &[Record]) -> io::Result<()> {
        let transaction = self.file.begin_write().map_err(failed)?;
        match self.write(&transaction, records) {
            Ok(()) => transaction.commit().map_err(failed),
            Err(error) => {
                let _ = transaction.abort();
                Err(error)
            }
        }
    }

    fn load(&self, each: &mut dyn FnMut(Record) -> io::Result<()>) -> io::Result<()> {
        guarded(|| self.load_all(each))
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("database")
    }
}

/// The first or last possible name of a row of a store.
fn bound(store: StoreName, fill: u8) -> [u8; 32] {
    let mut name = [fill; 32];
    name.iter_mut().zip(store).for_each(|(to, from)| *to = from);
    name
}

/// A number as `meta` holds it; 0 for anything else.
fn number(bytes: &[u8]) -> u32 {
    bytes.try_into().map_or(0, u32::from_be_bytes)
}

/// A file whose bytes were changed may make redb panic.
fn guarded<R>(work: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(corrupted("its pages are unreadable")))
}

fn failed(error: impl Into<redb::Error>) -> io::Error {
    match error.into() {
        redb::Error::Io(error) => error,
        redb::Error::Corrupted(why) => corrupted(why),
        redb::Error::DatabaseAlreadyOpen => io::Error::new(io::ErrorKind::ResourceBusy, "another process has it open"),
        other => io::Error::other(other),
    }
}

fn corrupted(why: impl fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("it is damaged: {why}"))
}

fn unusable(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, why.into())
}

/// What a database with these records holds.
#[cfg(test)]
pub(crate) fn stored(records: &[Record]) -> Vec<Record> {
    let database = Database::open(redb::backends::InMemoryBackend::new(), Some(&MasterKey::new([1; 32]))).unwrap();
    database.commit(records).unwrap();
    tests::loaded(&database).unwrap()
}

#[cfg(test)]
mod tests;
