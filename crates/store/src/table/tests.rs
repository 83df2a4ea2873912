use crate::{Json, Table, Undo};
use proptest::prelude::*;
use std::{collections::BTreeMap, ops::Bound};

#[test]
fn a_backward_range_is_empty() {
    let mut table: Table<u32, ()> = Table::new();
    table.insert(1, ());
    table.insert(2, ());
    assert_eq!(table.range((Bound::Excluded(2), Bound::Included(1))).count(), 0);
    assert_eq!(table.range((Bound::Excluded(1), Bound::Excluded(1))).count(), 0);
    assert_eq!(table.range((Bound::Excluded(1), Bound::Included(1))).count(), 0);
    assert_eq!(table.range(1..=2).count(), 2);
    assert_eq!(table.range::<u32, _>(..).count(), 2);
}

#[test]
fn a_row_is_cloned_for_the_log_once_in_a_write() {
    #[derive(Debug)]
    struct Counting(std::sync::Arc<std::sync::atomic::AtomicUsize>);
    impl Clone for Counting {
        fn clone(&self) -> Self {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Counting(self.0.clone())
        }
    }
    let clones = std::sync::Arc::default();
    let mut table = Table::new();
    table.insert(1, Counting(std::sync::Arc::clone(&clones)));
    table.insert(2, Counting(std::sync::Arc::clone(&clones)));
    table.commit();
    table.get_mut(&1);
    table.get_mut(&1);
    assert_eq!(clones.load(std::sync::atomic::Ordering::Relaxed), 1);
    table.clear();
    table.undo();
    assert_eq!((table.len(), clones.load(std::sync::atomic::Ordering::Relaxed)), (2, 1), "rows that leave are moved, not cloned");
}

#[test]
fn a_row_that_came_and_went_in_one_write_is_no_change() {
    use crate::AnyTable;
    let mut table: Table<u32, u32> = Table::new();
    table.insert(1, 1);
    table.remove(&1);
    table.insert(2, 2);
    let mut changes = vec![];
    table.changes(&mut |key, row| changes.push((key, row))).unwrap();
    assert_eq!(changes, [(Json::of(&2).unwrap(), Some(Json::of(&2).unwrap()))]);
}

#[derive(Clone, Debug)]
enum Touch {
    Insert(u8, u32),
    Change(u8, u32),
    Default(u8),
    Remove(u8),
    Retain(u8),
    Clear,
}

fn touches() -> impl Strategy<Value = Vec<Touch>> {
    let touch = prop_oneof![
        4 => (0..24u8, any::<u32>()).prop_map(|(key, row)| Touch::Insert(key, row)),
        4 => (0..24u8, any::<u32>()).prop_map(|(key, row)| Touch::Change(key, row)),
        2 => (0..24u8).prop_map(Touch::Default),
        4 => (0..24u8).prop_map(Touch::Remove),
        1 => (2..5u8).prop_map(Touch::Retain),
        1 => Just(Touch::Clear),
    ];
    prop::collection::vec(touch, 0..60)
}

/// Does the same to a table and to a plain map.
fn touch(table: &mut Table<u8, u32>, model: &mut BTreeMap<u8, u32>, touches: &[Touch]) {
    for touch in touches.iter().cloned() {
        match touch {
            Touch::Insert(key, row) => {
                table.insert(key, row);
                model.insert(key, row);
            }
            Touch::Change(key, row) => {
                assert_eq!(table.get_mut(&key).map(|old| *old = row), model.get_mut(&key).map(|old| *old = row));
            }
            Touch::Default(key) => assert_eq!(table.get_or_insert_with(key, || 7), model.entry(key).or_insert(7)),
            Touch::Remove(key) => assert_eq!(table.remove(&key), model.remove(&key)),
            Touch::Retain(modulus) => {
                table.retain(|key, _| key % modulus == 0);
                model.retain(|key, _| key % modulus == 0);
            }
            Touch::Clear => {
                table.clear();
                model.clear();
            }
        }
    }
}

proptest! {
    #[test]
    fn a_table_is_a_map_that_can_go_back(kept in touches(), undone in touches()) {
        let (mut table, mut model) = (Table::new(), BTreeMap::new());
        touch(&mut table, &mut model, &kept);
        prop_assert!(table.iter().eq(model.iter()));
        table.commit();
        touch(&mut table, &mut model.clone(), &undone);
        table.undo();
        prop_assert!(table.iter().eq(model.iter()));
    }
}
