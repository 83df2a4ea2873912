//! Blobs: bodies of objects and mails, apart from rows. A row holds a `Blob`, which says where the bytes are.
//! Bodies live in memory, or as files of a folder; small ones in the row itself. Ids come from the caller.
//!
//! The order that loses nothing: write the body, write the row that names it, commit the body; and the other way round,
//! change the row, then delete the body that it named. What a crash leaves in between, `sweep` removes.

mod blob;
mod blob_id;
mod blocking;
mod body_file;
mod folder;
mod known;
mod memory;
mod notes;
mod reader;
mod segments;
mod sweep;
mod writer;

pub use blob::{Blob, INLINE};
pub use blob_id::BlobId;
pub(crate) use body_file::BodyKey;
pub use known::{held_bodies, known_bodies, renamed_bodies};
pub use reader::BlobReader;
pub use sweep::{Checked, KnownBodies, Swept};
pub use writer::BlobWriter;

use crate::Journal;
use blocking::blocking;
use folder::Folder;
use memory::Memory;
use std::{fmt, io, path::Path, sync::Arc};

/// Where bodies are. Cheap to clone.
#[derive(Clone)]
pub struct Blobs(Kind);

#[derive(Clone)]
enum Kind {
    Memory(Arc<Memory>),
    Folder(Arc<Folder>),
}

impl Blobs {
    pub fn memory() -> Blobs {
        Blobs(Kind::Memory(Arc::default()))
    }

    /// Files in a folder, which is made when it is not there. For start-up: this waits for the disk.
    pub(crate) fn folder(root: impl AsRef<Path>, key: Option<BodyKey>, journal: Journal) -> io::Result<Blobs> {
        Ok(Blobs(Kind::Folder(Arc::new(Folder::open(root.as_ref(), key, journal)?))))
    }

    /// A second body with the same bytes, which are not copied. Each part of a joined body takes an id of its own.
    pub async fn copy(&self, blob: &Blob, mut ids: impl FnMut() -> BlobId) -> io::Result<PendingBlob> {
        let mut links = vec![];
        let copied = PendingBlob::new(
            self.clone(),
            blob.with_ids(&mut |old| {
                let new = ids();
                links.push((old, new));
                new
            }),
        );
        match &self.0 {
            Kind::Memory(memory) => links.into_iter().try_for_each(|(old, new)| memory.link(old, new))?,
            Kind::Folder(folder) => {
                let (folder, leases) = (folder.clone(), links.iter().map(|(old, _)| folder.lease(*old)).collect::<Vec<_>>());
                blocking(move || {
                    let outcome = folder.link(&links);
                    drop(leases);
                    match outcome {
                        // The body was deleted meanwhile: the disk is well.
                        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(error),
                        outcome => folder.checked(outcome),
                    }
                })
                .await?;
            }
        }
        Ok(copied)
    }

    /// Forgets a body that no row names any more: its file is removed once that is durable. Readers that have begun go on.
    /// It does not wait for the disk.
    pub fn delete(&self, blob: &Blob) {
        blob.each_id(&mut |id| match &self.0 {
            Kind::Memory(memory) => memory.delete(id),
            Kind::Folder(folder) => folder.delete(id),
        });
    }

    /// As `delete`, for the bodies of many rows.
    pub fn delete_known(&self, known: &KnownBodies) {
        known.iter().for_each(|(id, length)| self.delete(&Blob::stored(*id, *length)));
    }

    /// Forgets a body that no row ever named.
    fn discard(&self, blob: &Blob) {
        blob.each_id(&mut |id| match &self.0 {
            Kind::Memory(memory) => memory.delete(id),
            Kind::Folder(folder) => folder.discard(id),
        });
    }

    /// Removes every body that is not known, and tells which known ones are missing. At the start, before the first
    /// writer: a finished body whose row is not written yet would not be known. Readers that have begun go on. It waits for the disk.
    pub fn sweep(&self, known: &KnownBodies) -> io::Result<Swept> {
        match &self.0 {
            Kind::Memory(memory) => Ok(memory.sweep(known)),
            Kind::Folder(folder) => folder.sweep(known),
        }
    }

    /// Tells what a sweep would remove, and which bodies are missing or damaged. Reads every byte, and waits for the disk.
    pub fn check(&self, known: &KnownBodies) -> io::Result<Checked> {
        match &self.0 {
            Kind::Memory(_) => Ok(Checked::default()),
            Kind::Folder(folder) => folder.check(known),
        }
    }
}

impl fmt::Debug for Blobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Memory(_) => f.write_str("blobs in memory"),
            Kind::Folder(folder) => write!(f, "blobs in {}", folder.root().display()),
        }
    }
}

/// A finished body that no row names yet. Unless it is committed, it is deleted: a failed write leaves nothing behind.
#[must_use = "a body that is not committed is deleted"]
#[derive(Debug)]
pub struct PendingBlob {
    blobs: Blobs,
    blob: Blob,
}

impl PendingBlob {
    fn new(blobs: Blobs, blob: Blob) -> PendingBlob {
        PendingBlob { blobs, blob }
    }

    /// For the row that will name it.
    pub fn blob(&self) -> &Blob {
        &self.blob
    }

    /// The row is written: the body stays.
    pub fn commit(mut self) -> Blob {
        std::mem::replace(&mut self.blob, Blob::empty())
    }
}

impl Drop for PendingBlob {
    fn drop(&mut self) {
        self.blobs.discard(&self.blob);
    }
}

#[cfg(test)]
mod tests;
