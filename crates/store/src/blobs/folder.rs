//! Bodies as files of a folder: `ab/abcd…` once they are whole and on disk, `tmp/abcd…` before.
//! Everything here waits for the disk, but for leases and `delete`.

use super::{
    BlobId, KnownBodies,
    body_file::{BodyFile, BodyKey, BodySealer},
};
use crate::Journal;
use bytes::Bytes;
use parking_lot::Mutex;
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

/// What a sweep found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Swept {
    /// Bodies that no row names.
    pub removed: usize,
    /// Bodies that a row names, and that are not there.
    pub missing: Vec<BlobId>,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checked {
    /// Bodies that no row names: the next start removes them.
    pub orphans: usize,
    pub missing: Vec<BlobId>,
    /// Bodies that cannot be read, or have another length than their row says.
    pub damaged: Vec<BlobId>,
}

/// Bytes that a check holds in memory.
const CHECKED_AT_ONCE: u64 = 1 << 20;

pub(super) struct Folder {
    root: PathBuf,
    key: Option<BodyKey>,
    journal: Journal,
    leases: Mutex<HashMap<BlobId, Leased>>,
}

struct Leased {
    readers: usize,
    after: After,
}

/// What becomes of a file when its last reader is done.
enum After {
    Stays,
    Deleted,
}

impl Folder {
    pub(super) fn open(root: &Path, key: Option<BodyKey>, journal: Journal) -> io::Result<Folder> {
        let folder = Folder { root: root.to_owned(), key, journal, leases: Mutex::default() };
        let temporary = root.join("tmp");
        fs::create_dir_all(&temporary)?;
        for entry in fs::read_dir(&temporary)? {
            fs::remove_file(entry?.path())?;
        }
        sync_folder(root)?;
        Ok(folder)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    fn shard(&self, id: BlobId) -> PathBuf {
        let name = id.to_string();
        self.root.join(name.get(..2).unwrap_or_default())
    }

    pub(super) fn path(&self, id: BlobId) -> PathBuf {
        self.shard(id).join(id.to_string())
    }

    pub(super) fn create(&self, id: BlobId) -> io::Result<Temporary> {
        let path = self.root.join("tmp").join(id.to_string());
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        let mut temporary = Temporary { file, path, sealer: None };
        if let Some(key) = &self.key {
            temporary.sealer = Some(BodySealer::begin(key, id.number(), &mut temporary.file)?);
        }
        Ok(temporary)
    }

    pub(super) fn read(&self, id: BlobId) -> io::Result<BodyFile> {
        let file = File::open(self.path(id)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => super::missing(id),
            _ => error,
        })?;
        BodyFile::open(file, self.key.as_ref())
    }

    /// A body that cannot be written means that the disk is full or broken.
    pub(super) fn checked<R>(&self, outcome: io::Result<R>) -> io::Result<R> {
        outcome.inspect_err(|error| self.journal.fail(error))
    }

    /// Gives a whole file its name. When this returns, both outlive a crash.
    pub(super) fn place(&self, id: BlobId, mut temporary: Temporary) -> io::Result<()> {
        temporary.finish()?;
        temporary.file.sync_all()?;
        self.in_shard(id, || fs::rename(&temporary.path, self.path(id)))?;
        let placed = sync_folder(&self.shard(id));
        if placed.is_err() {
            unlink(&self.path(id));
        }
        placed
    }

    /// Gives a file a name in a folder that may have to be made.
    fn in_shard(&self, id: BlobId, name: impl Fn() -> io::Result<()>) -> io::Result<()> {
        let shard = self.shard(id);
        match name() {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !shard.exists() => {
                fs::create_dir_all(shard)?;
                sync_folder(&self.root)?;
                name()
            }
            outcome => outcome,
        }
    }

    /// Second names for the same files.
    pub(super) fn link(&self, links: &[(BlobId, BlobId)]) -> io::Result<()> {
        for (old, new) in links {
            self.in_shard(*new, || fs::hard_link(self.path(*old), self.path(*new)))?;
        }
        links.iter().map(|(_, new)| self.shard(*new)).collect::<BTreeSet<_>>().iter().try_for_each(|shard| sync_folder(shard))
    }

    /// Keeps a file in its place until the lease is dropped, whoever deletes it meanwhile.
    pub(super) fn lease(self: &Arc<Self>, id: BlobId) -> Lease {
        self.leases.lock().entry(id).or_insert(Leased { readers: 0, after: After::Stays }).readers += 1;
        Lease { folder: self.clone(), id }
    }

    /// Once the change that freed it is durable.
    pub(super) fn delete(self: &Arc<Self>, id: BlobId) {
        let folder = self.clone();
        self.journal.after(move || folder.discard(id));
    }

    /// At once: no durable row names it.
    pub(super) fn discard(&self, id: BlobId) {
        match self.leases.lock().get_mut(&id) {
            Some(leased) => leased.after = After::Deleted,
            None => unlink_soon(self.path(id)),
        }
    }

    pub(super) fn sweep(&self, known: &KnownBodies) -> io::Result<Swept> {
        let mut swept = Swept::default();
        let found = self.each_body(&mut |id, path| {
            if known.contains_key(&id) {
                return Ok(());
            }
            swept.removed += 1;
            match self.leases.lock().get_mut(&id) {
                Some(leased) => leased.after = After::Deleted,
                None => fs::remove_file(path)?,
            }
            Ok(())
        })?;
        swept.missing = known.keys().filter(|id| !found.contains(id)).copied().collect();
        Ok(swept)
    }

    pub(super) fn check(&self, known: &KnownBodies) -> io::Result<Checked> {
        let mut checked = Checked::default();
        let found = self.each_body(&mut |id, _| {
            checked.orphans += usize::from(!known.contains_key(&id));
            Ok(())
        })?;
        for (id, length) in known {
            if !found.contains(id) {
                checked.missing.push(*id);
            } else if self.check_body(*id, *length).is_err() {
                checked.damaged.push(*id);
            }
        }
        Ok(checked)
    }

    /// Reads a body from its start to its end.
    fn check_body(&self, id: BlobId, length: u64) -> io::Result<()> {
        let mut body = self.read(id)?;
        if body.length()? != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut piece = Vec::new();
        let mut start = 0;
        while start < length {
            let end = length.min(start + CHECKED_AT_ONCE);
            piece.clear();
            body.read(start..end, &mut piece)?;
            start = end;
        }
        Ok(())
    }

    /// The ids of all bodies that are whole. What else is in the folder is left alone.
    fn each_body(&self, each: &mut dyn FnMut(BlobId, &Path) -> io::Result<()>) -> io::Result<HashSet<BlobId>> {
        let mut found = HashSet::new();
        for shard in 0..=u8::MAX {
            let entries = match fs::read_dir(self.root.join(format!("{shard:02x}"))) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                entries => entries?,
            };
            for entry in entries {
                let entry = entry?;
                if let Some(id) = entry.file_name().to_str().and_then(BlobId::parse) {
                    found.insert(id);
                    each(id, &entry.path())?;
                }
            }
        }
        Ok(found)
    }
}

/// A file that is not whole yet. Dropped, it is gone.
pub(super) struct Temporary {
    file: File,
    path: PathBuf,
    sealer: Option<BodySealer>,
}

impl Temporary {
    pub(super) fn write(&mut self, segments: &[Bytes]) -> io::Result<()> {
        match &mut self.sealer {
            Some(sealer) => sealer.write(segments, &mut self.file),
            None => segments.iter().try_for_each(|segment| self.file.write_all(segment)),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.sealer.as_mut().map_or(Ok(()), |sealer| sealer.flush(&mut self.file))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After `place` nothing has this name any more, and nothing happens.
        unlink(&self.path);
    }
}

pub(super) struct Lease {
    folder: Arc<Folder>,
    id: BlobId,
}

impl Lease {
    pub(super) fn open(&self) -> io::Result<BodyFile> {
        self.folder.read(self.id)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut leases = self.folder.leases.lock();
        let Some(leased) = leases.get_mut(&self.id) else { return };
        leased.readers -= 1;
        if leased.readers == 0
            && let Some(Leased { after: After::Deleted, .. }) = leases.remove(&self.id)
        {
            unlink_soon(self.folder.path(self.id));
        }
    }
}

/// Unlinking a large file takes time: not on an async thread.
fn unlink_soon(path: PathBuf) {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(move || unlink(&path))),
        Err(_) => unlink(&path),
    }
}

/// A file that cannot be removed is an orphan, and the next sweep's.
fn unlink(path: &Path) {
    let _ = fs::remove_file(path);
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
