use super::*;
use crate::{Persistent, Store, StoreMap, Table, replay, tables};
use proptest::prelude::*;
use redb::backends::InMemoryBackend;
use std::sync::atomic::{AtomicBool, AtomicUsize};

pub(super) fn loaded(database: &Database) -> io::Result<Vec<Record>> {
    let mut records = vec![];
    database.load(&mut |record| {
        records.push(record);
        Ok(())
    })?;
    Ok(records)
}

/// A file in memory, which others may look at and change. It may fail, and lose what was not synced.
#[derive(Clone, Debug, Default)]
struct TestFile(Arc<TestFileState>);

#[derive(Debug, Default)]
struct TestFileState {
    now: Mutex<Vec<u8>>,
    synced: Mutex<Vec<u8>>,
    /// Calls that still succeed, once it is armed.
    left: AtomicUsize,
    is_armed: AtomicBool,
}

impl TestFile {
    fn with(bytes: Vec<u8>) -> TestFile {
        let file = TestFile::default();
        *file.0.now.lock() = bytes.clone();
        *file.0.synced.lock() = bytes;
        file
    }

    fn fail_after(&self, calls: usize) {
        self.0.left.store(calls, Ordering::SeqCst);
        self.0.is_armed.store(true, Ordering::SeqCst);
    }

    /// Whether this call is one of those that fail.
    fn fails(&self) -> bool {
        let left = self.0.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        self.0.is_armed.load(Ordering::SeqCst) && left.is_err()
    }

    fn checked(&self) -> io::Result<()> {
        if self.fails() { Err(io::Error::from(io::ErrorKind::StorageFull)) } else { Ok(()) }
    }

    /// The file after a loss of power: what was synced, and the writes since then or not.
    fn after_power_loss(&self) -> TestFile {
        TestFile::with(self.0.synced.lock().clone())
    }

    fn after_kill(&self) -> TestFile {
        TestFile::with(self.0.now.lock().clone())
    }
}

impl StorageBackend for TestFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.now.lock().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let bytes = self.0.now.lock();
        let found = bytes.get(offset as usize..offset as usize + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.checked()?;
        self.0.now.lock().resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.checked()?;
        let now = self.0.now.lock().clone();
        *self.0.synced.lock() = now;
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut bytes = self.0.now.lock();
        // A write that fails may have been done in part.
        let length = if self.fails() { data.len() / 2 } else { data.len() };
        bytes[offset as usize..offset as usize + length].copy_from_slice(&data[..length]);
        if length < data.len() { Err(io::Error::from(io::ErrorKind::StorageFull)) } else { Ok(()) }
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Queue {
    messages: Table<u32, String>,
}
tables!(Queue { messages });

/// A store and a map of stores, on a database.
struct Bench {
    file: TestFile,
    database: Database,
}

const KEY: [u8; 32] = [9; 32];

fn key() -> MasterKey {
    MasterKey::new(KEY)
}

impl Bench {
    fn new(file: TestFile) -> Bench {
        Bench { database: Database::open(file.clone(), Some(&key())).unwrap(), file }
    }
}

#[derive(Clone, Debug)]
enum Act {
    Create(u8),
    Remove(u8),
    Put(u8, u32, String),
    Take(u8, u32),
    Note(u32, String),
    Reset,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        3 => (0..4u8).prop_map(Act::Create),
        1 => (0..4u8).prop_map(Act::Remove),
        8 => (0..4u8, 0..20u32, "[a-z]{0,40}").prop_map(|(queue, key, text)| Act::Put(queue, key, text)),
        4 => (0..4u8, 0..20u32).prop_map(|(queue, key)| Act::Take(queue, key)),
        4 => (0..20u32, "[a-z]{0,40}").prop_map(|(key, text)| Act::Note(key, text)),
        1 => Just(Act::Reset),
    ];
    prop::collection::vec(act, 0..40)
}

/// The records of each act.
fn records(acts: &[Act]) -> Vec<Vec<Record>> {
    let memory = crate::InMemory::new();
    let journal = crate::Journal::to(memory.clone());
    let (store, queues) = (Store::new("notes", &journal, Queue::default()), StoreMap::<u8, Queue>::new("queues", &journal));
    let mut seen = 0;
    let mut groups = vec![];
    for act in acts {
        match act.clone() {
            Act::Create(queue) => drop(queues.create(queue, Queue::default())),
            Act::Remove(queue) => drop(queues.remove(&queue)),
            Act::Put(queue, key, text) => drop(queues.update(&queue, |queue| queue.messages.insert(key, text))),
            Act::Take(queue, key) => drop(queues.update(&queue, |queue| queue.messages.remove(&key))),
            Act::Note(key, text) => store.update(|queue| queue.messages.insert(key, text)),
            Act::Reset => {
                store.reset();
                queues.reset();
            }
        }
        let records = memory.records();
        groups.push(records[seen..].to_vec());
        seen = records.len();
    }
    groups
}

/// All rows, in the order of their names.
fn content(records: &[Record]) -> Vec<Record> {
    let (store, queues) =
        (Store::new("notes", &crate::Journal::off(), Queue::default()), StoreMap::<u8, Queue>::new("queues", &crate::Journal::off()));
    replay(&[&store, &queues], records).unwrap();
    let mut rows = vec![];
    store.snapshot(&mut |record| rows.push(record));
    queues.snapshot(&mut |record| rows.push(record));
    rows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn what_is_loaded_is_what_was_committed(acts in acts()) {
        let bench = Bench::new(TestFile::default());
        let groups = records(&acts);
        for group in &groups {
            bench.database.commit(group).unwrap();
        }
        let expected = content(&groups.concat());
        prop_assert_eq!(content(&loaded(&bench.database).unwrap()), expected.clone());
        let Bench { file, database } = bench;
        drop(database);
        let again = Bench::new(file.after_kill());
        prop_assert_eq!(again.database.starts(), 2);
        prop_assert_eq!(content(&loaded(&again.database).unwrap()), expected);
    }

    #[test]
    fn a_kill_or_a_loss_of_power_loses_nothing_committed_and_leaves_nothing_half(acts in acts(), calls in 0..60usize) {
        let bench = Bench::new(TestFile::default());
        let groups = records(&acts);
        bench.file.fail_after(calls);
        let committed = groups.iter().take_while(|group| bench.database.commit(group).is_ok()).count();
        if committed < groups.len() {
            prop_assert!(bench.database.commit(&[]).is_err(), "a disk that failed once is not trusted again");
        }
        for file in [bench.file.after_kill(), bench.file.after_power_loss()] {
            let found = content(&loaded(&Bench::new(file).database).unwrap());
            // The group that was not acknowledged is there as a whole, or not at all.
            let possible = [committed, (committed + 1).min(groups.len())].map(|count| content(&groups[..count].concat()));
            prop_assert!(possible.contains(&found));
        }
    }
}

#[test]
fn a_file_tells_nothing_without_its_key() {
    let bench = Bench::new(TestFile::default());
    let record = r#"{"store":"accesskeys","rows":[{"table":"secrettable","key":"AKIAIOSFODNN7EXAMPLE","row":"wJalrXUtnFEMI"}]}"#;
    bench.database.commit(&[serde_json::from_str(record).unwrap()]).unwrap();
    let bytes = bench.file.0.now.lock().clone();
    for secret in ["accesskeys", "secrettable", "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI"] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
    }
    drop(bench.database);
    let opened = |key: Option<&MasterKey>| Database::open(bench.file.after_kill(), key).unwrap_err().to_string();
    assert_eq!(opened(Some(&MasterKey::new([1; 32]))), "it was written with another key file");
    assert!(opened(None).starts_with("it is encrypted"));
}

#[test]
fn without_encryption_a_file_is_opened_without() {
    let file = TestFile::default();
    let record: Record = serde_json::from_str(r#"{"store":"s","rows":[{"table":"t","key":1,"row":null}]}"#).unwrap();
    Database::open(file.clone(), None).unwrap().commit(std::slice::from_ref(&record)).unwrap();
    assert!(Database::open(file.after_kill(), Some(&key())).unwrap_err().to_string().starts_with("it is not encrypted"));
    assert_eq!(loaded(&Database::open(file.after_kill(), None).unwrap()).unwrap(), [record]);
}

#[test]
fn another_format_is_refused_with_a_sentence() {
    for format in [FORMAT - 1, FORMAT + 1] {
        let file = TestFile::default();
        drop(Database::open(file.clone(), None).unwrap());
        let raw = redb::Database::builder().create_with_backend(file.clone()).unwrap();
        let transaction = raw.begin_write().unwrap();
        transaction.open_table(META).unwrap().insert("format", format.to_be_bytes().as_slice()).unwrap();
        transaction.commit().unwrap();
        drop(raw);
        let error = Database::open(file.after_kill(), None).unwrap_err().to_string();
        assert_eq!(error, format!("it has format {format}, and this Cloudlet reads format {FORMAT}: use the version that wrote it"));
    }
}

#[test]
fn rows_are_written_only_where_it_is_known_what_lies_there() {
    let file = TestFile::default();
    let record: Record = serde_json::from_str(r#"{"store":"s","rows":[{"table":"t","key":1,"row":null}]}"#).unwrap();
    Database::open(file.clone(), None).unwrap().commit(std::slice::from_ref(&record)).unwrap();
    let again = Database::open(file.after_kill(), None).unwrap();
    assert_eq!(again.commit(std::slice::from_ref(&record)).unwrap_err().to_string(), "its rows were not loaded");
    assert_eq!(loaded(&again).unwrap(), std::slice::from_ref(&record));
    again.commit(std::slice::from_ref(&record)).unwrap();
    assert_eq!(loaded(&again).unwrap(), [record]);
}

#[test]
fn a_file_whose_bytes_were_changed_is_refused_or_whole() {
    let bench = Bench::new(TestFile::default());
    let groups = records(&(0..30).map(|key| Act::Note(key, "x".repeat(300))).collect::<Vec<_>>());
    bench.database.commit(&groups.concat()).unwrap();
    let expected = content(&loaded(&bench.database).unwrap());
    drop(bench.database);
    let bytes = bench.file.0.now.lock().clone();
    let mut refused = 0;
    for round in 0..150usize {
        let mut changed = bytes.clone();
        let index = round.wrapping_mul(0x9E37_79B9_7F4A_7C15) % changed.len();
        let end = changed.len().min(index + 1 + round % 64);
        changed[index..end].iter_mut().for_each(|byte| *byte ^= 0x55);
        match Database::open(TestFile::with(changed), Some(&key())).and_then(|database| loaded(&database)) {
            Ok(records) => assert_eq!(content(&records), expected),
            Err(error) => {
                refused += 1;
                assert!(!error.to_string().is_empty());
            }
        }
    }
    assert!(refused > 20, "{refused}");
    for length in [0, 1, 100, 4_096, bytes.len() / 2, bytes.len() - 1] {
        let cut = TestFile::with(bytes[..length].to_vec());
        // An empty file is a new one.
        let outcome = Database::open(cut, Some(&key())).and_then(|database| loaded(&database));
        assert!(if length == 0 { outcome.unwrap().is_empty() } else { outcome.is_err() }, "{length}");
    }
}

/// A change of these texts is a change of the format: it gets a new number, and the old one is still read or refused.
#[test]
fn entries_have_the_form_of_format_2() {
    let database = Database::open(InMemoryBackend::new(), Some(&key())).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!((hex(&store_place(3)).as_str(), hex(&row_place(258)).as_str()), ("730000000000000003", "720000000000000102"));
    database.sealed.store(5, Ordering::SeqCst);
    let sealed = database.seal(&row_place(258), br#"[3,"messages",7,{"body":"b"}]"#).unwrap();
    assert_eq!(hex(&sealed), "000000010000000000000005f79f3f64bdebe3e521c393fdc377b1845b1bc86d02c6f3f38cd1c528986c52f55ce84a2317d9933a3f1ab43697");
    assert_eq!(database.read::<RowEntry<'_>>(&row_place(258), &sealed).unwrap().2.text(), "7");

    let plain = Database::open(InMemoryBackend::new(), None).unwrap();
    let records = [
        r#"{"store":"kms/keys","rows":[{"table":"keys","key":"k","row":{"enabled":true}}]}"#,
        r#"{"store":"sqs/queues","instance":"q","event":"created","rows":[{"table":"messages","key":7,"row":{"body":"b"}}]}"#,
    ];
    plain.commit(&records.map(|text| serde_json::from_str(text).unwrap())).unwrap();
    let transaction = plain.file.begin_read().unwrap();
    let texts = |table: TableDefinition<'_, u64, &[u8]>| {
        let entries = transaction.open_table(table).unwrap();
        let text = |(number, value): (redb::AccessGuard<'_, u64>, redb::AccessGuard<'_, &[u8]>)| {
            (number.value(), String::from_utf8(value.value().to_vec()).unwrap())
        };
        entries.iter().unwrap().map(|entry| text(entry.unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(texts(STORES), [(0, r#"{"store":"kms/keys"}"#.into()), (1, r#"{"store":"sqs/queues","instance":"q"}"#.into())]);
    assert_eq!(texts(ROWS), [(0, r#"[0,"keys","k",{"enabled":true}]"#.into()), (1, r#"[1,"messages",7,{"body":"b"}]"#.into())]);
}
