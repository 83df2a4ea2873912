//! Activations, and the machines that were registered with them, as rows.

use cloudlet_aws::{Scope, Timestamp};
use cloudlet_shape::Map;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Activation {
    pub code: Arc<str>,
    pub description: Option<Arc<str>>,
    pub default_name: Option<Arc<str>>,
    /// Its name.
    pub role: Arc<str>,
    pub limit: u32,
    pub count: u32,
    pub created: Timestamp,
    pub expires: Timestamp,
    /// Of itself and of the nodes that are registered with it.
    pub tags: Map<String>,
}

/// A machine that was registered: `mi-…`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Registered {
    pub activation: Arc<str>,
    pub name: Option<Arc<str>>,
    pub role: Arc<str>,
    pub at: Timestamp,
    pub tags: Map<String>,
    /// The public key with which it would sign.
    pub public_key: Option<Arc<str>>,
    pub fingerprint: Option<Arc<str>>,
}

/// What a node has put of one type of inventory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Inventory {
    pub schema_version: Arc<str>,
    pub captured: Arc<str>,
    pub hash: Option<Arc<str>>,
    pub entries: Arc<Vec<Map<String>>>,
}

/// A row of an account in a region.
pub type RowKey = (Scope, Arc<str>);
