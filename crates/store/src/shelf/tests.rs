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

fn journaled() -> (Arc<InMemory>, Shelf<String, Bucket>) {
    let keeper = InMemory::new();
    let shelf = Shelf::new("s3/buckets", &Journal::to(keeper.clone()));
    (keeper, shelf)
}

fn content(shelf: &Shelf<String, Bucket>) -> Vec<(String, Option<Bucket>)> {
    shelf.all().into_iter().map(|(key, store)| (key, store.read(Bucket::clone))).collect()
}

fn remove_if_empty(shelf: &Shelf<String, Bucket>, key: &str) -> Option<Result<(), &'static str>> {
    shelf.remove_if(key, |bucket| if bucket.objects.is_empty() { Ok(()) } else { Err("BucketNotEmpty") })
}

#[test]
fn a_key_is_taken_once() {
    let (_, shelf) = journaled();
    let first = shelf.create("a".into(), with(&[("x", 1)])).unwrap();
    let present = shelf.create("a".into(), Bucket::default()).unwrap_err();
    assert!(Arc::ptr_eq(&first, &present));
    assert_eq!(shelf.read("a", |bucket| bucket.objects.len()), Some(1));
    assert_eq!(shelf.read("b", |_| ()), None);
}

#[test]
fn who_holds_a_removed_store_is_told_so() {
    let (keeper, shelf) = journaled();
    let held = shelf.create("a".into(), Bucket::default()).unwrap();
    assert!(shelf.remove("a"));
    assert!(!shelf.remove("a"));
    assert!(held.is_retired());
    assert_eq!(held.read(|_| ()), None);
    assert_eq!(held.update(|bucket| bucket.objects.insert("x".into(), 1)), None);
    assert_eq!(held.write(|_| Err::<(), ()>(())), None);
    let next = shelf.create("a".into(), Bucket::default()).unwrap();
    assert_eq!(next.read(|bucket| bucket.objects.len()), Some(0), "the new one is another");
    assert_eq!(
        keeper.records().iter().map(|record| record.fate).collect::<Vec<_>>(),
        [Some(Fate::Created), Some(Fate::Removed), Some(Fate::Created)]
    );
}

#[test]
fn a_store_that_refuses_stays() {
    let (keeper, shelf) = journaled();
    shelf.create("a".into(), with(&[("x", 1)])).unwrap();
    assert_eq!(remove_if_empty(&shelf, "a"), Some(Err("BucketNotEmpty")));
    shelf.update("a", |bucket| bucket.objects.remove("x"));
    assert_eq!(remove_if_empty(&shelf, "a"), Some(Ok(())));
    assert_eq!(remove_if_empty(&shelf, "a"), None);
    assert_eq!(keeper.records().len(), 3);
}

#[test]
fn stores_come_in_the_order_of_their_keys() {
    let (_, shelf) = journaled();
    for key in ["c", "a", "b", "d"] {
        shelf.create(key.into(), Bucket::default()).unwrap();
    }
    let keys = |stores: Vec<(String, _)>| stores.into_iter().map(|(key, _): (String, Arc<Shelved<Bucket>>)| key).collect::<Vec<_>>();
    assert_eq!(keys(shelf.range::<str>((Bound::Excluded("a"), Bound::Unbounded), 2)), ["b", "c"]);
    assert_eq!(keys(shelf.range::<str>((Bound::Excluded("d"), Bound::Included("a")), 2)), Vec::<String>::new());
    assert_eq!(keys(shelf.all()), ["a", "b", "c", "d"]);
}

#[test]
fn the_journal_brings_back_what_stands_on_the_shelf() {
    let (keeper, shelf) = journaled();
    shelf.create("a".into(), with(&[("x", 1), ("y", 2)])).unwrap();
    shelf.create("b".into(), Bucket::default()).unwrap();
    shelf.create("c".into(), with(&[("z", 3)])).unwrap();
    shelf.update("a", |bucket| bucket.objects.remove("x"));
    shelf.remove("c");
    shelf.create("c".into(), with(&[("new", 4)])).unwrap();
    let mut scanned = vec![];
    keeper.scan(&mut |record| scanned.push(record)).unwrap();
    let mut snapshot = vec![];
    shelf.snapshot(&mut |record| snapshot.push(record));
    for records in [keeper.records(), scanned, snapshot] {
        let again = Shelf::new("s3/buckets", &Journal::off());
        replay(&[&again], &records).unwrap();
        assert_eq!(content(&again), content(&shelf));
    }
}

#[test]
fn a_row_of_an_unknown_store_is_refused() {
    let (_, shelf) = journaled();
    for line in [
        r#"{"store":"s3/buckets","of":"a","rows":[{"table":"objects","key":"x","row":1}]}"#,
        r#"{"store":"s3/buckets","of":7,"fate":"created"}"#,
        r#"{"store":"s3/buckets","rows":[{"table":"objects","key":"x","row":1}]}"#,
    ] {
        let record: Record = serde_json::from_str(line).unwrap();
        replay(&[&shelf], [&record]).unwrap_err();
    }
    assert!(shelf.is_empty());
}

#[test]
fn each_store_of_a_shelf_is_shown() {
    let (_, shelf) = journaled();
    shelf.create("a".into(), with(&[("x", 1), ("y", 2)])).unwrap();
    shelf.create("b".into(), Bucket::default()).unwrap();
    let listings = serde_json::to_string(&shelf.listings()).unwrap();
    assert_eq!(
        listings,
        r#"[{"store":"s3/buckets","of":"a","table":"objects","rows":2},{"store":"s3/buckets","of":"b","table":"objects","rows":0}]"#
    );
    let page = shelf.page(Some(&Json::of(&"a").unwrap()), "objects", None, 1).unwrap();
    assert_eq!(serde_json::to_string(&page).unwrap(), r#"{"rows":[["x",1]],"next":"x"}"#);
    assert!(shelf.page(Some(&Json::of(&"z").unwrap()), "objects", None, 1).is_err());
}

#[test]
fn a_reset_clears_the_shelf() {
    let (keeper, shelf) = journaled();
    shelf.create("a".into(), with(&[("x", 1)])).unwrap();
    let held = shelf.get("a").unwrap();
    shelf.reset();
    assert!(shelf.is_empty() && held.is_retired());
    keeper.scan(&mut |record| panic!("{record:?} is left")).unwrap();
}

#[test]
fn creators_and_removers_of_one_key_agree_with_the_journal() {
    let (keeper, shelf) = journaled();
    std::thread::scope(|scope| {
        for thread in 0..4u64 {
            let shelf = &shelf;
            scope.spawn(move || {
                for round in 0..200 {
                    match (thread + round) % 3 {
                        0 => drop(shelf.create("a".into(), Bucket::default())),
                        1 => drop(shelf.update("a", |bucket| bucket.objects.insert(round.to_string(), thread))),
                        _ => drop(shelf.remove("a")),
                    }
                }
            });
        }
    });
    let again = Shelf::new("s3/buckets", &Journal::off());
    replay(&[&again], &keeper.records()).unwrap();
    assert_eq!(content(&again), content(&shelf));
}
