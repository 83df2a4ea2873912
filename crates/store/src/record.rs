//! A record of the journal: what became of the rows of one store in one write. Never the command that did it.

use crate::Json;
use serde::{Deserialize, Deserializer, Serialize};
use std::{borrow::Cow, fmt, sync::Arc};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The path of the store or store map.
    pub store: Arc<str>,
    /// The key of the store in its store map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<Json>,
    /// What became of the store itself, before its rows changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<StoreEvent>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Change>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreEvent {
    /// It is in its store map now.
    Created,
    /// It has no rows any more.
    Emptied,
    /// It was removed from its store map, and its rows are gone.
    Removed,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    pub table: Cow<'static, str>,
    pub key: Json,
    /// The row as it is now; none when it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub row: Option<Json>,
}

/// A row may be `null` (the row of a set), which is not the same as no row.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(from).map(Some)
}

/// A record that does not fit the tables.
#[derive(Debug)]
pub enum Unreadable {
    NoSuchStore {
        store: String,
        instance: Option<Json>,
    },
    NoSuchTable {
        store: String,
        table: String,
    },
    Row {
        store: String,
        table: String,
        key: Json,
        cause: serde_json::Error,
    },
    /// The key after which a page starts is none of the table, or a row is no JSON.
    Page {
        store: String,
        table: String,
        cause: serde_json::Error,
    },
    StoreKey {
        store: String,
        instance: Json,
        cause: serde_json::Error,
    },
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreadable::NoSuchStore { store, instance: None } => write!(f, "no store {store}"),
            Unreadable::NoSuchStore { store, instance: Some(instance) } => write!(f, "no store {instance} in {store}"),
            Unreadable::NoSuchTable { store, table } => write!(f, "no table {table} in {store}"),
            Unreadable::Row { store, table, key, cause } => write!(f, "row {key} of {table} in {store}: {cause}"),
            Unreadable::Page { store, table, cause } => write!(f, "page of {table} in {store}: {cause}"),
            Unreadable::StoreKey { store, instance, cause } => write!(f, "store {instance} in {store}: {cause}"),
        }
    }
}

impl std::error::Error for Unreadable {}
