//! The scheduler: calls that are due at an instant. They are rows like any other, so that they survive a restart, and a row is removed only
//! after its call was made: at least once.

use cloudlet_aws::{Caller, Fault, FaultKind, Scope, Timestamp};
use cloudlet_engine::{Call, Input, Origin, Schedule, ScheduleKey};
use cloudlet_shape::OperationSchema;
use cloudlet_store::{Journal, Json, Persistent, Store, Table, as_secret, tables};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};
use tokio::sync::{Notify, futures::Notified};

/// Calls that may be scheduled at once.
const MAX_ENTRIES: usize = 1_000_000;
const FULL: FaultKind = FaultKind::receiver("ServiceUnavailable", 503);

#[derive(Default)]
struct Tables {
    entries: Table<u64, Entry>,
    by_key: Table<ScheduleKey, u64>,
    /// Entries whose call is not under way, by the instant, then in the order in which they were added.
    by_due: Table<(Timestamp, u64), ()>,
}

tables!(Tables { entries } indexes(Tables::reindex) { by_key, by_due });

impl Tables {
    fn reindex(&mut self) {
        for (number, entry) in &self.entries {
            self.by_due.insert((entry.due, *number), ());
            if let Some(key) = &entry.key {
                self.by_key.insert(key.clone(), *number);
            }
        }
    }

    fn remove(&mut self, number: u64) -> bool {
        let Some(entry) = self.entries.remove(&number) else { return false };
        self.by_due.remove(&(entry.due, number));
        // The key may have been taken by a later entry.
        if let Some(key) = entry.key
            && self.by_key.get(&key) == Some(&number)
        {
            self.by_key.remove(&key);
        }
        true
    }
}

#[derive(Clone)]
struct Entry {
    due: Timestamp,
    key: Option<ScheduleKey>,
    caller: Caller,
    scope: Scope,
    call: EntryCall,
}

/// The operation and its input: as scheduled, or as read from the journal.
enum EntryCall {
    Live(&'static OperationSchema, Input),
    Stored(StoredCall),
}

impl Clone for EntryCall {
    fn clone(&self) -> EntryCall {
        match self {
            EntryCall::Live(operation, input) => EntryCall::Live(operation, input.boxed_clone()),
            EntryCall::Stored(stored) => EntryCall::Stored(stored.clone()),
        }
    }
}

/// A call by the names of its service and operation, with its input in JSON.
#[derive(Clone, Serialize, Deserialize)]
pub struct StoredCall {
    pub service: String,
    pub operation: String,
    /// It may hold secrets: the token of a subscription that is to be confirmed.
    #[serde(serialize_with = "as_secret")]
    pub input: Json,
}

#[derive(Serialize, Deserialize)]
struct Row<K, C, S, W> {
    due: Timestamp,
    key: K,
    caller: C,
    scope: S,
    call: W,
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (due, key, caller, scope) = (self.due, &self.key, &self.caller, &self.scope);
        match &self.call {
            EntryCall::Stored(call) => Row { due, key, caller, scope, call }.serialize(to),
            EntryCall::Live(operation, input) => {
                let input = serde_json::from_str(&cloudlet_wire::to_json(input.as_struct())).map_err(serde::ser::Error::custom)?;
                let call = StoredCall { service: operation.service.name.to_owned(), operation: operation.name.to_owned(), input };
                Row { due, key, caller, scope, call }.serialize(to)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Entry, D::Error> {
        let Row { due, key, caller, scope, call } = Row::<Option<ScheduleKey>, Caller, Scope, StoredCall>::deserialize(from)?;
        Ok(Entry { due, key, caller, scope, call: EntryCall::Stored(call) })
    }
}

pub(crate) struct Scheduler {
    store: Arc<Store<Tables>>,
    next_number: AtomicU64,
    running: AtomicUsize,
    changed: Notify,
    finished: Notify,
}

/// A call whose time has come. Its entry is removed, and it no longer counts as running, when this is dropped.
pub(crate) struct Due {
    scheduler: Arc<Scheduler>,
    number: u64,
    due: Timestamp,
    pub caller: Caller,
    pub scope: Scope,
    call: Option<EntryCall>,
}

/// What a due call is made of.
pub(crate) enum DueCall {
    Live(Box<Call>),
    /// From the journal: its input is still to be read.
    Stored(Box<(Caller, Scope, StoredCall)>),
}

impl Due {
    pub fn take(&mut self) -> Option<DueCall> {
        let (caller, scope) = (self.caller.clone(), self.scope.clone());
        Some(match self.call.take()? {
            EntryCall::Live(operation, input) => DueCall::Live(Box::new(Call { operation, caller, scope, origin: Origin::default(), input })),
            EntryCall::Stored(stored) => DueCall::Stored(Box::new((caller, scope, stored))),
        })
    }
}

impl Drop for Due {
    fn drop(&mut self) {
        self.scheduler.store.update(|tables| {
            // A snapshot that was loaded meanwhile may have another entry under the number.
            if tables.entries.get(&self.number).is_some_and(|entry| entry.due == self.due) {
                tables.remove(self.number);
            }
        });
        self.scheduler.running.fetch_sub(1, Ordering::AcqRel);
        self.scheduler.finished.notify_waiters();
    }
}

impl Scheduler {
    pub fn new(journal: &Journal) -> Scheduler {
        Scheduler {
            store: Arc::new(Store::new("scheduler", journal, Tables::default())),
            next_number: AtomicU64::new(0),
            running: AtomicUsize::new(0),
            changed: Notify::new(),
            finished: Notify::new(),
        }
    }

    pub fn store(&self) -> Arc<dyn Persistent> {
        self.store.clone()
    }

    pub fn add(&self, schedule: Schedule) -> Result<(), Fault> {
        let Schedule { due, key, call } = schedule;
        let entry = Entry { due, key, caller: call.caller, scope: call.scope, call: EntryCall::Live(call.operation, call.input) };
        self.store.write(|tables| {
            if let Some(replaced) = entry.key.as_ref().and_then(|key| tables.by_key.get(key).copied()) {
                tables.remove(replaced);
            }
            if tables.entries.len() >= MAX_ENTRIES {
                return Err(FULL.says(format!("Cloudlet's scheduler holds {MAX_ENTRIES} calls and takes no more.")));
            }
            // After a restart the numbers go on behind those that are there.
            let last = tables.entries.last().map_or(0, |(number, _)| *number);
            self.next_number.fetch_max(last, Ordering::Relaxed);
            let number = self.next_number.fetch_add(1, Ordering::Relaxed) + 1;
            if let Some(key) = &entry.key {
                tables.by_key.insert(key.clone(), number);
            }
            tables.by_due.insert((due, number), ());
            tables.entries.insert(number, entry);
            Ok(())
        })?;
        self.changed.notify_waiters();
        Ok(())
    }

    pub fn cancel(&self, key: &ScheduleKey) -> bool {
        self.store.update(|tables| match tables.by_key.get(key).copied() {
            Some(number) => tables.remove(number),
            None => false,
        })
    }

    /// The entries were changed from elsewhere.
    pub fn wake(&self) {
        self.changed.notify_waiters();
    }

    /// Resolves when a call was added.
    pub fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Resolves when a running call has ended.
    pub fn finished(&self) -> Notified<'_> {
        self.finished.notified()
    }

    pub fn is_running(&self) -> bool {
        self.running.load(Ordering::Acquire) > 0
    }

    pub fn next_due(&self) -> Option<Timestamp> {
        self.store.read(|tables| tables.by_due.first().map(|((due, _), ())| *due))
    }

    /// Starts the first call that is due by now.
    pub fn start_due(self: &Arc<Self>, now: Timestamp) -> Option<Due> {
        if self.next_due().is_none_or(|due| due > now) {
            return None;
        }
        self.store.update(|tables| {
            let (due, number) = tables.by_due.first().map(|(key, ())| *key).filter(|(due, _)| *due <= now)?;
            tables.by_due.remove(&(due, number));
            let entry = tables.entries.get(&number)?.clone();
            self.running.fetch_add(1, Ordering::AcqRel);
            Some(Due { scheduler: self.clone(), number, due, caller: entry.caller, scope: entry.scope, call: Some(entry.call) })
        })
    }
}

#[cfg(test)]
mod tests;
