//! Where records go: nowhere, or to a backend that makes them durable. Off, nothing is even serialized.
//!
//! Every record has a number, in the order of the writes over all stores. A backend takes them in this order, so that what a crash
//! leaves is all records up to one of them. `recorded` tells which record an answer depends on, and `durable` waits for it.

use crate::Record;
use parking_lot::{ArcRwLockReadGuard, Condvar, Mutex, RawRwLock, RwLock};
use std::{
    cell::RefCell,
    fmt,
    future::{Future, poll_fn},
    io, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    thread,
};
use tokio::sync::watch;

/// Stores records for a restart.
pub trait Backend: Send + Sync + 'static {
    /// Stores all of the records, in their order, or none. They are durable when this returns.
    fn commit(&self, records: &[Record]) -> io::Result<()>;

    /// The whole state as records, a store's creation before its rows.
    fn load(&self, each: &mut dyn FnMut(Record) -> io::Result<()>) -> io::Result<()>;
}

/// A handle that stores hold. Cheap to clone.
#[derive(Clone, Default)]
pub struct Journal(Option<Arc<Shared>>);

struct Shared {
    backend: Arc<dyn Backend>,
    mode: Mode,
    queue: Mutex<Queue>,
    arrived: Condvar,
    /// Held shared while records are appended that become durable together; the writer cuts the queue under the exclusive lock.
    batch: Arc<RwLock<()>>,
    progress: watch::Sender<Progress>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// A record is durable when `append` returns. For tests.
    Direct,
    /// A thread commits whatever arrived while it was committing.
    Grouped,
}

#[derive(Default)]
struct Queue {
    entries: Vec<Entry>,
    last: u64,
    is_closed: bool,
}

enum Entry {
    Record(Record),
    /// Done once every record before it is durable.
    Action(Box<dyn FnOnce() + Send>),
}

#[derive(Clone, Default)]
struct Progress {
    durable: u64,
    failure: Option<Arc<str>>,
}

impl Journal {
    /// Memory only.
    pub fn off() -> Journal {
        Journal(None)
    }

    /// Each record is committed by the write that makes it. For tests.
    pub fn to(backend: Arc<dyn Backend>) -> Journal {
        Journal(Some(Shared::new(backend, Mode::Direct)))
    }

    /// Records are committed in groups by a thread, until the writer is dropped.
    pub fn grouped(backend: Arc<dyn Backend>) -> io::Result<(Journal, JournalWriter)> {
        let shared = Shared::new(backend, Mode::Grouped);
        let writing = shared.clone();
        let thread = thread::Builder::new().name("journal".into()).spawn(move || writing.run())?;
        Ok((Journal(Some(shared.clone())), JournalWriter { shared, thread: Some(thread) }))
    }

    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Resolves when the record with this number, and all before it, are durable.
    pub async fn durable(&self, number: u64) -> io::Result<()> {
        let Some(shared) = &self.0 else { return Ok(()) };
        if number == 0 || shared.progress.borrow().durable >= number {
            return Ok(());
        }
        let reached = |progress: &Progress| progress.durable >= number || progress.failure.is_some();
        let mut progress = shared.progress.subscribe();
        let progress = progress.wait_for(reached).await.map_err(io::Error::other)?;
        match &progress.failure {
            Some(failure) if progress.durable < number => Err(io::Error::other(failure.to_string())),
            Some(_) | None => Ok(()),
        }
    }

    /// Resolves when everything written so far is durable.
    pub async fn synced(&self) -> io::Result<()> {
        let Some(shared) = &self.0 else { return Ok(()) };
        let last = shared.queue.lock().last;
        self.durable(last).await
    }

    /// Resolves with the reason when a record could not be made durable: nothing written from then on will be.
    pub async fn failed(&self) -> Arc<str> {
        let Some(shared) = &self.0 else { return std::future::pending().await };
        let mut progress = shared.progress.subscribe();
        match progress.wait_for(|progress| progress.failure.is_some()).await {
            Ok(progress) => progress.failure.clone().unwrap_or_default(),
            Err(_) => std::future::pending().await,
        }
    }

    /// Says that the disk failed elsewhere: a body could not be written.
    pub(crate) fn fail(&self, error: &io::Error) {
        if let Some(shared) = &self.0 {
            shared.fail(error);
        }
    }

    /// Does something once everything written so far is durable; at once when there is no journal.
    pub(crate) fn after(&self, action: impl FnOnce() + Send + 'static) {
        match &self.0 {
            Some(shared) if shared.mode == Mode::Grouped => {
                let mut queue = shared.queue.lock();
                if !queue.is_closed {
                    queue.entries.push(Entry::Action(Box::new(action)));
                    shared.arrived.notify_one();
                }
            }
            Some(_) | None => action(),
        }
    }

    /// Called under the lock of the store that changed, so that the records of a store are in the order of its writes.
    pub(crate) fn append(&self, record: Record) -> u64 {
        let Some(shared) = &self.0 else { return 0 };
        let number = shared.append(record);
        self.depends_on(number);
        number
    }

    /// What is being done (see `recorded`) has seen what this record says: it was a write that changed nothing.
    pub(crate) fn depends_on(&self, number: u64) {
        if let Some(shared) = &self.0 {
            shared.with_recording(|recording| recording.last = recording.last.max(number));
        }
    }

    /// Runs a future, and gives the number of the last record that its outcome depends on. What it writes between two waits
    /// becomes durable together: after a crash all of it is there, or none.
    pub async fn recorded<F: Future + Unpin>(&self, mut future: F) -> (F::Output, u64) {
        let Some(shared) = &self.0 else { return (future.await, 0) };
        let mut last = 0;
        let output = poll_fn(|cx| {
            let recording = Recording::begin(shared);
            let polled = Pin::new(&mut future).poll(cx);
            last = last.max(recording.end());
            polled
        })
        .await;
        (output, last)
    }

    /// As `recorded`, for what waits for nothing.
    pub fn recorded_now<R>(&self, write: impl FnOnce() -> R) -> (R, u64) {
        let Some(shared) = &self.0 else { return (write(), 0) };
        let recording = Recording::begin(shared);
        let result = write();
        (result, recording.end())
    }
}

impl Shared {
    fn new(backend: Arc<dyn Backend>, mode: Mode) -> Arc<Shared> {
        let (progress, _) = watch::channel(Progress::default());
        Arc::new(Shared { backend, mode, queue: Mutex::default(), arrived: Condvar::new(), batch: Arc::default(), progress })
    }

    fn append(self: &Arc<Self>, record: Record) -> u64 {
        // INVARIANT: recursive, since the thread may hold store locks that another appending thread waits for while it has its
        // share of the batch: to wait behind the writer here would be a deadlock.
        self.with_recording(|recording| {
            recording.batch.get_or_insert_with(|| self.batch.read_arc_recursive());
        });
        let mut queue = self.queue.lock();
        queue.last += 1;
        let number = queue.last;
        match self.mode {
            // After the end nobody waits for it.
            Mode::Grouped if queue.is_closed => {}
            Mode::Grouped => queue.entries.push(Entry::Record(record)),
            Mode::Direct => self.finish(number, self.backend.commit(&[record])),
        }
        drop(queue);
        self.arrived.notify_one();
        number
    }

    fn with_recording(self: &Arc<Self>, change: impl FnOnce(&mut Current)) {
        CURRENT.with_borrow_mut(|current| {
            if let Some(current) = current
                && Arc::ptr_eq(&current.journal, self)
            {
                change(current);
            }
        });
    }

    fn finish(&self, number: u64, outcome: io::Result<()>) {
        match outcome {
            Ok(()) => drop(self.progress.send_if_modified(|progress| {
                let advances = progress.failure.is_none() && progress.durable < number;
                if advances {
                    progress.durable = number;
                }
                advances
            })),
            Err(error) => self.fail(&error),
        }
    }

    fn fail(&self, error: &io::Error) {
        self.progress.send_modify(|progress| {
            progress.failure.get_or_insert_with(|| error.to_string().into());
        });
    }

    fn has_failed(&self) -> bool {
        self.progress.borrow().failure.is_some()
    }

    /// The writer: commits all that arrived, again and again.
    fn run(&self) {
        loop {
            let mut queue = self.queue.lock();
            while queue.entries.is_empty() {
                if queue.is_closed {
                    return;
                }
                self.arrived.wait(&mut queue);
            }
            drop(queue);
            let (entries, last) = {
                let _cut = self.batch.write();
                let mut queue = self.queue.lock();
                (mem::take(&mut queue.entries), queue.last)
            };
            // After a failure nothing is stored any more: a later record without an earlier one would be half a state.
            if self.has_failed() {
                continue;
            }
            let (mut records, mut actions) = (vec![], vec![]);
            for entry in entries {
                match entry {
                    Entry::Record(record) => records.push(record),
                    Entry::Action(action) => actions.push(action),
                }
            }
            if !records.is_empty() {
                let commit = AssertUnwindSafe(|| self.backend.commit(&records));
                let outcome = catch_unwind(commit).unwrap_or_else(|_| Err(io::Error::other("the journal's backend panicked: this is a bug")));
                self.finish(last, outcome);
            }
            if !self.has_failed() {
                actions.into_iter().for_each(|action| action());
            }
        }
    }
}

/// Dropped, it commits what is still queued and ends the writer's thread.
pub struct JournalWriter {
    shared: Arc<Shared>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Drop for JournalWriter {
    fn drop(&mut self) {
        self.shared.queue.lock().is_closed = true;
        self.shared.arrived.notify_one();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            self.shared.fail(&io::Error::other("the journal's writer panicked: this is a bug"));
        }
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

/// What this thread is recording.
struct Current {
    journal: Arc<Shared>,
    last: u64,
    /// From the first record on.
    batch: Option<ArcRwLockReadGuard<RawRwLock, ()>>,
}

/// Ends when dropped. One inside another is part of it.
struct Recording {
    outer: Option<Current>,
    is_nested: bool,
}

impl Recording {
    fn begin(journal: &Arc<Shared>) -> Recording {
        CURRENT.with_borrow_mut(|current| match current {
            Some(current) if Arc::ptr_eq(&current.journal, journal) => Recording { outer: None, is_nested: true },
            _ => Recording { outer: current.replace(Current { journal: journal.clone(), last: 0, batch: None }), is_nested: false },
        })
    }

    fn end(self) -> u64 {
        CURRENT.with_borrow(|current| current.as_ref().map_or(0, |current| current.last))
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if !self.is_nested {
            CURRENT.set(self.outer.take());
        }
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_on() { "journal" } else { "no journal" })
    }
}

impl fmt::Debug for JournalWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("journal writer")
    }
}

/// A backend for tests: the records in their order.
#[derive(Default)]
pub struct InMemory(Mutex<Vec<Record>>);

impl InMemory {
    pub fn new() -> Arc<InMemory> {
        Arc::default()
    }

    pub fn records(&self) -> Vec<Record> {
        self.0.lock().clone()
    }
}

impl Backend for InMemory {
    fn commit(&self, records: &[Record]) -> io::Result<()> {
        self.0.lock().extend_from_slice(records);
        Ok(())
    }

    fn load(&self, each: &mut dyn FnMut(Record) -> io::Result<()>) -> io::Result<()> {
        self.records().into_iter().try_for_each(each)
    }
}

#[cfg(test)]
mod tests;
