//! A table: an ordered map that can undo a write.
//! It knows neither its name nor its journal; a store does.

use crate::Json;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    borrow::Borrow,
    collections::{BTreeMap, btree_map},
    ops::{Bound, ControlFlow, RangeBounds},
};

pub trait Key: Ord + Clone + Serialize + DeserializeOwned + Send + Sync + 'static {}
impl<T: Ord + Clone + Serialize + DeserializeOwned + Send + Sync + 'static> Key for T {}

/// A row is cheap to clone: what is large in it is an `Arc`, `Bytes` or a `Blob`.
pub trait Row: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {}
impl<T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static> Row for T {}

/// How many of the latest touches are looked through, so that a row is remembered once.
/// An older touch is remembered a second time, which costs a clone and harms nothing.
const RECENT_TOUCHES: usize = 8;
/// Capacity that the undo log has from one write to the next.
const LOG_CAPACITY: usize = 64;

/// An ordered map with an undo log. Reached through a store only, which ends every write by committing or undoing it.
///
/// Change it row by row: replacing the whole table (`mem::take`) would throw its log away.
#[derive(Clone, Debug)]
pub struct Table<K, V> {
    rows: BTreeMap<K, V>,
    /// How rows stood when this write touched them, oldest touch first.
    undo_log: Vec<(K, Option<V>)>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Table { rows: BTreeMap::new(), undo_log: Vec::new() }
    }
}

impl<K: Ord, V: PartialEq> PartialEq for Table<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows
    }
}

/// Reading.
impl<K: Ord, V> Table<K, V> {
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.rows.get(key)
    }

    /// The same with the key as the table holds it.
    pub fn get_key_value<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        self.rows.get_key_value(key)
    }

    pub fn contains<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.rows.contains_key(key)
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

    pub fn keys(&self) -> btree_map::Keys<'_, K, V> {
        self.rows.keys()
    }

    pub fn values(&self) -> btree_map::Values<'_, K, V> {
        self.rows.values()
    }

    pub fn first(&self) -> Option<(&K, &V)> {
        self.rows.first_key_value()
    }

    pub fn last(&self) -> Option<(&K, &V)> {
        self.rows.last_key_value()
    }

    /// The rows in a range of keys, from both ends. A range that ends before it starts is empty.
    pub fn range<Q: Ord + ?Sized, R: RangeBounds<Q>>(&self, range: R) -> btree_map::Range<'_, K, V>
    where
        K: Borrow<Q>,
    {
        if is_backward(&range) { btree_map::Range::default() } else { self.rows.range(range) }
    }
}

/// Whether `BTreeMap::range` would panic.
pub(crate) fn is_backward<Q: Ord + ?Sized>(range: &impl RangeBounds<Q>) -> bool {
    match (range.start_bound(), range.end_bound()) {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Excluded(start), Bound::Excluded(end)) => start >= end,
        (Bound::Included(start) | Bound::Excluded(start), Bound::Included(end) | Bound::Excluded(end)) => start > end,
    }
}

/// Changing.
impl<K: Ord + Clone, V: Clone> Table<K, V> {
    pub fn new() -> Self {
        Table::default()
    }

    /// The row, to be changed in place. It is cloned once in a write, for the log.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        if !self.is_logged(key) {
            let (key, row) = self.rows.get_key_value(key)?;
            self.undo_log.push((key.clone(), Some(row.clone())));
        }
        self.rows.get_mut(key)
    }

    pub fn get_or_insert_with(&mut self, key: K, row: impl FnOnce() -> V) -> &mut V {
        if !self.is_logged(&key) {
            self.undo_log.push((key.clone(), self.rows.get(&key).cloned()));
        }
        self.rows.entry(key).or_insert_with(row)
    }

    pub fn insert(&mut self, key: K, row: V) {
        if self.is_logged(&key) {
            self.rows.insert(key, row);
        } else {
            let old = self.rows.insert(key.clone(), row);
            self.undo_log.push((key, old));
        }
    }

    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let remembered = self.is_logged(key);
        let (key, row) = self.rows.remove_entry(key)?;
        if !remembered {
            self.undo_log.push((key, Some(row.clone())));
        }
        Some(row)
    }

    /// Removes every row for which `keep` says no. The rows move to the log, without being cloned.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &V) -> bool) {
        // INVARIANT: each row goes to the log as it leaves the map, so that a panic of `keep` can be undone.
        for (key, row) in self.rows.extract_if(.., |key, row| !keep(key, row)) {
            self.undo_log.push((key, Some(row)));
        }
    }

    pub fn clear(&mut self) {
        self.undo_log.extend(std::mem::take(&mut self.rows).into_iter().map(|(key, row)| (key, Some(row))));
    }

    fn is_logged<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.undo_log.iter().rev().take(RECENT_TOUCHES).any(|(touched, _)| touched.borrow() == key)
    }
}

impl<'a, K: Ord, V> IntoIterator for &'a Table<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = btree_map::Iter<'a, K, V>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// What a store does to every table and index at the end of a write.
pub trait Undo {
    /// Puts every touched row back.
    fn undo(&mut self);
    /// Makes the write final.
    fn commit(&mut self);
    /// Empties the table, with undo.
    fn empty(&mut self);
}

impl<K: Ord + Clone, V: Clone> Undo for Table<K, V> {
    fn undo(&mut self) {
        // The oldest touch comes last, and wins.
        while let Some((key, row)) = self.undo_log.pop() {
            match row {
                Some(row) => drop(self.rows.insert(key, row)),
                None => drop(self.rows.remove(&key)),
            }
        }
        self.undo_log.shrink_to(LOG_CAPACITY);
    }

    fn commit(&mut self) {
        if !self.undo_log.is_empty() {
            self.undo_log.clear();
            self.undo_log.shrink_to(LOG_CAPACITY);
        }
    }

    fn empty(&mut self) {
        self.clear();
    }
}

/// A table with its types erased, for the journal and inspection.
pub trait AnyTable: Undo {
    fn count(&self) -> usize;
    /// What became of the rows that this write touched.
    fn changes(&self, each: &mut dyn FnMut(Json, Option<Json>)) -> Result<(), serde_json::Error>;
    /// Walks the rows in the order of their keys, from the one after `after`.
    fn scan(&self, after: Option<&Json>, each: &mut dyn FnMut(Json, Json) -> ControlFlow<()>) -> Result<(), serde_json::Error>;
    /// Puts a row from the journal, or removes it.
    fn put(&mut self, key: &Json, row: Option<&Json>) -> Result<(), serde_json::Error>;
}

impl<K: Key, V: Row> AnyTable for Table<K, V> {
    fn count(&self) -> usize {
        self.rows.len()
    }

    fn changes(&self, each: &mut dyn FnMut(Json, Option<Json>)) -> Result<(), serde_json::Error> {
        // The first touch of a key says how the row stood before the write.
        let first: BTreeMap<&K, bool> = self.undo_log.iter().rev().map(|(key, row)| (key, row.is_some())).collect();
        for (key, existed) in first {
            match self.rows.get(key) {
                Some(row) => each(Json::of(key)?, Some(Json::of(row)?)),
                None if existed => each(Json::of(key)?, None),
                None => {}
            }
        }
        Ok(())
    }

    fn scan(&self, after: Option<&Json>, each: &mut dyn FnMut(Json, Json) -> ControlFlow<()>) -> Result<(), serde_json::Error> {
        let start = match after {
            Some(key) => Bound::Excluded(key.read::<K>()?),
            None => Bound::Unbounded,
        };
        for (key, row) in self.rows.range((start, Bound::Unbounded)) {
            if each(Json::of(key)?, Json::of(row)?).is_break() {
                break;
            }
        }
        Ok(())
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
mod tests;
