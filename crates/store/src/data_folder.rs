//! A data folder: the database, the bodies, the key file, and the lock that keeps a second server out.

use crate::{
    Backend, Blobs, Database, Journal, JournalWriter, Record, Swept,
    blobs::{BodyKey, Checked, KnownBodies, known_bodies},
    cipher::MasterKey,
};
use redb::{StorageBackend, backends::FileBackend};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
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

    /// Gives every record to `each`, which applies it, and gives the bodies that the rows name.
    pub fn load(&self, mut each: impl FnMut(Record) -> io::Result<()>) -> io::Result<KnownBodies> {
        let (outcome, known) = known_bodies(|| self.database.load(&mut each));
        outcome.map(|()| known)
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

fn lock(folder: &Path) -> io::Result<File> {
    let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(folder.join("lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(io::Error::new(io::ErrorKind::ResourceBusy, "another server has it open")),
        Err(TryLockError::Error(error)) => Err(error),
    }
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
