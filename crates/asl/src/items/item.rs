//! An item, and why a file cannot be read.

use serde_json::Value;
use std::collections::HashSet;

/// One item of a Map.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The key of an object's field: `Map.Item.Key`.
    pub key: Option<String>,
    pub value: Value,
}

/// AWS's words about a file that cannot be read: the cause of States.ItemReaderFailed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError(pub String);

/// The largest item. AWS: unverified; the input of a child is smaller by far.
pub(super) const LARGEST_ITEM: usize = 8 * 1024 * 1024;

pub(super) fn wrong<T>(message: impl Into<String>) -> Result<T, ReadError> {
    Err(ReadError(message.into()))
}

pub(super) fn too_large<T>() -> Result<T, ReadError> {
    wrong(format!("An item is larger than {LARGEST_ITEM} bytes"))
}

pub(super) fn refuse_duplicates(names: &[String]) -> Result<(), ReadError> {
    let mut seen = HashSet::new();
    if names.iter().all(|name| seen.insert(name)) { Ok(()) } else { wrong("CSV headers cannot contain duplicates.") }
}
