//! Bytes that are loaded as a snapshot, and records in them that are put into tables.
#![no_main]

use cloudlet_store::{Journal, Persistent, Record, SnapshotDecoder, SnapshotPart, Store, StoreMap, Table, tables};
use libfuzzer_sys::fuzz_target;

#[derive(Default)]
struct Tables {
    numbers: Table<u32, Option<String>>,
    texts: Table<(String, i64), Vec<u8>>,
}
tables!(Tables { numbers, texts });

fn put(record: &Record) {
    let (store, stores) = (Store::new("store", &Journal::off(), Tables::default()), StoreMap::<String, Tables>::new("stores", &Journal::off()));
    for persistent in [&store as &dyn Persistent, &stores] {
        let records = [record.clone()];
        let fits = persistent.check(&records).is_ok();
        let replaced = persistent.replace(&records, &|_| true).is_ok();
        assert_eq!(fits, replaced);
        let _ = persistent.apply(record);
        persistent.finish_recovery();
    }
}

fuzz_target!(|data: &[u8]| {
    if let Ok(record) = serde_json::from_slice::<Record>(data) {
        put(&record);
    }
    let mut decoder = SnapshotDecoder::default();
    let mut length = 0;
    for piece in data.chunks(61) {
        decoder.push(piece);
        loop {
            match decoder.next_part() {
                Ok(None) => break,
                Ok(Some(SnapshotPart::Record(record))) => put(&record),
                Ok(Some(SnapshotPart::BodyBytes(bytes))) => length += bytes.len(),
                Ok(Some(_)) => {}
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    return;
                }
            }
        }
    }
    assert!(length <= data.len());
    let _ = decoder.finish();
});
