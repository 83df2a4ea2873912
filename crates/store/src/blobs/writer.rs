//! Writing a body piece by piece, in flat memory. While one batch goes to disk, the next one gathers.

use super::folder::{Folder, Temporary};
use super::segments::Gather;
use super::{
    Blobs, Kind, PendingBlob,
    blob::{Blob, INLINE},
    blob_id::BlobId,
    blocking::{blocking, ended},
};
use bytes::Bytes;
use std::{io, sync::Arc};
use tokio::task::{JoinHandle, spawn_blocking};

/// Bytes that go to disk at once.
const BATCH: usize = 512 * 1024;

/// A body that is being written. Dropped before `finish`, it leaves nothing behind.
pub struct BlobWriter {
    blobs: Blobs,
    id: BlobId,
    length: u64,
    gather: Gather,
    /// Where batches go, once there is a first one; a body in memory, or a small one, has none.
    file: Progress,
}

enum Progress {
    None,
    Running(JoinHandle<io::Result<Temporary>>),
    /// A batch could not be written: neither can the next.
    Failed,
}

impl Blobs {
    /// Starts a body. The id is used by no other body, ever.
    pub fn writer(&self, id: BlobId) -> BlobWriter {
        BlobWriter::new(self.clone(), id)
    }

    /// Writes a body that is whole already.
    pub async fn put(&self, id: BlobId, bytes: Bytes) -> io::Result<PendingBlob> {
        let mut writer = self.writer(id);
        writer.write(bytes).await?;
        writer.finish().await
    }
}

impl BlobWriter {
    fn new(blobs: Blobs, id: BlobId) -> BlobWriter {
        BlobWriter { blobs, id, length: 0, gather: Gather::default(), file: Progress::None }
    }

    /// Bytes taken so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    pub async fn write(&mut self, bytes: Bytes) -> io::Result<()> {
        self.length += bytes.len() as u64;
        self.gather.push(bytes);
        if let Kind::Folder(folder) = &self.blobs.0
            && self.gather.length() >= BATCH
        {
            let folder = folder.clone();
            self.write_batch(&folder).await?;
        }
        Ok(())
    }

    pub async fn finish(mut self) -> io::Result<PendingBlob> {
        let (id, length) = (self.id, self.length);
        if length <= INLINE as u64 {
            return Ok(PendingBlob::new(self.blobs, Blob::inline(self.gather.take_whole())));
        }
        match &self.blobs.0 {
            Kind::Memory(memory) => memory.insert(id, self.gather.take()),
            Kind::Folder(folder) => {
                let folder = folder.clone();
                let file = self.batch_done().await?;
                let rest = self.gather.take();
                let blobs = self.blobs.clone();
                // The guard is made where the file gets its name: a caller that went away meanwhile drops it.
                return blocking(move || {
                    let place = |file: Option<Temporary>| {
                        let mut file = file.map_or_else(|| folder.create(id), Ok)?;
                        file.write(&rest)?;
                        folder.place(id, file)
                    };
                    folder.checked(place(file))?;
                    Ok(PendingBlob::new(blobs, Blob::stored(id, length)))
                })
                .await;
            }
        }
        Ok(PendingBlob::new(self.blobs, Blob::stored(id, length)))
    }

    async fn write_batch(&mut self, folder: &Arc<Folder>) -> io::Result<()> {
        let file = self.batch_done().await?;
        let (folder, id, batch) = (folder.clone(), self.id, self.gather.take());
        self.file = Progress::Running(spawn_blocking(move || {
            let write = || {
                let mut file = file.map_or_else(|| folder.create(id), Ok)?;
                file.write(&batch)?;
                Ok(file)
            };
            folder.checked(write())
        }));
        Ok(())
    }

    /// Waits for the batch that is under way.
    async fn batch_done(&mut self) -> io::Result<Option<Temporary>> {
        match &mut self.file {
            Progress::None => Ok(None),
            Progress::Failed => Err(io::Error::other("an earlier part of the blob could not be written")),
            Progress::Running(running) => {
                let outcome = running.await.unwrap_or_else(|error| Err(ended(error)));
                // A caller that drops the file in hand without a next batch has failed, too.
                self.file = Progress::Failed;
                outcome.map(Some)
            }
        }
    }
}
