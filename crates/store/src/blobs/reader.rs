//! Reading a body as a stream, in flat memory: slices of what is in memory, pieces of files with one piece read ahead.

use super::folder::Lease;
use super::segments::Slices;
use super::{
    Blobs, Kind,
    blob::{Blob, Content},
    blocking::ended,
    body_file::BodyFile,
};
use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use std::{
    collections::VecDeque,
    fmt,
    future::{Future, poll_fn},
    io,
    ops::Range,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::task::{JoinHandle, spawn_blocking};

/// The first piece of a file is small, since many bodies are; then pieces grow.
const FIRST_PIECE: u64 = 64 * 1024;
const PIECE: u64 = 256 * 1024;

/// A range of a body, as a stream of pieces. It must be polled inside a tokio runtime.
pub struct BlobReader {
    sources: VecDeque<Source>,
    reading: Option<JoinHandle<io::Result<ReadPiece>>>,
    piece: u64,
    left: u64,
}

enum Source {
    Inline(Bytes),
    Memory(Slices),
    File(Portion),
}

/// A piece, and what of its source is still to be read.
type ReadPiece = (Bytes, Option<Source>);

struct Portion {
    lease: Lease,
    file: Option<BodyFile>,
    range: Range<u64>,
}

impl Blobs {
    /// Reads a range of a body, cut to its length. From now on, until the reader is dropped, deleting the body takes
    /// nothing from it. It does not wait for the disk: call it where the row is read, inside the closure.
    pub fn read(&self, blob: &Blob, range: Range<u64>) -> io::Result<BlobReader> {
        BlobReader::new(self, blob, range)
    }

    pub fn read_all(&self, blob: &Blob) -> io::Result<BlobReader> {
        self.read(blob, 0..blob.length())
    }
}

impl BlobReader {
    fn new(blobs: &Blobs, blob: &Blob, range: Range<u64>) -> io::Result<BlobReader> {
        let range = range.start..range.end.min(blob.length());
        let left = range.end.saturating_sub(range.start);
        let mut reader = BlobReader { sources: VecDeque::new(), reading: None, piece: FIRST_PIECE, left };
        if left > 0 {
            reader.add(blobs, blob, range)?;
        }
        Ok(reader)
    }

    fn add(&mut self, blobs: &Blobs, blob: &Blob, range: Range<u64>) -> io::Result<()> {
        let source = match (blob.content(), &blobs.0) {
            (Content::Parts(parts), _) => {
                let mut start = 0;
                for part in parts.iter() {
                    let end = start + part.length();
                    if start < range.end && range.start < end {
                        self.add(blobs, part, range.start.max(start) - start..range.end.min(end) - start)?;
                    }
                    start = end;
                }
                return Ok(());
            }
            (Content::Inline(bytes), _) => {
                let end = (range.end as usize).min(bytes.len());
                Source::Inline(bytes.slice((range.start as usize).min(end)..end))
            }
            (Content::Stored(id), Kind::Memory(memory)) => Source::Memory(Slices::of(memory.get(*id)?, range)),
            (Content::Stored(id), Kind::Folder(folder)) => Source::File(Portion { lease: folder.lease(*id), file: None, range }),
        };
        self.sources.push_back(source);
        Ok(())
    }

    /// Bytes still to come.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// The next piece, for a caller without stream combinators.
    pub async fn next(&mut self) -> Option<io::Result<Bytes>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// The rest, in one piece. For bodies that are known to be small.
    pub async fn whole(mut self) -> io::Result<Bytes> {
        let mut whole = match self.next().await.transpose()? {
            Some(first) if self.left == 0 => return Ok(first),
            Some(first) => BytesMut::from(first),
            None => return Ok(Bytes::new()),
        };
        while let Some(piece) = self.next().await.transpose()? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }

    /// Starts reading if the next bytes come from a file.
    fn read_ahead(&mut self) {
        match self.sources.pop_front() {
            Some(Source::File(portion)) => {
                let piece = self.piece;
                self.piece = PIECE.min(piece * 2);
                // The buffer is made where it will be freed: memory that threads hand to each other piles up in allocators.
                let buffer = Vec::with_capacity(piece.min(portion.range.end - portion.range.start) as usize);
                self.reading = Some(spawn_blocking(move || portion.read(buffer)));
            }
            Some(other) => self.sources.push_front(other),
            None => {}
        }
    }

    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            if let Some(reading) = &mut self.reading {
                let outcome = ready!(Pin::new(reading).poll(cx)).unwrap_or_else(|error| Err(ended(error)));
                self.reading = None;
                return Poll::Ready(Some(outcome.map(|(bytes, rest)| {
                    if let Some(rest) = rest {
                        self.sources.push_front(rest);
                    }
                    self.read_ahead();
                    bytes
                })));
            }
            match self.sources.front_mut() {
                None => return Poll::Ready(None),
                Some(Source::Inline(bytes)) => {
                    let bytes = std::mem::take(bytes);
                    self.sources.pop_front();
                    return Poll::Ready(Some(Ok(bytes)));
                }
                Some(Source::Memory(slices)) => match slices.next() {
                    Some(slice) => return Poll::Ready(Some(Ok(slice))),
                    None => drop(self.sources.pop_front()),
                },
                Some(Source::File(_)) => self.read_ahead(),
            }
        }
    }
}

impl Stream for BlobReader {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let this = self.get_mut();
        let item = ready!(this.poll_source(cx));
        match &item {
            Some(Ok(bytes)) => this.left = this.left.saturating_sub(bytes.len() as u64),
            // A body that broke does not go on.
            Some(Err(_)) => this.sources.clear(),
            None => {}
        }
        Poll::Ready(item)
    }
}

impl Portion {
    /// Fills the buffer.
    fn read(mut self, mut bytes: Vec<u8>) -> io::Result<ReadPiece> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(self.lease.open()?),
        };
        let wanted = (bytes.capacity() as u64).min(self.range.end - self.range.start);
        file.read(self.range.start..self.range.start + wanted, &mut bytes)?;
        self.range.start += wanted;
        let rest = if self.range.is_empty() { None } else { Some(Source::File(self)) };
        Ok((Bytes::from(bytes), rest))
    }
}

impl fmt::Debug for BlobReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reader with {} bytes left", self.left)
    }
}
