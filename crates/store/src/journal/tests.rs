use super::*;
use crate::{Store, Table, tables};
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Default)]
struct State {
    rows: Table<u32, u32>,
}
tables!(State { rows });

/// A backend that waits for a permit before each commit, and may fail.
#[derive(Default)]
struct Gated {
    commits: Mutex<Vec<Vec<Record>>>,
    permits: Mutex<u32>,
    more: Condvar,
    is_broken: AtomicBool,
}

impl Gated {
    fn permit(&self, permits: u32) {
        *self.permits.lock() += permits;
        self.more.notify_all();
    }
}

impl Backend for Gated {
    fn commit(&self, records: &[Record]) -> io::Result<()> {
        let mut permits = self.permits.lock();
        while *permits == 0 {
            self.more.wait(&mut permits);
        }
        *permits -= 1;
        if self.is_broken.load(Ordering::Acquire) {
            return Err(io::Error::other("the disk is full"));
        }
        self.commits.lock().push(records.to_vec());
        Ok(())
    }

    fn load(&self, _: &mut dyn FnMut(Record) -> io::Result<()>) -> io::Result<()> {
        Ok(())
    }
}

struct Bench {
    backend: Arc<Gated>,
    journal: Journal,
    _writer: JournalWriter,
    one: Store<State>,
    two: Store<State>,
}

fn bench() -> Bench {
    let backend = Arc::new(Gated::default());
    let (journal, writer) = Journal::grouped(backend.clone()).unwrap();
    let store = |path: &str| Store::new(path, &journal, State::default());
    Bench { one: store("one"), two: store("two"), backend, _writer: writer, journal }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // The writer ends only when it may commit.
        self.backend.permit(1_000);
    }
}

fn put(store: &Store<State>, key: u32, value: u32) {
    store.update(|state| state.rows.insert(key, value));
}

async fn is_pending(future: impl Future) -> bool {
    let mut future = std::pin::pin!(future);
    poll_fn(|cx| std::task::Poll::Ready(future.as_mut().poll(cx).is_pending())).await
}

#[tokio::test]
async fn an_answer_waits_for_its_own_record_and_a_read_for_none() {
    let bench = bench();
    let ((), first) = bench.journal.recorded_now(|| put(&bench.one, 1, 1));
    let ((), second) = bench.journal.recorded_now(|| put(&bench.two, 1, 1));
    let (_, read) = bench.journal.recorded_now(|| bench.one.read(|state| state.rows.len()));
    assert!(first < second && read == 0);
    assert!(is_pending(bench.journal.durable(first)).await);
    bench.journal.durable(read).await.unwrap();
    bench.backend.permit(2);
    bench.journal.durable(second).await.unwrap();
    bench.journal.durable(first).await.unwrap();
    bench.journal.synced().await.unwrap();
}

#[tokio::test]
async fn a_write_that_changes_nothing_waits_for_what_it_saw() {
    let bench = bench();
    let ((), first) = bench.journal.recorded_now(|| put(&bench.one, 1, 1));
    put(&bench.two, 1, 1);
    let (_, seen) = bench.journal.recorded_now(|| bench.one.update(|state| state.rows.contains(&1)));
    assert_eq!(seen, first);
}

#[tokio::test]
async fn what_is_written_between_two_waits_becomes_durable_together() {
    let bench = bench();
    let ((), last) = bench.journal.recorded_now(|| {
        put(&bench.one, 1, 1);
        // The writer has all the time to take the first record alone.
        bench.backend.permit(1);
        std::thread::yield_now();
        put(&bench.two, 1, 1);
        let (_, inner) = bench.journal.recorded_now(|| put(&bench.one, 2, 2));
        assert!(inner > 0);
    });
    bench.journal.durable(last).await.unwrap();
    let commits = bench.backend.commits.lock();
    assert_eq!(commits.iter().map(Vec::len).collect::<Vec<_>>(), [3]);
}

#[tokio::test]
async fn a_future_is_recorded_over_its_waits() {
    let bench = bench();
    bench.backend.permit(10);
    let future = Box::pin(async {
        put(&bench.one, 1, 1);
        tokio::task::yield_now().await;
        put(&bench.two, 1, 1);
        "done"
    });
    let (output, last) = bench.journal.recorded(future).await;
    assert_eq!((output, last), ("done", 2));
}

#[tokio::test]
async fn an_action_is_done_after_the_records_before_it() {
    let bench = bench();
    let done = Arc::new(AtomicBool::new(false));
    put(&bench.one, 1, 1);
    bench.journal.after({
        let done = done.clone();
        move || done.store(true, Ordering::Release)
    });
    put(&bench.one, 2, 2);
    assert!(!done.load(Ordering::Acquire));
    bench.backend.permit(10);
    bench.journal.synced().await.unwrap();
    // The record after it may be in the same group.
    let ((), next) = bench.journal.recorded_now(|| put(&bench.one, 3, 3));
    bench.journal.durable(next).await.unwrap();
    assert!(done.load(Ordering::Acquire));
}

#[tokio::test]
async fn after_a_failure_nothing_is_promised_and_nothing_is_stored() {
    let bench = bench();
    bench.backend.permit(1);
    let ((), good) = bench.journal.recorded_now(|| put(&bench.one, 1, 1));
    bench.journal.durable(good).await.unwrap();
    assert!(is_pending(bench.journal.failed()).await);
    bench.backend.is_broken.store(true, Ordering::Release);
    let removed = Arc::new(AtomicBool::new(false));
    let ((), bad) = bench.journal.recorded_now(|| put(&bench.one, 2, 2));
    bench.journal.after({
        let removed = removed.clone();
        move || removed.store(true, Ordering::Release)
    });
    bench.backend.permit(1_000);
    assert_eq!(bench.journal.durable(bad).await.unwrap_err().to_string(), "the disk is full");
    assert_eq!(&*bench.journal.failed().await, "the disk is full");
    bench.backend.is_broken.store(false, Ordering::Release);
    let ((), later) = bench.journal.recorded_now(|| put(&bench.one, 3, 3));
    bench.journal.durable(later).await.unwrap_err();
    bench.journal.durable(good).await.unwrap();
    assert_eq!(bench.backend.commits.lock().len(), 1);
    assert!(!removed.load(Ordering::Acquire));
}

#[test]
fn the_end_commits_what_is_queued() {
    let backend = Arc::new(Gated::default());
    let (journal, writer) = Journal::grouped(backend.clone()).unwrap();
    let store = Store::new("one", &journal, State::default());
    (0..100).for_each(|key| put(&store, key, key));
    backend.permit(1_000);
    drop(writer);
    assert_eq!(backend.commits.lock().iter().map(Vec::len).sum::<usize>(), 100);
    // Nobody waits for what comes later, and it takes no memory.
    put(&store, 1, 2);
}

#[test]
fn writers_of_many_threads_agree_with_the_order_of_their_stores() {
    let backend = InMemory::new();
    let (journal, writer) = Journal::grouped(backend.clone()).unwrap();
    let stores = [Store::new("one", &journal, State::default()), Store::new("two", &journal, State::default())];
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (journal, stores) = (&journal, &stores);
            scope.spawn(move || {
                for round in 0..500 {
                    journal.recorded_now(|| {
                        put(&stores[(thread + round) as usize % 2], round % 7, thread * 1_000 + round);
                        put(&stores[(thread + round + 1) as usize % 2], round % 7, thread * 1_000 + round);
                    });
                }
            });
        }
    });
    drop(writer);
    for (store, path) in stores.iter().zip(["one", "two"]) {
        let again = Store::new(path, &Journal::off(), State::default());
        let records: Vec<_> = backend.records().into_iter().filter(|record| *record.store == *path).collect();
        crate::replay(&[&again], &records).unwrap();
        assert!(again.read(|state| store.read(|before| before.rows == state.rows)));
    }
}
