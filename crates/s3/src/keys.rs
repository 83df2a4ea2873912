//! Finding an object among the versions of its key.

use crate::{
    faults,
    state::{Contents, Object, Slot},
};
use cloudlet_aws::Fault;
use std::{ops::Bound, sync::Arc};

/// Which version a call means. There is one, until buckets are versioned: the null version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Current,
    Null,
}

impl Which {
    pub fn of(version: Option<&str>) -> Result<Which, Fault> {
        match version {
            None => Ok(Which::Current),
            Some("null") => Ok(Which::Null),
            Some("") => Err(faults::invalid_argument("Version id cannot be the empty string", "versionId", "")),
            Some(other) => Err(faults::invalid_version_id(other)),
        }
    }
}

/// The row of an object, with its place.
pub fn entry(contents: &Contents, key: &str, _: Which) -> Option<(Slot, Arc<Object>)> {
    let from = (Bound::Included(Slot::before(key)), Bound::Unbounded);
    let (slot, object) = contents.objects.range(from).next()?;
    (slot.key.as_ref() == key).then(|| (slot.clone(), object.clone()))
}

pub fn get(contents: &Contents, key: &str, which: Which) -> Option<Arc<Object>> {
    entry(contents, key, which).map(|(_, object)| object)
}
