//! Finding the version of an object that a request names.

use crate::{
    faults,
    state::{BucketTables, Object, VersionKey},
};
use cloudlet_aws::Fault;
use std::{ops::Bound, sync::Arc};

/// The version that a request names. Buckets cannot be versioned yet: every object is the null version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionSelector {
    Current,
    Null,
}

impl VersionSelector {
    pub fn of(version: Option<&str>) -> Result<VersionSelector, Fault> {
        match version {
            None => Ok(VersionSelector::Current),
            Some("null") => Ok(VersionSelector::Null),
            Some("") => Err(faults::invalid_argument("Version id cannot be the empty string", "versionId", "")),
            Some(other) => Err(faults::invalid_version_id(other)),
        }
    }
}

/// The row of an object, with its key.
pub fn entry(tables: &BucketTables, key: &str, _: VersionSelector) -> Option<(VersionKey, Arc<Object>)> {
    let from = (Bound::Included(VersionKey::before(key)), Bound::Unbounded);
    let (row_key, object) = tables.objects.range(from).next()?;
    (row_key.key.as_ref() == key).then(|| (row_key.clone(), object.clone()))
}

impl VersionSelector {
    /// The fault for a key without this version.
    pub fn missing(self, key: &str) -> Fault {
        match self {
            VersionSelector::Current => faults::no_such_key(key),
            VersionSelector::Null => faults::no_such_version(key, "null"),
        }
    }
}

pub fn get(tables: &BucketTables, key: &str, selector: VersionSelector) -> Option<Arc<Object>> {
    entry(tables, key, selector).map(|(_, object)| object)
}
