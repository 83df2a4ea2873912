//! The numbers of stores and rows, in memory: a row is written to where it lies already.

use crate::{Change, Json, Record, StoreEvent};
use aws_lc_rs::digest::{Context, SHA256};
use std::{
    collections::{BTreeMap, HashMap},
    iter,
};

#[derive(Default)]
pub struct Directory {
    stores: HashMap<Name, Store>,
    names: HashMap<u64, Name>,
    next_store: u64,
    next_row: u64,
}

#[derive(Default)]
struct Store {
    number: u64,
    rows: HashMap<Name, u64>,
}

/// Half of the SHA-256 of what names something: no two of them are found that have one.
type Name = [u8; 16];

/// What a group of records leaves: each store and row once, in the order of their numbers. `None` is removed.
#[derive(Default)]
pub struct Group<'a> {
    pub stores: BTreeMap<u64, Option<(&'a str, Option<&'a Json>)>>,
    /// The number of the store, the change, and the row of it.
    pub rows: BTreeMap<u64, Option<(u64, &'a Change, &'a Json)>>,
}

impl Directory {
    /// Enters a store that is in the file. False when its name is taken.
    pub fn add_store(&mut self, number: u64, store: &str, instance: Option<&Json>) -> bool {
        let name = store_name(store, instance);
        self.next_store = self.next_store.max(number.saturating_add(1));
        self.names.insert(number, name);
        self.stores.insert(name, Store { number, rows: HashMap::new() }).is_none()
    }

    /// Enters a row that is in the file. False when its name is taken, or there is no such store.
    pub fn add_row(&mut self, number: u64, store: u64, table: &str, key: &Json) -> bool {
        self.next_row = self.next_row.max(number.saturating_add(1));
        let store = self.names.get(&store).and_then(|name| self.stores.get_mut(name));
        store.is_some_and(|store| store.rows.insert(row_name(table, key), number).is_none())
    }

    /// What is to be written for these records. New stores and rows get the next numbers.
    pub fn group<'a>(&mut self, records: &'a [Record]) -> Group<'a> {
        let (new_stores, new_rows) = (self.next_store, self.next_row);
        let mut group = Group::default();
        for record in records {
            let name = store_name(&record.store, record.instance.as_ref());
            if matches!(record.event, Some(StoreEvent::Emptied | StoreEvent::Removed))
                && let Some(store) = self.stores.get_mut(&name)
            {
                store.rows.drain().for_each(|(_, number)| remove(&mut group.rows, number, new_rows));
            }
            if record.event == Some(StoreEvent::Removed) {
                if let Some(store) = self.stores.remove(&name) {
                    self.names.remove(&store.number);
                    remove(&mut group.stores, store.number, new_stores);
                }
                continue;
            }
            let store = self.stores.entry(name).or_insert_with(|| {
                let number = next(&mut self.next_store);
                group.stores.insert(number, Some((&record.store, record.instance.as_ref())));
                self.names.insert(number, name);
                Store { number, rows: HashMap::new() }
            });
            for change in &record.rows {
                let name = row_name(&change.table, &change.key);
                match &change.row {
                    Some(row) => {
                        let number = *store.rows.entry(name).or_insert_with(|| next(&mut self.next_row));
                        group.rows.insert(number, Some((store.number, change, row)));
                    }
                    None => {
                        if let Some(number) = store.rows.remove(&name) {
                            remove(&mut group.rows, number, new_rows);
                        }
                    }
                }
            }
        }
        group
    }
}

/// What came and went within a group was never in the file.
fn remove<T>(changes: &mut BTreeMap<u64, Option<T>>, number: u64, first_new: u64) {
    if number < first_new {
        changes.insert(number, None);
    } else {
        changes.remove(&number);
    }
}

fn next(counter: &mut u64) -> u64 {
    let number = *counter;
    *counter = number.saturating_add(1);
    number
}

fn store_name(store: &str, instance: Option<&Json>) -> Name {
    name(iter::once(store).chain(instance.map(Json::text)))
}

fn row_name(table: &str, key: &Json) -> Name {
    name([table, key.text()].into_iter())
}

/// A part's length is part of the name.
fn name<'a>(parts: impl Iterator<Item = &'a str>) -> Name {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let mut name = [0; 16];
    name.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_where_their_parts_end() {
        let name = |parts: &[&str]| name(parts.iter().copied());
        assert_eq!(name(&["ab", "c"]), name(&["ab", "c"]));
        assert_ne!(name(&["ab", "c"]), name(&["a", "bc"]));
    }

    #[test]
    fn a_row_that_changes_twice_in_a_group_is_written_once_and_what_comes_and_goes_never() {
        let records: Vec<Record> = [
            r#"{"store":"s","rows":[{"table":"t","key":1,"row":"a"},{"table":"t","key":2,"row":"b"}]}"#,
            r#"{"store":"s","rows":[{"table":"t","key":1,"row":"c"},{"table":"t","key":2}]}"#,
            r#"{"store":"s","rows":[{"table":"t","key":3,"row":"d"}]}"#,
        ]
        .map(|text| serde_json::from_str(text).unwrap())
        .into();
        let mut directory = Directory::default();
        let numbers = |group: Group<'_>| {
            let rows = group.rows.into_iter();
            rows.map(|(number, row)| (number, row.map(|(_, _, row)| row.text().to_owned()))).collect::<Vec<_>>()
        };
        assert_eq!(numbers(directory.group(&records)), [(0, Some("\"c\"".into())), (2, Some("\"d\"".into()))]);
        assert_eq!(numbers(directory.group(&records[1..2])), [(0, Some("\"c\"".into()))]);
        let emptied = [Record { event: Some(StoreEvent::Emptied), rows: vec![], ..records[0].clone() }];
        assert_eq!(numbers(directory.group(&emptied)), [(0, None), (2, None)]);
    }
}
