//! The layers of an image: each is an archive of what it adds, changes and takes away.
//! <https://github.com/opencontainers/image-spec/blob/main/layer.md>

use super::{
    Refused,
    blobs::{Blob, Descriptor},
    paths,
    zstandard::{self, Frames},
};
use flate2::read::MultiGzDecoder;
use std::{
    cell::Cell,
    collections::HashSet,
    ffi::OsStr,
    fs::{self, File, Permissions},
    io::{self, BufReader, Read},
    os::unix::{
        ffi::OsStrExt,
        fs::{PermissionsExt, symlink},
    },
    path::{Path, PathBuf},
    rc::Rc,
    time::{Duration, UNIX_EPOCH},
};
use tar::{Archive, Entry, EntryType};

const GZIP: [u8; 2] = [0x1f, 0x8b];
/// A file of this name takes away the one that it names; what else begins so twice is of a file system of before.
const WHITEOUT: &[u8] = b".wh.";
/// A folder with it has nothing of the layers below.
const OPAQUE: &[u8] = b".wh..wh..opq";

/// Bytes before an entry: its header, and long names.
const HEADER: u64 = 1 << 20;

/// What the rest of an image may have.
pub struct Budget {
    pub bytes: u64,
    pub entries: u64,
}

/// Applies a layer to what those below have made.
pub fn apply(layout: &Path, layer: &Descriptor, root: &Path, budget: &mut Budget) -> Result<(), Refused> {
    let mut blob = Blob::open(layout, layer)?;
    let unreadable = |error: io::Error| Refused::File(layer.digest.clone(), error);
    let mut first = Vec::new();
    (&mut blob).take(4).read_to_end(&mut first).map_err(unreadable)?;
    let mut unpacking = Unpacking { root, budget, written: HashSet::new() };
    let whole = BufReader::new(first.as_slice().chain(&mut blob));
    if first.starts_with(&GZIP) {
        unpacking.all(MultiGzDecoder::new(whole))
    } else if zstandard::is_frame(&first) {
        unpacking.all(Frames::of(whole))
    } else {
        unpacking.all(whole)
    }?;
    blob.finish()
}

/// An archive of which no more than this is read: what comes before an entry is held in memory.
struct Metered<R> {
    archive: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.archive.read(buffer)?;
        let left = self.left.get().checked_sub(count as u64).ok_or_else(|| io::Error::other("the names of a file are too long"))?;
        self.left.set(left);
        Ok(count)
    }
}

struct Unpacking<'u> {
    root: &'u Path,
    budget: &'u mut Budget,
    /// What this layer has written, with the folders around it: whiteouts are of the layers below.
    written: HashSet<PathBuf>,
}

impl Unpacking<'_> {
    fn all(&mut self, archive: impl Read) -> Result<(), Refused> {
        let broken = |error: io::Error| Refused::Image(format!("a layer is no archive: {error}"));
        let left = Rc::new(Cell::new(HEADER));
        let mut archive = Archive::new(Metered { archive, left: left.clone() });
        let mut entries = archive.entries().map_err(broken)?;
        loop {
            left.set(HEADER);
            let Some(entry) = entries.next() else { return Ok(()) };
            let mut entry = entry.map_err(broken)?;
            left.set(u64::MAX);
            let path = entry.path().map_err(broken)?.into_owned();
            self.budget.entries = self.budget.entries.checked_sub(1).ok_or_else(|| Refused::Image("the image has too many files".to_owned()))?;
            self.one(&mut entry, &path)?;
            // What nobody wanted is gone by before the next header.
            self.content(&mut entry, &mut io::sink()).map_err(broken)?;
        }
    }

    /// Passes on what an entry has.
    fn content(&mut self, entry: &mut impl Read, to: &mut impl io::Write) -> io::Result<()> {
        let copied = io::copy(&mut entry.take(self.budget.bytes.saturating_add(1)), to)?;
        self.budget.bytes = self.budget.bytes.checked_sub(copied).ok_or_else(|| io::Error::other("the image is too large"))?;
        Ok(())
    }

    fn one(&mut self, entry: &mut Entry<'_, impl Read>, path: &Path) -> Result<(), Refused> {
        let failed = |error: io::Error| Refused::File(path.display().to_string(), error);
        let refused = |why: &str| Refused::Image(format!("{} {why}", path.display()));
        let parts = paths::parts(path).ok_or_else(|| refused("leaves the root of the image"))?;
        let Some((name, around)) = parts.split_last() else { return Ok(()) };
        let kind = entry.header().entry_type();
        if matches!(kind, EntryType::Char | EntryType::Block | EntryType::Fifo) {
            // A node has devices of its own.
            return if parts.first().is_some_and(|first| first == "dev") { Ok(()) } else { Err(refused("is a device")) };
        }
        let folder = paths::folder(self.root, around, true).map_err(failed)?;
        if name.as_bytes().starts_with(WHITEOUT) {
            return self.take_away(&folder, name, path);
        }
        let to = folder.join(name);
        self.written.extend(to.ancestors().take_while(|path| *path != self.root).map(Path::to_owned));
        let mode = entry.header().mode().map_err(failed)? & 0o777;
        match kind {
            EntryType::Directory => {
                let is_there = fs::symlink_metadata(&to).is_ok_and(|metadata| metadata.is_dir());
                if !is_there {
                    remove(&to).and_then(|()| fs::create_dir(&to)).map_err(failed)?;
                }
                fs::set_permissions(&to, Permissions::from_mode(mode | 0o700)).map_err(failed)
            }
            EntryType::Symlink => {
                let target = entry.link_name().map_err(failed)?.ok_or_else(|| refused("is a link to nothing"))?;
                remove(&to).and_then(|()| symlink(target, &to)).map_err(failed)
            }
            EntryType::Link => {
                let target = entry.link_name().map_err(failed)?.ok_or_else(|| refused("is a link to nothing"))?;
                let parts = paths::parts(&target).ok_or_else(|| refused("is a link out of the image"))?;
                let (name, around) = parts.split_last().ok_or_else(|| refused("is a link to a folder"))?;
                let from = paths::folder(self.root, around, false).map_err(failed)?.join(name);
                if !fs::symlink_metadata(&from).map_err(failed)?.is_file() {
                    return Err(refused("is a link to something that is no file"));
                }
                if from == to { Ok(()) } else { remove(&to).and_then(|()| fs::hard_link(&from, &to)).map_err(failed) }
            }
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                remove(&to).map_err(failed)?;
                let mut file = File::create_new(&to).map_err(failed)?;
                self.content(entry, &mut file).map_err(failed)?;
                file.set_permissions(Permissions::from_mode(mode | 0o600)).map_err(failed)?;
                if let Some(time) = entry.header().mtime().ok().and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds))) {
                    let _ = file.set_modified(time);
                }
                Ok(())
            }
            // What says something of the entries that follow.
            _ => Ok(()),
        }
    }

    /// A whiteout in a folder.
    fn take_away(&self, folder: &Path, name: &OsStr, path: &Path) -> Result<(), Refused> {
        let failed = |error: io::Error| Refused::File(path.display().to_string(), error);
        if name.as_bytes() == OPAQUE {
            return self.clear(folder).map_err(failed);
        }
        let named = name.as_bytes().strip_prefix(WHITEOUT).unwrap_or_default();
        if named.starts_with(WHITEOUT) {
            return Ok(());
        }
        if matches!(named, b"" | b"." | b"..") {
            return Err(Refused::Image(format!("{} takes nothing away", path.display())));
        }
        self.without_below(&folder.join(OsStr::from_bytes(named))).map_err(failed)
    }

    /// Removes what the layers below have at a path.
    fn without_below(&self, path: &Path) -> io::Result<()> {
        if !self.written.contains(path) {
            return remove(path);
        }
        if fs::symlink_metadata(path)?.is_dir() { self.clear(path) } else { Ok(()) }
    }

    fn clear(&self, folder: &Path) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            self.without_below(&entry?.path())?;
        }
        Ok(())
    }
}

/// Removes what is there, if anything is.
fn remove(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
