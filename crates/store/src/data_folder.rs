//! A data folder: the database, the bodies, the key file, and the lock that keeps a second server out.

use crate::{
    Backend, Blobs, Database, Journal, JournalWriter, Record, Swept,
    blobs::{BodyKey, Checked, KnownBodies, known_bodies},
    cipher::MasterKey,
};
use redb::{StorageBackend, backends::FileBackend};
use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, sync_channel},
    },
    thread,
    time::Duration,
};

/// How a data folder is opened.
#[derive(Clone, Debug, Default)]
pub struct DataFolderOptions {
    pub encryption: Encryption,
    /// The key file; `key` in the folder when none is named.
    pub key_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    #[default]
    On,
    Off,
}

/// An open folder. Dropped, everything that was written is durable, and another server may open it.
pub struct DataFolder {
    // The order of the fields is that of the end: the writer first, the lock last.
    _writer: JournalWriter,
    journal: Journal,
    database: Arc<Database>,
    blobs: Blobs,
    _lock: File,
}

impl DataFolder {
    /// Opens a folder, which is made when it is not there. `random` makes a key, if a new one is needed. This waits for the disk.
    pub fn open(folder: &Path, options: &DataFolderOptions, random: impl FnOnce() -> [u8; 32]) -> io::Result<DataFolder> {
        fs::create_dir_all(folder)?;
        let lock = lock(folder)?;
        let key = match options.encryption {
            Encryption::On => Some(key(folder, options.key_file.as_deref(), random)?),
            Encryption::Off => None,
        };
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(folder.join("state.redb"))?;
        sync_folder(folder)?;
        DataFolder::with_file(folder, lock, key.as_ref(), FileBackend::new(file).map_err(io::Error::other)?)
    }

    fn with_file(folder: &Path, lock: File, key: Option<&MasterKey>, file: impl StorageBackend) -> io::Result<DataFolder> {
        let database = Arc::new(Database::open(file, key)?);
        let (journal, writer) = Journal::grouped(database.clone())?;
        let body_key = key.map(|key| key.derive(b"bodies")).transpose()?.map(BodyKey::new);
        let blobs = Blobs::folder(folder.join("bodies"), body_key, journal.clone())?;
        Ok(DataFolder { _writer: writer, journal, database, blobs, _lock: lock })
    }

    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// How often the folder was opened, this time included.
    pub fn starts(&self) -> u32 {
        self.database.starts()
    }

    /// Gives every record to `each`, which applies it, and gives the bodies that the rows name. Records of one store come in their
    /// order; those of several are applied at once.
    pub fn load(&self, each: impl Fn(Record) -> io::Result<()> + Sync) -> io::Result<KnownBodies> {
        thread::scope(|scope| {
            let apply = |records: Receiver<Record>| known_bodies(|| records.into_iter().try_for_each(&each));
            let lanes: Vec<_> = (0..LOADING_LANES)
                .map(|_| {
                    let (sender, receiver) = sync_channel(LOADED_AHEAD);
                    (sender, scope.spawn(move || apply(receiver)))
                })
                .collect();
            let (senders, applying): (Vec<_>, Vec<_>) = lanes.into_iter().unzip();
            let mut router = Router { lane_of: HashMap::new(), rows: vec![0; senders.len()] };
            let read = self.database.load(&mut |record| {
                let lane = router.lane(&record);
                // A lane is closed when it has failed: its error is the one that is told.
                senders.get(lane).map_or(Ok(()), |sender| sender.send(record)).map_err(|_| io::ErrorKind::Interrupted.into())
            });
            drop(senders);
            let mut known = KnownBodies::new();
            for lane in applying {
                let (applied, bodies) = lane.join().map_err(|_| io::Error::other("a row could not be applied: this is a bug"))?;
                applied?;
                known.extend(bodies);
            }
            read.map(|()| known)
        })
    }

    /// Removes the bodies that no row names.
    pub fn sweep(&self, known: &KnownBodies) -> io::Result<Swept> {
        self.blobs.sweep(known)
    }

    /// Compares the bodies with those that rows name, reading every byte.
    pub fn check(&self, known: &KnownBodies) -> io::Result<Checked> {
        self.blobs.check(known)
    }
}

/// Threads that apply rows.
const LOADING_LANES: usize = 2;
/// Records for each of them that are read before they are needed.
const LOADED_AHEAD: usize = 8;

/// Which thread applies the records of a store: with its first rows, it goes to the one that had the fewest rows.
struct Router {
    lane_of: HashMap<(Arc<str>, Option<String>), usize>,
    rows: Vec<usize>,
}

impl Router {
    fn lane(&mut self, record: &Record) -> usize {
        let store = (record.store.clone(), record.instance.as_ref().map(|instance| instance.text().to_owned()));
        let Router { lane_of, rows } = self;
        let fewest = || rows.iter().enumerate().min_by_key(|(_, rows)| **rows).map_or(0, |(lane, _)| lane);
        let lane = *lane_of.entry(store).or_insert_with(fewest);
        if let Some(rows) = rows.get_mut(lane) {
            *rows += record.rows.len().max(1);
        }
        lane
    }
}

/// How long a lock is waited for. A process that a killed server was just starting holds it for a moment longer than the server itself.
const PATIENCE: Duration = Duration::from_secs(1);

fn lock(folder: &Path) -> io::Result<File> {
    let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(folder.join("lock"))?;
    match lock.try_lock() {
        Ok(()) => return Ok(lock),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let (taken, waited) = sync_channel(1);
    // Whoever has given up drops the lock with the channel.
    thread::spawn(move || drop(taken.send(lock.lock().map(|()| lock))));
    waited.recv_timeout(PATIENCE).unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::ResourceBusy, "another server has it open")))
}

/// Reads the key file, or writes a new one when the folder is new.
fn key(folder: &Path, file: Option<&Path>, random: impl FnOnce() -> [u8; 32]) -> io::Result<MasterKey> {
    let file = file.map_or_else(|| folder.join("key"), Path::to_owned);
    match fs::read_to_string(&file) {
        Ok(text) => MasterKey::parse(&text)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("the key file {} holds no 64 hexadecimal digits", file.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !folder.join("state.redb").exists() => {
            let key = MasterKey::new(random());
            let mut written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file)?;
            written.write_all(format!("{}\n", key.reveal()).as_bytes())?;
            written.sync_all()?;
            if let Some(parent) = file.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                sync_folder(parent)?;
            }
            Ok(key)
        }
        Err(error) => Err(io::Error::new(error.kind(), format!("the key file {}: {error}", file.display()))),
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests;
