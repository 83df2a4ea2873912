use crate::database::stored;
use crate::*;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, panic::AssertUnwindSafe, sync::Arc};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Message {
    body: String,
    due: u32,
}

#[derive(Default, Debug, PartialEq, Clone)]
struct State {
    messages: Table<(String, u64), Message>,
    names: Table<String, ()>,
    by_due: Table<(u32, (String, u64)), ()>,
    bell: Arc<u8>,
}
tables!(State { messages, names } indexes(State::reindex) { by_due } transient { bell });

impl State {
    fn reindex(&mut self) {
        for (key, message) in &self.messages {
            self.by_due.insert((message.due, key.clone()), ());
        }
    }

    fn send(&mut self, queue: &str, id: u64, due: u32) {
        self.drop_message(queue, id);
        self.messages.insert((queue.into(), id), Message { body: format!("body {id}"), due });
        self.by_due.insert((due, (queue.into(), id)), ());
        self.names.insert(queue.into(), ());
    }

    fn drop_message(&mut self, queue: &str, id: u64) {
        if let Some(old) = self.messages.remove(&(queue.to_owned(), id)) {
            self.by_due.remove(&(old.due, (queue.to_owned(), id)));
        }
    }
}

fn journaled() -> (Arc<InMemory>, Store<State>) {
    let backend = InMemory::new();
    let store = Store::new("sqs", &Journal::to(backend.clone()), State::default());
    (backend, store)
}

#[test]
fn a_write_is_one_record_of_what_became_of_the_rows() {
    let (backend, store) = journaled();
    store.update(|state| state.send("q", 1, 9));
    let refused: Result<(), &str> = store.write(|state| {
        state.send("q", 2, 9);
        state.drop_message("q", 1);
        Err("no")
    });
    assert_eq!(refused, Err("no"));
    store.update(|state| state.drop_message("q", 1));
    store.update(|_| ());
    let lines: Vec<String> = backend.records().iter().map(|record| serde_json::to_string(record).unwrap()).collect();
    assert_eq!(
        lines,
        [
            r#"{"store":"sqs","rows":[{"table":"messages","key":["q",1],"row":{"body":"body 1","due":9}},{"table":"names","key":"q","row":null}]}"#,
            r#"{"store":"sqs","rows":[{"table":"messages","key":["q",1]}]}"#,
        ]
    );
    let again: Vec<Record> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(again, backend.records(), "a row of a set is not taken for a removed one");
}

#[test]
fn a_panic_in_a_write_leaves_no_trace_and_the_store_lives_on() {
    let (backend, store) = journaled();
    store.update(|state| state.send("q", 1, 1));
    let before = store.read(State::clone);
    let panicked = std::panic::catch_unwind(AssertUnwindSafe(|| {
        store.update(|state| {
            state.send("q", 2, 2);
            state.drop_message("q", 1);
            state.names.retain(|_, ()| panic!("a bug"));
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(store.read(State::clone), before);
    assert_eq!(backend.records().len(), 1);
    store.update(|state| state.send("q", 3, 3));
    assert_eq!(store.read(|state| state.messages.len()), 2);
}

#[test]
fn a_row_that_is_no_json_undoes_its_write() {
    #[derive(Default)]
    struct BadKeys {
        rows: Table<u8, BTreeMap<(u8, u8), u8>>,
    }
    tables!(BadKeys { rows });
    let store = Store::new("odd", &Journal::to(InMemory::new()), BadKeys::default());
    let panicked = std::panic::catch_unwind(AssertUnwindSafe(|| store.update(|odd| odd.rows.insert(1, [((1, 2), 3)].into()))));
    assert!(panicked.is_err());
    assert!(store.read(|odd| odd.rows.is_empty()));
}

#[test]
fn without_a_journal_nothing_is_serialized() {
    #[derive(Clone, Deserialize)]
    struct Mute;
    impl Serialize for Mute {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("serialized")
        }
    }
    #[derive(Default)]
    struct Quiet {
        rows: Table<u8, Mute>,
    }
    tables!(Quiet { rows });
    let store = Store::new("quiet", &Journal::off(), Quiet::default());
    store.update(|quiet| quiet.rows.insert(1, Mute));
    assert_eq!(store.read(|quiet| quiet.rows.len()), 1);
}

#[test]
fn rows_are_shown_page_by_page() {
    let (_, store) = journaled();
    store.update(|state| (0..5).for_each(|id| state.send("q", id, 0)));
    let listings = store.listings();
    assert_eq!(listings.iter().map(|listing| (listing.table, listing.rows)).collect::<Vec<_>>(), [("messages", 5), ("names", 1)]);
    let mut seen = vec![];
    let mut after = None;
    loop {
        let page = store.page(None, "messages", after.as_ref(), 2).unwrap();
        assert!(page.rows.len() <= 2);
        seen.extend(page.rows.into_iter().map(|(key, _)| key.text().to_owned()));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, [r#"["q",0]"#, r#"["q",1]"#, r#"["q",2]"#, r#"["q",3]"#, r#"["q",4]"#]);
    assert!(matches!(store.page(None, "by_due", None, 2), Err(Unreadable::NoSuchTable { .. })), "an index is not shown");
    assert!(matches!(store.page(None, "messages", Some(&Json::of(&7).unwrap()), 2), Err(Unreadable::Page { .. })));
    assert!(matches!(store.page(Some(&Json::of(&7).unwrap()), "messages", None, 2), Err(Unreadable::NoSuchStore { .. })));
}

#[test]
fn after_a_reset_a_store_is_as_new_and_the_journal_knows_it() {
    let (backend, store) = journaled();
    store.update(|state| state.send("q", 1, 1));
    store.reset();
    assert_eq!(store.read(State::clone), State::default());
    let again = Store::new("sqs", &Journal::off(), State::default());
    replay(&[&again], &backend.records()).unwrap();
    assert_eq!(again.read(State::clone), State::default());
    assert_eq!(stored(&backend.records()), []);
}

#[test]
fn a_snapshot_is_every_row_in_bearable_pieces() {
    let (_, store) = journaled();
    store.update(|state| (0..2500).for_each(|id| state.send("q", id, id as u32 % 7)));
    let mut records = vec![];
    store.snapshot(&mut |record| records.push(record));
    assert_eq!(records.iter().map(|record| record.rows.len()).collect::<Vec<_>>(), [1000, 1000, 500, 1]);
    let again = Store::new("sqs", &Journal::off(), State::default());
    replay(&[&again], &records).unwrap();
    assert_eq!(again.read(State::clone), store.read(State::clone));
}

#[test]
fn a_record_that_does_not_fit_changes_nothing() {
    let (_, store) = journaled();
    store.update(|state| state.send("q", 1, 1));
    let before = store.read(State::clone);
    for line in [
        r#"{"store":"sqs","rows":[{"table":"names","key":"x","row":null},{"table":"messages","key":["q",2],"row":{"due":1}}]}"#,
        r#"{"store":"sqs","rows":[{"table":"names","key":"x","row":null},{"table":"topics","key":"t","row":1}]}"#,
        r#"{"store":"sqs","instance":"q","rows":[{"table":"names","key":"x","row":null}]}"#,
        r#"{"store":"sns","rows":[]}"#,
    ] {
        let record: Record = serde_json::from_str(line).unwrap();
        replay(&[&store], [&record]).unwrap_err();
        assert_eq!(store.read(State::clone), before);
    }
}

#[derive(Clone, Debug)]
enum Act {
    Send(u8, u64, u32),
    Drop(u8, u64),
    Purge,
}

fn writes() -> impl Strategy<Value = Vec<(Vec<Act>, bool)>> {
    let act = prop_oneof![
        8 => (0..3u8, 0..8u64, 0..4u32).prop_map(|(queue, id, due)| Act::Send(queue, id, due)),
        4 => (0..3u8, 0..8u64).prop_map(|(queue, id)| Act::Drop(queue, id)),
        1 => Just(Act::Purge),
    ];
    prop::collection::vec((prop::collection::vec(act, 0..12), prop::bool::weighted(0.7)), 0..12)
}

fn act(state: &mut State, acts: &[Act]) {
    for act in acts {
        match act {
            Act::Send(queue, id, due) => state.send(&queue.to_string(), *id, *due),
            Act::Drop(queue, id) => state.drop_message(&queue.to_string(), *id),
            Act::Purge => {
                state.messages.clear();
                state.by_due.clear();
            }
        }
    }
}

proptest! {
    #[test]
    fn refused_writes_leave_no_trace_and_the_journal_brings_back_the_rest(writes in writes()) {
        let (backend, store) = journaled();
        for (acts, good) in &writes {
            let before = store.read(State::clone);
            let outcome = store.write(|state| { act(state, acts); if *good { Ok(()) } else { Err(()) } });
            prop_assert_eq!(outcome.is_ok(), *good);
            if !good {
                prop_assert_eq!(store.read(State::clone), before);
            }
        }
        for records in [backend.records(), stored(&backend.records())] {
            let again = Store::new("sqs", &Journal::off(), State::default());
            replay(&[&again], &records).unwrap();
            prop_assert_eq!(again.read(State::clone), store.read(State::clone));
        }
    }
}
