//! A table whose rows expire. The rows are journaled like those of any table; the order of their expiry is an index that follows from them.
//! An expired row stays until it is purged: a reader checks the time itself, or reads with `get_live`.

use crate::{AnyTable, Json, Key, Row, Table, Undo};
use std::{
    borrow::Borrow,
    collections::btree_map,
    ops::{Bound, ControlFlow, RangeBounds},
    sync::Arc,
};

/// A row that tells when it expires.
pub trait Expires {
    /// Milliseconds since the epoch; the row is expired from this instant on.
    fn expires_at(&self) -> i64;
}

impl<T: Expires> Expires for Arc<T> {
    fn expires_at(&self) -> i64 {
        (**self).expires_at()
    }
}

#[derive(Clone, Debug)]
pub struct ExpiringTable<K, V> {
    rows: Table<K, V>,
    by_expiry: Table<(i64, K), ()>,
}

impl<K, V> Default for ExpiringTable<K, V> {
    fn default() -> Self {
        ExpiringTable { rows: Table::default(), by_expiry: Table::default() }
    }
}

impl<K: Ord, V: PartialEq> PartialEq for ExpiringTable<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows
    }
}

impl<K: Ord + Clone, V: Clone + Expires> ExpiringTable<K, V> {
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.rows.get(key)
    }

    /// The row, unless it has expired by now.
    pub fn get_live<Q: Ord + ?Sized>(&self, key: &Q, now: i64) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.rows.get(key).filter(|row| row.expires_at() > now)
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn iter(&self) -> btree_map::Iter<'_, K, V> {
        self.rows.iter()
    }

    pub fn range<Q: Ord + ?Sized, R: RangeBounds<Q>>(&self, range: R) -> btree_map::Range<'_, K, V>
    where
        K: Borrow<Q>,
    {
        self.rows.range(range)
    }

    /// When the first row expires.
    pub fn next_expiry(&self) -> Option<i64> {
        self.by_expiry.first().map(|((at, _), ())| *at)
    }

    pub fn insert(&mut self, key: K, row: V) {
        if let Some(old) = self.rows.get(&key) {
            self.by_expiry.remove(&(old.expires_at(), key.clone()));
        }
        self.by_expiry.insert((row.expires_at(), key.clone()), ());
        self.rows.insert(key, row);
    }

    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let entry = self.rows.range((Bound::Included(key), Bound::Included(key))).next().map(|(key, row)| (row.expires_at(), key.clone()))?;
        self.by_expiry.remove(&entry);
        self.rows.remove::<K>(&entry.1)
    }

    pub fn clear(&mut self) {
        self.rows.clear();
        self.by_expiry.clear();
    }

    /// Removes up to `limit` rows that have expired by now, the oldest first, and gives them.
    pub fn purge(&mut self, now: i64, limit: usize) -> Vec<(K, V)> {
        let mut purged = Vec::new();
        while purged.len() < limit {
            let Some(((at, key), ())) = self.by_expiry.first() else { break };
            if *at > now {
                break;
            }
            let entry = (*at, key.clone());
            self.by_expiry.remove(&entry);
            if let Some(row) = self.rows.remove(&entry.1) {
                purged.push((entry.1, row));
            }
        }
        purged
    }
}

impl<K: Ord + Clone, V: Clone> Undo for ExpiringTable<K, V> {
    fn undo(&mut self) {
        self.rows.undo();
        self.by_expiry.undo();
    }

    fn commit(&mut self) {
        self.rows.commit();
        self.by_expiry.commit();
    }

    fn empty(&mut self) {
        self.rows.empty();
        self.by_expiry.empty();
    }
}

impl<K: Key, V: Row + Expires> AnyTable for ExpiringTable<K, V> {
    fn count(&self) -> usize {
        self.rows.count()
    }

    fn changes(&self, each: &mut dyn FnMut(Json, Option<Json>)) -> Result<(), serde_json::Error> {
        self.rows.changes(each)
    }

    fn scan(&self, after: Option<&Json>, each: &mut dyn FnMut(Json, Json) -> ControlFlow<()>) -> Result<(), serde_json::Error> {
        self.rows.scan(after, each)
    }

    fn put(&mut self, key: &Json, row: Option<&Json>) -> Result<(), serde_json::Error> {
        let key = key.read::<K>()?;
        match row {
            Some(row) => self.insert(key, row.read()?),
            None => drop(self.remove(&key)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{InMemory, Journal, Store, replay, tables};
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Token(i64);

    impl Expires for Token {
        fn expires_at(&self) -> i64 {
            self.0
        }
    }

    #[derive(Default)]
    struct State {
        tokens: ExpiringTable<String, Token>,
    }
    tables!(State { tokens });

    fn purged(state: &mut State, now: i64) -> Vec<String> {
        state.tokens.purge(now, 100).into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn rows_are_purged_in_the_order_of_their_expiry() {
        let mut state = State::default();
        for (key, at) in [("c", 30), ("a", 10), ("b", 20)] {
            state.tokens.insert(key.into(), Token(at));
        }
        state.tokens.insert("a".into(), Token(40));
        assert_eq!(state.tokens.get_live("b", 20), None);
        assert_eq!(state.tokens.next_expiry(), Some(20));
        assert_eq!(purged(&mut state, 30), ["b", "c"]);
        state.tokens.remove("a");
        assert_eq!(state.tokens.next_expiry(), None);
    }

    #[test]
    fn a_failed_write_leaves_the_order_as_it_was_and_a_restart_restores_it() {
        let backend = InMemory::new();
        let store = Store::new("sts", &Journal::to(backend.clone()), State::default());
        store.update(|state| state.tokens.insert("a".into(), Token(10)));
        let failed: Result<(), ()> = store.write(|state| {
            state.tokens.insert("a".into(), Token(99));
            state.tokens.insert("b".into(), Token(5));
            Err(())
        });
        assert!(failed.is_err());
        let again = Store::new("sts", &Journal::off(), State::default());
        replay(&[&again], &backend.records()).unwrap();
        for store in [store, again] {
            assert_eq!(store.update(|state| purged(state, 10)), ["a"]);
        }
    }
}
