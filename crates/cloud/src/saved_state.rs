//! The state as a whole: recovered from a data folder, saved as a snapshot, loaded from one, or emptied, for all accounts or for one.

use crate::Cloud;
use cloudlet_aws::{Account, Arn};
use cloudlet_engine::{Clock, ClockSetting};
use cloudlet_store::{
    Blob, BlobId, BlobReader, BlobWriter, DataFolder, Json, KnownBodies, PendingBlob, Record, RowView, SnapshotDecoder, SnapshotEncoder,
    SnapshotError, SnapshotHeader, SnapshotPart, Unreadable, held_bodies, known_bodies, renamed_bodies, select,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap},
    fmt, io, mem,
};

impl Cloud {
    /// Moves the clock. A restart finds it where it was moved to.
    pub async fn set_clock(&self, change: impl FnOnce(&Clock)) -> io::Result<()> {
        let clock = &self.runtime.clock;
        change(clock);
        self.server_state.update(|state| state.clock.insert((), clock.setting()));
        self.synced().await
    }

    fn restore_clock(&self) {
        if let Some(setting) = self.server_state.read(|state| state.clock.get(&()).copied()) {
            self.runtime.clock.set(setting);
        }
    }

    /// The row of the clock is gone with all others, and the clock goes on.
    fn save_clock(&self) {
        let setting = self.runtime.clock.setting();
        if setting != ClockSetting::default() {
            self.server_state.update(|state| state.clock.insert((), setting));
        }
    }

    /// Brings back what a data folder holds. At the start, before the first call. The error is a sentence.
    pub fn recover(&self, folder: &DataFolder) -> io::Result<KnownBodies> {
        let stores = self.stores();
        let by_path: HashMap<&str, _> = stores.iter().map(|store| (store.path().as_ref(), store)).collect();
        let known = folder.load(|record| {
            let store = by_path.get(record.store.as_ref()).ok_or_else(|| unreadable(format_args!("no service has a store {}", record.store)))?;
            store.apply(&record).map_err(unreadable)
        })?;
        stores.iter().for_each(|store| store.finish_recovery());
        self.restore_clock();
        Ok(known)
    }

    /// Empties every store, as after a first start; or removes the rows of one account. The clock goes on.
    pub async fn reset(&self, account: Option<Account>) -> io::Result<()> {
        let number = self.replace_rows(account, &BTreeMap::new(), HashMap::new()).map_err(io::Error::other)?;
        if account.is_none() {
            self.call_log.clear();
            self.decisions.clear();
        }
        self.journal.durable(number).await
    }

    /// Everything that is durable by now stays.
    pub async fn synced(&self) -> io::Result<()> {
        self.journal.synced().await
    }

    /// The state of all accounts, or of one. Each store is as it is at one instant.
    pub fn snapshot(&self, account: Option<Account>) -> Snapshot {
        // A reader of each body is taken while its row is looked at. Those of other accounts are not needed after all.
        let (records, mut bodies) = held_bodies(&self.blobs, || self.selected(account));
        let named = bodies_of(&records);
        bodies.retain(|id, _| named.contains_key(id));
        let header = SnapshotHeader::new(account.map(|account| account.to_string()));
        Snapshot { header: Some(header), encoder: None, records: records.into_iter(), bodies: bodies.into_iter(), body: None }
    }

    /// Begins to load a snapshot. Nothing changes before all of it has been read.
    pub fn load(&self) -> Loading<'_> {
        Loading {
            cloud: self,
            decoder: SnapshotDecoder::default(),
            account: None,
            records: BTreeMap::new(),
            body: None,
            bodies: vec![],
            names: HashMap::new(),
            lengths: KnownBodies::new(),
            is_whole: false,
        }
    }

    fn selected(&self, account: Option<Account>) -> Vec<Record> {
        self.stores().iter().flat_map(|store| select(store.as_ref(), &|row| is_selected(account, row))).collect()
    }

    /// Puts rows in the place of all, or of those of one account. Gives the number of the last record.
    fn replace_rows(
        &self,
        account: Option<Account>,
        records: &BTreeMap<String, Vec<Record>>,
        names: HashMap<BlobId, BlobId>,
    ) -> Result<u64, Unreadable> {
        let stores = self.stores();
        for path in records.keys() {
            if !stores.iter().any(|store| **store.path() == **path) {
                return Err(Unreadable::NoSuchStore { store: path.clone(), instance: None });
            }
        }
        let records_of = |path: &str| records.get(path).map_or(&[][..], Vec::as_slice);
        stores.iter().try_for_each(|store| store.check(records_of(store.path())))?;
        let selection = |row: RowView<'_>| is_selected(account, row);
        let freed = bodies_of(&self.selected(account));
        let replace = || {
            stores.iter().try_for_each(|store| match records_of(store.path()) {
                [] if account.is_none() => {
                    store.reset();
                    Ok(())
                }
                records => store.replace(records, &selection),
            })
        };
        let (replaced, number) = self.journal.recorded_now(|| {
            let replaced = renamed_bodies(names, replace);
            if account.is_none() {
                // A snapshot brings its clock with it.
                self.restore_clock();
                self.save_clock();
            }
            replaced
        });
        replaced?;
        self.blobs.delete_known(&freed);
        self.scheduler.wake();
        Ok(number)
    }
}

/// A snapshot on its way out.
pub struct Snapshot {
    header: Option<SnapshotHeader>,
    encoder: Option<SnapshotEncoder>,
    records: std::vec::IntoIter<Record>,
    bodies: std::collections::btree_map::IntoIter<BlobId, io::Result<BlobReader>>,
    body: Option<BlobReader>,
}

impl Snapshot {
    /// The next bytes; `None` at the end.
    pub async fn next(&mut self) -> Option<io::Result<bytes::Bytes>> {
        self.piece().await.transpose()
    }

    async fn piece(&mut self) -> io::Result<Option<bytes::Bytes>> {
        if let Some(header) = self.header.take() {
            let (encoder, bytes) = SnapshotEncoder::begin(&header)?;
            self.encoder = Some(encoder);
            return Ok(Some(bytes));
        }
        let Some(encoder) = &mut self.encoder else { return Ok(None) };
        if let Some(record) = self.records.next() {
            return Ok(Some(encoder.record(&record)?));
        }
        if let Some(body) = &mut self.body
            && let Some(bytes) = body.next().await.transpose()?
        {
            return Ok(Some(encoder.body_bytes(bytes)));
        }
        self.body = None;
        if let Some((id, body)) = self.bodies.next() {
            let body = self.body.insert(body?);
            return Ok(Some(encoder.body(id, body.left())));
        }
        Ok(self.encoder.take().map(SnapshotEncoder::end))
    }
}

/// A snapshot on its way in. Dropped before `finish`, it changes nothing.
pub struct Loading<'a> {
    cloud: &'a Cloud,
    decoder: SnapshotDecoder,
    account: Option<Account>,
    records: BTreeMap<String, Vec<Record>>,
    body: Option<(BlobId, BlobWriter)>,
    bodies: Vec<PendingBlob>,
    /// Bodies get new names: those of the snapshot may belong to bodies that are here.
    names: HashMap<BlobId, BlobId>,
    lengths: KnownBodies,
    is_whole: bool,
}

/// What was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    pub account: Option<Account>,
    pub rows: usize,
    pub bodies: usize,
}

impl Loading<'_> {
    pub async fn push(&mut self, bytes: &[u8]) -> Result<(), LoadError> {
        self.decoder.push(bytes);
        while let Some(part) = self.decoder.next_part().map_err(LoadError::Snapshot)? {
            match part {
                SnapshotPart::Header(header) => {
                    self.account = header.account.as_deref().map(str::parse).transpose().map_err(LoadError::Account)?;
                }
                SnapshotPart::Record(record) => self.records.entry(record.store.to_string()).or_default().push(record),
                SnapshotPart::Body(id) => {
                    let name = BlobId::new(u128::from_be_bytes(self.cloud.runtime.ids.bytes()));
                    self.body = Some((id, self.cloud.blobs.writer(name)));
                }
                SnapshotPart::BodyBytes(bytes) => {
                    if let Some((_, writer)) = &mut self.body {
                        writer.write(bytes).await.map_err(LoadError::Body)?;
                    }
                }
                SnapshotPart::BodyEnd => {
                    if let Some((id, writer)) = self.body.take() {
                        let body = writer.finish().await.map_err(LoadError::Body)?;
                        // A body that is small enough for its row has no name.
                        let name = *body.blob().ids().first().ok_or(LoadError::WrongBody(id))?;
                        self.lengths.insert(id, body.blob().length());
                        self.names.insert(id, name);
                        self.bodies.push(body);
                    }
                }
                SnapshotPart::End => self.is_whole = true,
            }
        }
        Ok(())
    }

    /// Replaces the state, or that of the snapshot's account.
    pub async fn finish(mut self) -> Result<Loaded, LoadError> {
        self.decoder.finish().map_err(LoadError::Snapshot)?;
        if !self.is_whole {
            return Err(LoadError::Snapshot(SnapshotError::CutOff));
        }
        // Each body is there, and as its row describes it.
        let named = bodies_of(self.records.values().flatten());
        if let Some((id, _)) = named.iter().find(|(id, length)| self.lengths.get(id) != Some(length)) {
            return Err(LoadError::WrongBody(*id));
        }
        let rows = self.records.values().flatten().map(|record| record.rows.len()).sum();
        let loaded = Loaded { account: self.account, rows, bodies: self.bodies.len() };
        // With a seed, what is made from now on is not what made the snapshot.
        self.cloud.runtime.ids.diverge();
        let number = self.cloud.replace_rows(self.account, &self.records, mem::take(&mut self.names)).map_err(LoadError::Rows)?;
        self.bodies.into_iter().for_each(|body| drop(body.commit()));
        self.cloud.journal.durable(number).await.map_err(LoadError::Body)?;
        Ok(loaded)
    }
}

/// The bodies that rows name, whose types are not known here.
fn bodies_of<'a>(records: impl IntoIterator<Item = &'a Record>) -> KnownBodies {
    let rows = records.into_iter().flat_map(|record| record.rows.iter().filter_map(|change| change.row.as_ref()));
    let (_, named) = known_bodies(|| rows.filter_map(|row| row.read::<Value>().ok()).for_each(|row| note_bodies(&row)));
    named
}

fn note_bodies(value: &Value) {
    match value {
        Value::Array(items) => items.iter().for_each(note_bodies),
        Value::Object(fields) if fields.len() == 2 && fields.contains_key("length") && fields.contains_key("content") => {
            // Something else may have these two fields: then it is no body.
            drop(serde_json::from_value::<Blob>(value.clone()));
        }
        Value::Object(fields) => fields.values().for_each(note_bodies),
        _ => {}
    }
}

/// Why a snapshot was not loaded. Nothing has changed.
#[derive(Debug)]
pub enum LoadError {
    Snapshot(SnapshotError),
    Account(String),
    Rows(Unreadable),
    /// A row names it, and it is missing or another.
    WrongBody(BlobId),
    Body(io::Error),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Snapshot(error) => error.fmt(f),
            LoadError::Account(error) => write!(f, "the snapshot is of no account: {error}"),
            LoadError::Rows(error) => write!(f, "the snapshot does not fit: {error}"),
            LoadError::WrongBody(id) => write!(f, "the snapshot is damaged: body {id} is not what its row describes"),
            LoadError::Body(error) => write!(f, "the snapshot could not be stored: {error}"),
        }
    }
}

impl std::error::Error for LoadError {}

fn unreadable(why: impl fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("it does not fit this version: {why}"))
}

fn is_selected(account: Option<Account>, row: RowView<'_>) -> bool {
    account.is_none_or(|account| account_of(row) == Some(account))
}

/// The account that a row belongs to. The key of the store or of the row names it, or the row itself: as its `account`, its `owner`,
/// or in the scope or caller of what it does. A row that names none belongs to the server.
pub(crate) fn account_of(row: RowView<'_>) -> Option<Account> {
    let named = |json: &Json| json.read::<Value>().ok().and_then(|value| account_in_key(&value));
    row.instance.and_then(named).or_else(|| named(row.key)).or_else(|| account_in_row(&row.row.read().ok()?))
}

fn account_in_key(key: &Value) -> Option<Account> {
    match key {
        Value::String(text) => Account::parse(text).or_else(|| Account::parse(Arn::parse(text)?.account())),
        Value::Array(items) => items.iter().find_map(account_in_key),
        Value::Object(fields) => fields.values().find_map(account_in_key),
        _ => None,
    }
}

fn account_in_row(row: &Value) -> Option<Account> {
    let fields = row.as_object()?;
    ["account", "owner", "owner_account", "arn", "source", "topic", "subscription", "machine"]
        .iter()
        .find_map(|name| account_in_key(fields.get(*name)?))
        .or_else(|| {
            // What is done for a service is done in the account of its scope.
            ["scope", "caller"].iter().find_map(|name| account_in_row(fields.get(*name)?))
        })
}
