//! The tables of OpsCenter.

use super::item::Item;
use cloudlet_api_ssm::{OpsItemEventSummary, OpsItemRelatedItemSummary};
use cloudlet_aws::{Scope, Timestamp};
use cloudlet_engine::StoredShape;
use cloudlet_shape::Map;
use cloudlet_store::{Table, tables};
use serde::{Deserialize, Serialize};
use std::{cmp::Reverse, ops::Bound, sync::Arc};

/// What Application Manager knows of an application.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Metadata {
    /// The end of its ARN.
    pub id: String,
    pub values: Map<String>,
    pub tags: Map<String>,
    pub created: Timestamp,
    pub modified: Timestamp,
    pub user: Arc<str>,
}

#[derive(Default)]
pub struct State {
    /// By id.
    pub items: Table<(Scope, String), Arc<Item>>,
    /// By the OpsItem and the number of the event.
    pub events: Table<(Scope, String, u64), StoredShape<OpsItemEventSummary>>,
    /// By the OpsItem and the id of the association.
    pub related: Table<(Scope, String, String), StoredShape<OpsItemRelatedItemSummary>>,
    /// By the id of the application.
    pub metadata: Table<(Scope, String), Metadata>,
    /// The newest first.
    pub by_time: Table<(Scope, Reverse<Timestamp>, String), ()>,
    /// Those that are open, by the hash of what makes them equal.
    pub duplicates: Table<(Scope, String), String>,
}

tables!(State { items, events, related, metadata } indexes(State::reindex) { by_time, duplicates });

/// How many events of an OpsItem are kept.
const EVENTS: u64 = 1_000;

impl State {
    fn reindex(&mut self) {
        let items: Vec<((Scope, String), Arc<Item>)> = self.items.iter().map(|(key, item)| (key.clone(), item.clone())).collect();
        for ((scope, id), item) in items {
            self.index(&scope, &id, &item);
        }
    }

    fn index(&mut self, scope: &Scope, id: &str, item: &Item) {
        self.by_time.insert((scope.clone(), Reverse(item.created()), id.to_owned()), ());
        if let Some(hash) = item.dedup.as_ref().filter(|_| item.is_open()) {
            self.duplicates.insert((scope.clone(), hash.clone()), id.to_owned());
        }
    }

    fn unindex(&mut self, scope: &Scope, id: &str, item: &Item) {
        self.by_time.remove(&(scope.clone(), Reverse(item.created()), id.to_owned()));
        let own = item.dedup.as_ref().map(|hash| (scope.clone(), hash.clone()));
        if let Some(key) = own.filter(|key| self.duplicates.get(key).is_some_and(|of| of == id)) {
            self.duplicates.remove(&key);
        }
    }

    pub fn item(&self, scope: &Scope, id: &str) -> Option<&Arc<Item>> {
        self.items.get(&(scope.clone(), id.to_owned()))
    }

    /// Inserts an OpsItem, or puts it in place of what it was.
    pub fn put(&mut self, scope: &Scope, id: &str, item: Item) {
        if let Some(before) = self.item(scope, id).cloned() {
            self.unindex(scope, id, &before);
        }
        self.index(scope, id, &item);
        self.items.insert((scope.clone(), id.to_owned()), Arc::new(item));
    }

    pub fn remove(&mut self, scope: &Scope, id: &str) {
        let Some(item) = self.items.remove(&(scope.clone(), id.to_owned())) else { return };
        self.unindex(scope, id, &item);
        let events: Vec<_> = self.events_of(scope, id).map(|(key, _)| key.clone()).collect();
        events.iter().for_each(|key| drop(self.events.remove(key)));
        let related: Vec<_> = self.related_of(scope, id).map(|(key, _)| key.clone()).collect();
        related.iter().for_each(|key| drop(self.related.remove(key)));
    }

    /// The OpsItems of an account in a region, the newest first.
    pub fn newest<'s>(&'s self, scope: &'s Scope, after: Option<(Timestamp, String)>) -> impl Iterator<Item = (Timestamp, &'s Arc<Item>)> {
        let from = match after {
            Some((time, id)) => Bound::Excluded((scope.clone(), Reverse(time), id)),
            None => Bound::Included((scope.clone(), Reverse(Timestamp(i64::MAX)), String::new())),
        };
        let keys = self.by_time.range((from, Bound::Unbounded)).take_while(move |((of, _, _), ())| of == scope);
        keys.filter_map(move |((_, time, id), ())| Some((time.0, self.item(scope, id)?)))
    }

    /// The events of an OpsItem, the oldest first.
    pub fn events_of<'s>(
        &'s self,
        scope: &Scope,
        id: &str,
    ) -> impl Iterator<Item = (&'s (Scope, String, u64), &'s StoredShape<OpsItemEventSummary>)> {
        let (from, to) = ((scope.clone(), id.to_owned(), 0), (scope.clone(), id.to_owned(), u64::MAX));
        self.events.range(from..=to)
    }

    pub fn record(&mut self, scope: &Scope, id: &str, event: OpsItemEventSummary) {
        let next = self.events_of(scope, id).last().map_or(0, |((_, _, number), _)| number + 1);
        self.events.insert((scope.clone(), id.to_owned(), next), StoredShape::new(event));
        if let Some(old) = next.checked_sub(EVENTS) {
            self.events.remove(&(scope.clone(), id.to_owned(), old));
        }
    }

    pub fn related_of<'s>(
        &'s self,
        scope: &'s Scope,
        id: &'s str,
    ) -> impl Iterator<Item = (&'s (Scope, String, String), &'s StoredShape<OpsItemRelatedItemSummary>)> {
        let from = (Bound::Included((scope.clone(), id.to_owned(), String::new())), Bound::Unbounded);
        self.related.range(from).take_while(move |((of, item, _), _)| of == scope && item == id)
    }

    pub fn metadata_by_id(&self, scope: &Scope, id: &str) -> Option<(&(Scope, String), &Metadata)> {
        let from = (Bound::Included((scope.clone(), String::new())), Bound::Unbounded);
        self.metadata.range(from).take_while(|((of, _), _)| of == scope).find(|(_, metadata)| metadata.id == id)
    }
}
