//! Which bodies rows name: those of the rows that are written or read as JSON while one of these functions runs, on its thread.

use super::{Blobs, blob::Blob, blob_id::BlobId, notes::with_note, reader::BlobReader, sweep::KnownBodies};
use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    io, mem,
    rc::Rc,
};

/// The bodies of all rows that `work` reads or writes.
pub fn known_bodies<R>(work: impl FnOnce() -> R) -> (R, KnownBodies) {
    let known = Rc::new(RefCell::new(KnownBodies::new()));
    let noted = known.clone();
    let result = with_note(
        Box::new(move |id, length| {
            noted.borrow_mut().insert(id, length);
            id
        }),
        work,
    );
    let known = mem::take(&mut *known.borrow_mut());
    (result, known)
}

/// As `known_bodies`, with a reader of each body: deleting it takes nothing from the reader.
pub fn held_bodies<R>(blobs: &Blobs, work: impl FnOnce() -> R) -> (R, BTreeMap<BlobId, io::Result<BlobReader>>) {
    let held = Rc::new(RefCell::new(BTreeMap::new()));
    let (noted, blobs) = (held.clone(), blobs.clone());
    let result = with_note(
        Box::new(move |id, length| {
            noted.borrow_mut().entry(id).or_insert_with(|| blobs.read_all(&Blob::stored(id, length)));
            id
        }),
        work,
    );
    let held = mem::take(&mut *held.borrow_mut());
    (result, held)
}

/// Gives the bodies of rows that are read new names.
pub fn renamed_bodies<R>(names: HashMap<BlobId, BlobId>, work: impl FnOnce() -> R) -> R {
    with_note(Box::new(move |id, _| names.get(&id).copied().unwrap_or(id)), work)
}
