//! What is done with every body that a row names, while rows are written or read as JSON on this thread.

use super::blob_id::BlobId;
use std::cell::RefCell;

/// Takes the id and the length of a body, and gives the id that it has from then on.
pub(super) type Note = Box<dyn FnMut(BlobId, u64) -> BlobId>;

thread_local! {
    static NOTE: RefCell<Option<Note>> = const { RefCell::new(None) };
}

pub(super) fn with_note<R>(note: Note, work: impl FnOnce() -> R) -> R {
    /// Ends the note in a panic, too.
    struct Outer(Option<Note>);
    impl Drop for Outer {
        fn drop(&mut self) {
            NOTE.set(self.0.take());
        }
    }
    let _outer = Outer(NOTE.replace(Some(note)));
    work()
}

/// A row that names the body was written or read.
pub(super) fn note(id: BlobId, length: u64) -> BlobId {
    NOTE.with_borrow_mut(|note| note.as_mut().map_or(id, |note| note(id, length)))
}
