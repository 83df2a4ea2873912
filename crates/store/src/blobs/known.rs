//! Which bodies rows name: those that are written or read as JSON while one of these functions runs, on its thread.

use super::{Blob, BlobId, BlobReader, Blobs};
use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    io,
};

/// Bodies that rows name, with their lengths.
pub type KnownBodies = BTreeMap<BlobId, u64>;

enum Notes {
    Known(KnownBodies),
    /// Readers of the bodies, which stay until they are read, whatever becomes of their rows.
    Held(Blobs, BTreeMap<BlobId, io::Result<BlobReader>>),
    /// New names for bodies that are read.
    Renamed(HashMap<BlobId, BlobId>),
}

thread_local! {
    static NOTES: RefCell<Option<Notes>> = const { RefCell::new(None) };
}

fn with_notes<R>(notes: Notes, work: impl FnOnce() -> R) -> (R, Option<Notes>) {
    /// Ends the notes in a panic, too.
    struct Outer(Option<Notes>);
    impl Drop for Outer {
        fn drop(&mut self) {
            NOTES.set(self.0.take());
        }
    }
    let outer = Outer(NOTES.replace(Some(notes)));
    let result = work();
    let notes = NOTES.take();
    drop(outer);
    (result, notes)
}

/// The bodies of all rows that `work` reads or writes.
pub fn known_bodies<R>(work: impl FnOnce() -> R) -> (R, KnownBodies) {
    match with_notes(Notes::Known(KnownBodies::new()), work) {
        (result, Some(Notes::Known(known))) => (result, known),
        (result, _) => (result, KnownBodies::new()),
    }
}

/// As `known_bodies`, with a reader of each body: deleting it takes nothing from the reader.
pub fn held_bodies<R>(blobs: &Blobs, work: impl FnOnce() -> R) -> (R, BTreeMap<BlobId, io::Result<BlobReader>>) {
    match with_notes(Notes::Held(blobs.clone(), BTreeMap::new()), work) {
        (result, Some(Notes::Held(_, held))) => (result, held),
        (result, _) => (result, BTreeMap::new()),
    }
}

/// Gives the bodies of rows that are read new names.
pub fn renamed_bodies<R>(names: HashMap<BlobId, BlobId>, work: impl FnOnce() -> R) -> R {
    with_notes(Notes::Renamed(names), work).0
}

/// A row that names the body was written or read.
pub(super) fn note(id: BlobId, length: u64) -> BlobId {
    NOTES.with_borrow_mut(|notes| match notes {
        None => id,
        Some(Notes::Known(known)) => {
            known.insert(id, length);
            id
        }
        Some(Notes::Held(blobs, held)) => {
            held.entry(id).or_insert_with(|| blobs.read_all(&Blob::stored(id, length)));
            id
        }
        Some(Notes::Renamed(names)) => names.get(&id).copied().unwrap_or(id),
    })
}
