//! A restore of an archived object, as its row has it.

use cloudlet_aws::Timestamp;
use serde::{Deserialize, Serialize};

/// How fast an object is restored, the slowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RestoreTier {
    Bulk,
    Standard,
    Expedited,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Restore {
    pub tier: RestoreTier,
    pub days: i32,
    /// From then on the copy can be read.
    pub completes: Timestamp,
    /// From then on it cannot be read any more.
    pub expires: Timestamp,
}
