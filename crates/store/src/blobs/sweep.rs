//! What compares the bodies that are there with those that rows name.

use super::blob_id::BlobId;
use std::collections::BTreeMap;

/// Bodies that rows name, with their lengths.
pub type KnownBodies = BTreeMap<BlobId, u64>;

/// What a sweep found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Swept {
    /// Bodies that no row names.
    pub removed: usize,
    /// Bodies that a row names, and that are not there.
    pub missing: Vec<BlobId>,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checked {
    /// Bodies that no row names: the next start removes them.
    pub orphans: usize,
    pub missing: Vec<BlobId>,
    /// Bodies that cannot be read, or have another length than their row says.
    pub damaged: Vec<BlobId>,
}
