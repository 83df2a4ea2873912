//! The backend on disk: one redb file. Rows are encrypted, unless encryption is off.
//!
//! Format 2. `meta`: `format`, `encryption`, `starts`, `check`. `stores`: the number of a store -> its path, and its key in a store map.
//! `rows`: the number of a row -> the number of its store, table, key and row. Numbers are given in the order of the writes, so that
//! rows that are written together lie together, and tell nothing of what they stand for. `directory` has the numbers in memory.

mod directory;

use crate::{
    Backend, Change, Json, Record, StoreEvent,
    cipher::{MasterKey, NONCE, Sealer},
};
use directory::{Directory, Group};
use parking_lot::Mutex;
use redb::{ReadableDatabase, ReadableTable, ReadableTableMetadata, StorageBackend, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt, io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const STORES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("stores");
const ROWS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("rows");

const FORMAT: u32 = 2;
/// Memory for pages of the file. Rows are read once, at the start.
const CACHE: usize = 32 << 20;
/// Rows that are loaded at a time.
const LOADED_ROWS: usize = 4_000;
const CHECK: &[u8] = b"cloudlet";

/// A database in a data folder.
pub struct Database {
    file: redb::Database,
    sealer: Option<Sealer>,
    /// How often the folder was opened: the first part of every nonce.
    starts: u32,
    sealed: AtomicU64,
    /// None before a file with rows was loaded.
    directory: Mutex<Option<Directory>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoreEntry<'a> {
    store: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instance: Option<Cow<'a, Json>>,
}

/// The number of the store, table, key, row.
type RowEntry<'a> = (u64, Cow<'a, str>, Cow<'a, Json>, Cow<'a, Json>);

/// A store as `stores` has it.
struct LoadedStore {
    path: Arc<str>,
    instance: Option<Json>,
    rows: Vec<Change>,
}

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
        let sealer = key.map(|key| Sealer::new(&key.derive(b"rows")?)).transpose()?;
        let encryption: &[u8] = if key.is_some() { b"aes-256-gcm" } else { b"none" };
        let mut database = Database { file, sealer, starts: 0, sealed: AtomicU64::new(0), directory: Mutex::default() };
        let transaction = database.file.begin_write().map_err(failed)?;
        {
            let mut meta = transaction.open_table(META).map_err(failed)?;
            let found = |name: &str| Ok::<_, io::Error>(meta.get(name).map_err(failed)?.map(|value| value.value().to_vec()));
            let (format, encrypted, starts, check) = (found("format")?, found("encryption")?, found("starts")?, found("check")?);
            match format.as_deref().map(number) {
                None | Some(FORMAT) => {}
                Some(0) => return Err(corrupted("its format is unreadable")),
                Some(other) => {
                    return Err(unusable(format!("it has format {other}, and this Cloudlet reads format {FORMAT}: use the version that wrote it")));
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
            let (stores, rows) = (transaction.open_table(STORES).map_err(failed)?, transaction.open_table(ROWS).map_err(failed)?);
            if stores.is_empty().map_err(failed)? && rows.is_empty().map_err(failed)? {
                *database.directory.lock() = Some(Directory::default());
            }
        }
        transaction.commit().map_err(failed)?;
        Ok(database)
    }

    /// How often the folder was opened, this time included.
    pub fn starts(&self) -> u32 {
        self.starts
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

    fn write(&self, transaction: &WriteTransaction, group: &Group<'_>) -> io::Result<()> {
        let mut stores = transaction.open_table(STORES).map_err(failed)?;
        for (number, store) in &group.stores {
            match store {
                Some((store, instance)) => {
                    let entry = StoreEntry { store: Cow::Borrowed(store), instance: instance.map(Cow::Borrowed) };
                    let entry = serde_json::to_vec(&entry).map_err(io::Error::other)?;
                    stores.insert(number, self.seal(&store_place(*number), &entry)?.as_slice()).map_err(failed)?;
                }
                None => drop(stores.remove(number).map_err(failed)?),
            }
        }
        let mut rows = transaction.open_table(ROWS).map_err(failed)?;
        for (number, row) in &group.rows {
            match row {
                Some((store, Change { table, key, .. }, row)) => {
                    let entry: RowEntry<'_> = (*store, Cow::Borrowed(table), Cow::Borrowed(key), Cow::Borrowed(row));
                    let entry = serde_json::to_vec(&entry).map_err(io::Error::other)?;
                    rows.insert(number, self.seal(&row_place(*number), &entry)?.as_slice()).map_err(failed)?;
                }
                None => drop(rows.remove(number).map_err(failed)?),
            }
        }
        Ok(())
    }

    fn read_all(&self, each: &mut dyn FnMut(Record) -> io::Result<()>) -> io::Result<Directory> {
        let transaction = self.file.begin_read().map_err(failed)?;
        let table = transaction.open_table(STORES).map_err(failed)?;
        let mut directory = Directory::default();
        let mut stores = BTreeMap::new();
        for entry in table.iter().map_err(failed)? {
            let (number, value) = entry.map_err(failed)?;
            let number = number.value();
            let StoreEntry { store, instance } = self.read(&store_place(number), value.value())?;
            let store = LoadedStore { path: store.into(), instance: instance.map(Cow::into_owned), rows: vec![] };
            if !directory.add_store(number, &store.path, store.instance.as_ref()) {
                return Err(corrupted("two stores have one name"));
            }
            stores.insert(number, store);
        }
        let created = |store: &LoadedStore| Record {
            store: store.path.clone(),
            instance: store.instance.clone(),
            event: Some(StoreEvent::Created),
            rows: vec![],
        };
        stores.values().filter(|store| store.instance.is_some()).map(created).try_for_each(&mut *each)?;
        let table = transaction.open_table(ROWS).map_err(failed)?;
        let mut waiting = 0;
        for entry in table.iter().map_err(failed)? {
            let (number, value) = entry.map_err(failed)?;
            let number = number.value();
            let (store, table, key, row): RowEntry<'_> = self.read(&row_place(number), value.value())?;
            let found = stores.get_mut(&store).ok_or_else(|| corrupted("there are rows of no store"))?;
            if !directory.add_row(number, store, &table, &key) {
                return Err(corrupted("two rows have one name"));
            }
            found.rows.push(Change { table: Cow::Owned(table.into_owned()), key: key.into_owned(), row: Some(row.into_owned()) });
            waiting += 1;
            if waiting == LOADED_ROWS {
                taken(&mut stores).try_for_each(&mut *each)?;
                waiting = 0;
            }
        }
        taken(&mut stores).try_for_each(&mut *each)?;
        Ok(directory)
    }
}

/// The rows that were read, as records.
fn taken(stores: &mut BTreeMap<u64, LoadedStore>) -> impl Iterator<Item = Record> {
    let with_rows = stores.values_mut().filter(|store| !store.rows.is_empty());
    let record = |store: &mut LoadedStore| Record {
        store: store.path.clone(),
        instance: store.instance.clone(),
        event: None,
        rows: std::mem::take(&mut store.rows),
    };
    with_rows.map(record)
}

/// What the entry of a store is sealed with: it opens at its place only.
fn store_place(number: u64) -> [u8; 9] {
    place(b's', number)
}

fn row_place(number: u64) -> [u8; 9] {
    place(b'r', number)
}

fn place(table: u8, number: u64) -> [u8; 9] {
    let mut place = [table; 9];
    place.iter_mut().skip(1).zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
    place
}

impl Backend for Database {
    fn commit(&self, records: &[Record]) -> io::Result<()> {
        let mut directory = self.directory.lock();
        let directory = directory.as_mut().ok_or_else(|| io::Error::other("its rows were not loaded"))?;
        // When the commit fails nothing is committed any more, and the directory is of no use.
        let group = directory.group(records);
        let transaction = self.file.begin_write().map_err(failed)?;
        match self.write(&transaction, &group) {
            Ok(()) => transaction.commit().map_err(failed),
            Err(error) => {
                let _ = transaction.abort();
                Err(error)
            }
        }
    }

    fn load(&self, each: &mut dyn FnMut(Record) -> io::Result<()>) -> io::Result<()> {
        let directory = guarded(|| self.read_all(each))?;
        *self.directory.lock() = Some(directory);
        Ok(())
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("database")
    }
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
