use crate::database::stored;
use crate::*;
use std::{ops::Bound, sync::Arc};

#[derive(Default, Debug, PartialEq, Clone)]
struct Bucket {
    objects: Table<String, u64>,
}
tables!(Bucket { objects });

fn with(objects: &[(&str, u64)]) -> Bucket {
    let mut bucket = Bucket::default();
    for (key, size) in objects {
        bucket.objects.insert((*key).into(), *size);
    }
    bucket
}

fn journaled() -> (Arc<InMemory>, StoreMap<String, Bucket>) {
    let backend = InMemory::new();
    let store_map = StoreMap::new("s3/buckets", &Journal::to(backend.clone()));
    (backend, store_map)
}

fn content(store_map: &StoreMap<String, Bucket>) -> Vec<(String, Option<Bucket>)> {
    store_map.all().into_iter().map(|(key, store)| (key, store.read(Bucket::clone))).collect()
}

fn remove_if_empty(store_map: &StoreMap<String, Bucket>, key: &str) -> Option<Result<(), &'static str>> {
    store_map.remove_if(key, |bucket| if bucket.objects.is_empty() { Ok(()) } else { Err("BucketNotEmpty") })
}

#[test]
fn a_key_is_taken_once() {
    let (_, store_map) = journaled();
    let first = store_map.create("a".into(), with(&[("x", 1)])).unwrap();
    let present = store_map.create("a".into(), Bucket::default()).unwrap_err();
    assert!(Arc::ptr_eq(&first, &present));
    assert_eq!(store_map.read("a", |bucket| bucket.objects.len()), Some(1));
    assert_eq!(store_map.read("b", |_| ()), None);
}

#[test]
fn who_holds_a_removed_store_is_told_so() {
    let (backend, store_map) = journaled();
    let held = store_map.create("a".into(), Bucket::default()).unwrap();
    assert!(store_map.remove("a"));
    assert!(!store_map.remove("a"));
    assert!(held.is_retired());
    assert_eq!(held.read(|_| ()), None);
    assert_eq!(held.update(|bucket| bucket.objects.insert("x".into(), 1)), None);
    assert_eq!(held.write(|_| Err::<(), ()>(())), None);
    let next = store_map.create("a".into(), Bucket::default()).unwrap();
    assert_eq!(next.read(|bucket| bucket.objects.len()), Some(0), "the new one is another");
    assert_eq!(
        backend.records().iter().map(|record| record.event).collect::<Vec<_>>(),
        [Some(StoreEvent::Created), Some(StoreEvent::Removed), Some(StoreEvent::Created)]
    );
}

#[test]
fn a_store_that_refuses_stays() {
    let (backend, store_map) = journaled();
    store_map.create("a".into(), with(&[("x", 1)])).unwrap();
    assert_eq!(remove_if_empty(&store_map, "a"), Some(Err("BucketNotEmpty")));
    store_map.update("a", |bucket| bucket.objects.remove("x"));
    assert_eq!(remove_if_empty(&store_map, "a"), Some(Ok(())));
    assert_eq!(remove_if_empty(&store_map, "a"), None);
    assert_eq!(backend.records().len(), 3);
}

#[test]
fn stores_come_in_the_order_of_their_keys() {
    let (_, store_map) = journaled();
    for key in ["c", "a", "b", "d"] {
        store_map.create(key.into(), Bucket::default()).unwrap();
    }
    let keys = |stores: Vec<(String, _)>| stores.into_iter().map(|(key, _): (String, Arc<MappedStore<Bucket>>)| key).collect::<Vec<_>>();
    assert_eq!(keys(store_map.range::<str>((Bound::Excluded("a"), Bound::Unbounded), 2)), ["b", "c"]);
    assert_eq!(keys(store_map.range::<str>((Bound::Excluded("d"), Bound::Included("a")), 2)), Vec::<String>::new());
    assert_eq!(keys(store_map.all()), ["a", "b", "c", "d"]);
}

#[test]
fn the_journal_restores_every_store() {
    let (backend, store_map) = journaled();
    store_map.create("a".into(), with(&[("x", 1), ("y", 2)])).unwrap();
    store_map.create("b".into(), Bucket::default()).unwrap();
    store_map.create("c".into(), with(&[("z", 3)])).unwrap();
    store_map.update("a", |bucket| bucket.objects.remove("x"));
    store_map.remove("c");
    store_map.create("c".into(), with(&[("new", 4)])).unwrap();
    let scanned = stored(&backend.records());
    let mut snapshot = vec![];
    store_map.snapshot(&mut |record| snapshot.push(record));
    for records in [backend.records(), scanned, snapshot] {
        let again = StoreMap::new("s3/buckets", &Journal::off());
        replay(&[&again], &records).unwrap();
        assert_eq!(content(&again), content(&store_map));
    }
}

#[test]
fn a_row_of_an_unknown_store_is_refused() {
    let (_, store_map) = journaled();
    for line in [
        r#"{"store":"s3/buckets","instance":"a","rows":[{"table":"objects","key":"x","row":1}]}"#,
        r#"{"store":"s3/buckets","instance":7,"event":"created"}"#,
        r#"{"store":"s3/buckets","rows":[{"table":"objects","key":"x","row":1}]}"#,
    ] {
        let record: Record = serde_json::from_str(line).unwrap();
        replay(&[&store_map], [&record]).unwrap_err();
    }
    assert!(store_map.is_empty());
}

#[test]
fn each_store_is_listed() {
    let (_, store_map) = journaled();
    store_map.create("a".into(), with(&[("x", 1), ("y", 2)])).unwrap();
    store_map.create("b".into(), Bucket::default()).unwrap();
    let listings = serde_json::to_string(&store_map.listings()).unwrap();
    assert_eq!(
        listings,
        r#"[{"store":"s3/buckets","instance":"a","table":"objects","rows":2},{"store":"s3/buckets","instance":"b","table":"objects","rows":0}]"#
    );
    let page = store_map.page(Some(&Json::of(&"a").unwrap()), "objects", None, 1).unwrap();
    assert_eq!(serde_json::to_string(&page).unwrap(), r#"{"rows":[["x",1]],"next":"x"}"#);
    assert!(store_map.page(Some(&Json::of(&"z").unwrap()), "objects", None, 1).is_err());
}

#[test]
fn a_reset_removes_every_store() {
    let (backend, store_map) = journaled();
    store_map.create("a".into(), with(&[("x", 1)])).unwrap();
    let held = store_map.get("a").unwrap();
    store_map.reset();
    assert!(store_map.is_empty() && held.is_retired());
    assert_eq!(stored(&backend.records()), []);
}

#[test]
fn creators_and_removers_of_one_key_agree_with_the_journal() {
    let (backend, store_map) = journaled();
    std::thread::scope(|scope| {
        for thread in 0..4u64 {
            let store_map = &store_map;
            scope.spawn(move || {
                for round in 0..200 {
                    match (thread + round) % 3 {
                        0 => drop(store_map.create("a".into(), Bucket::default())),
                        1 => drop(store_map.update("a", |bucket| bucket.objects.insert(round.to_string(), thread))),
                        _ => drop(store_map.remove("a")),
                    }
                }
            });
        }
    });
    let again = StoreMap::new("s3/buckets", &Journal::off());
    replay(&[&again], &backend.records()).unwrap();
    assert_eq!(content(&again), content(&store_map));
}
