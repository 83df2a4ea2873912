//! A body in memory: the pieces as they arrived, not copied together. Only very small pieces are gathered,
//! so that a client which sends single bytes does not cost a handle for each.

use bytes::{Bytes, BytesMut};
use std::{ops::Range, sync::Arc};

/// Smaller pieces are gathered.
const SMALL: usize = 16 * 1024;
const GATHERED: usize = 64 * 1024;

/// Pieces on their way.
#[derive(Default)]
pub(super) struct Gather {
    done: Vec<Bytes>,
    /// A first small piece, as it arrived: most small bodies are one.
    first: Bytes,
    gathering: BytesMut,
    length: usize,
}

impl Gather {
    pub(super) fn push(&mut self, bytes: Bytes) {
        self.length += bytes.len();
        if bytes.len() >= SMALL {
            self.flush();
            self.done.push(bytes);
            return;
        }
        if self.gathering.is_empty() {
            if self.first.is_empty() {
                self.first = bytes;
                return;
            }
            self.gathering.reserve(GATHERED);
            self.gathering.extend_from_slice(&std::mem::take(&mut self.first));
        }
        if self.gathering.len() + bytes.len() > GATHERED {
            self.flush();
            self.gathering.reserve(GATHERED);
        }
        self.gathering.extend_from_slice(&bytes);
    }

    pub(super) fn length(&self) -> usize {
        self.length
    }

    pub(super) fn take(&mut self) -> Vec<Bytes> {
        self.flush();
        self.length = 0;
        std::mem::take(&mut self.done)
    }

    /// All of it in one piece of its own size, for a body that is small.
    pub(super) fn take_whole(&mut self) -> Bytes {
        if self.done.is_empty() && self.gathering.is_empty() {
            self.length = 0;
            return Bytes::copy_from_slice(&std::mem::take(&mut self.first));
        }
        match self.take().as_slice() {
            [one] => Bytes::copy_from_slice(one),
            many => many.concat().into(),
        }
    }

    fn flush(&mut self) {
        // What is small is copied to its size: it may live long, and the buffer it arrived in is large.
        if !self.first.is_empty() {
            self.done.push(Bytes::copy_from_slice(&std::mem::take(&mut self.first)));
        }
        if !self.gathering.is_empty() {
            let gathered = std::mem::take(&mut self.gathering);
            self.done.push(if gathered.len() * 2 < gathered.capacity() { Bytes::copy_from_slice(&gathered) } else { gathered.freeze() });
        }
    }
}

/// The slices of a range.
pub(super) struct Slices {
    segments: Arc<[Bytes]>,
    index: usize,
    /// Where the range starts in the segment at `index`, and what is left of it from there.
    offset: usize,
    left: u64,
}

impl Slices {
    pub(super) fn of(segments: Arc<[Bytes]>, range: Range<u64>) -> Slices {
        let mut offset = range.start;
        let mut index = 0;
        for segment in segments.iter() {
            if offset < segment.len() as u64 {
                break;
            }
            offset -= segment.len() as u64;
            index += 1;
        }
        Slices { segments, index, offset: offset as usize, left: range.end.saturating_sub(range.start) }
    }
}

impl Iterator for Slices {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.left == 0 {
            return None;
        }
        let segment = self.segments.get(self.index)?;
        let end = segment.len().min(self.offset.saturating_add(usize::try_from(self.left).unwrap_or(usize::MAX)));
        let slice = segment.slice(self.offset.min(end)..end);
        self.index += 1;
        self.offset = 0;
        self.left -= slice.len() as u64;
        Some(slice)
    }
}
