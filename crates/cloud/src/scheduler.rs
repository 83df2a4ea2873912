//! What will happen because of time: calls that are due at an instant, kept like any other row, so that they survive a restart.

use cloudlet_aws::{Caller, Scope, Timestamp};
use cloudlet_engine::{Call, Input, Origin};
use cloudlet_shape::OperationSchema;
use cloudlet_store::{Journal, Json, Persistent, Store, Table, tables};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tokio::sync::{Notify, futures::Notified};

#[derive(Default)]
struct Rows {
    /// By the instant, then in the order they were put in.
    due: Table<(Timestamp, u64), Row>,
}

tables!(Rows { due });

/// A call that waits.
#[derive(Clone)]
struct Row {
    caller: Caller,
    scope: Scope,
    what: What,
}

/// What is to be called: as it was handed in, or as a journal kept it.
enum What {
    Live(&'static OperationSchema, Input),
    Stored(StoredCall),
}

impl Clone for What {
    fn clone(&self) -> What {
        match self {
            What::Live(operation, input) => What::Live(operation, input.boxed_clone()),
            What::Stored(written) => What::Stored(written.clone()),
        }
    }
}

/// A call in words.
#[derive(Clone, Serialize, Deserialize)]
pub struct StoredCall {
    pub service: String,
    pub operation: String,
    pub input: Json,
}

#[derive(Serialize, Deserialize)]
struct Line<C, S, W> {
    caller: C,
    scope: S,
    what: W,
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (caller, scope) = (&self.caller, &self.scope);
        match &self.what {
            What::Stored(what) => Line { caller, scope, what }.serialize(to),
            What::Live(operation, input) => {
                let input = serde_json::from_str(&cloudlet_wire::to_json(input.as_struct())).map_err(serde::ser::Error::custom)?;
                let what = StoredCall { service: operation.service.name.to_owned(), operation: operation.name.to_owned(), input };
                Line { caller, scope, what }.serialize(to)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Row, D::Error> {
        let line = Line::<Caller, Scope, StoredCall>::deserialize(from)?;
        Ok(Row { caller: line.caller, scope: line.scope, what: What::Stored(line.what) })
    }
}

pub(crate) struct Scheduler {
    rows: Arc<Store<Rows>>,
    number: AtomicU64,
    bell: Notify,
}

/// A call whose time has come.
pub(crate) enum Due {
    Call(Call),
    /// One that a journal kept: its input is still to be read.
    StoredCall(Caller, Scope, StoredCall),
}

impl Scheduler {
    pub fn new(journal: &Journal) -> Scheduler {
        Scheduler { rows: Arc::new(Store::new("agenda", journal, Rows::default())), number: AtomicU64::new(0), bell: Notify::new() }
    }

    pub fn stores(&self) -> Arc<dyn Persistent> {
        self.rows.clone()
    }

    pub fn add(&self, due: Timestamp, call: Call) {
        let row = Row { caller: call.caller, scope: call.scope, what: What::Live(call.operation, call.input) };
        self.rows.update(|rows| {
            // After a restart the numbers go on behind those that are there.
            let last = rows.due.last().map_or(0, |((_, number), _)| *number);
            let number = self.number.fetch_max(last, Ordering::Relaxed).max(last) + 1;
            self.number.store(number, Ordering::Relaxed);
            rows.due.insert((due, number), row);
        });
        self.bell.notify_waiters();
    }

    pub fn changed(&self) -> Notified<'_> {
        self.bell.notified()
    }

    pub fn next_due(&self) -> Option<Timestamp> {
        self.rows.read(|rows| rows.due.first().map(|((due, _), _)| *due))
    }

    /// Takes the first call that is due by now.
    pub fn take_due(&self, now: Timestamp) -> Option<Due> {
        if self.next_due().is_none_or(|due| due > now) {
            return None;
        }
        let row = self.rows.update(|rows| {
            let key = rows.due.first().map(|(key, _)| *key).filter(|(due, _)| *due <= now)?;
            rows.due.remove(&key)
        })?;
        Some(match row.what {
            What::Live(operation, input) => Due::Call(Call { operation, caller: row.caller, scope: row.scope, origin: Origin::default(), input }),
            What::Stored(written) => Due::StoredCall(row.caller, row.scope, written),
        })
    }
}
