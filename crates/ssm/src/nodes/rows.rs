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
    /// The public key with which it signs.
    pub public_key: Option<Arc<str>>,
    pub fingerprint: Option<Arc<str>>,
    /// What its agent has said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentInformation>,
}

impl Registered {
    /// Whether commands and sessions are for an agent elsewhere. A machine without a key runs here.
    pub fn is_elsewhere(&self) -> bool {
        self.public_key.is_some()
    }
}

/// What an agent has said of its machine, and when.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AgentInformation {
    pub at: Timestamp,
    pub version: Option<Arc<str>>,
    pub computer_name: Option<Arc<str>>,
    pub address: Option<Arc<str>>,
    pub platform_name: Option<Arc<str>>,
    pub platform_type: Option<Arc<str>>,
    pub platform_version: Option<Arc<str>>,
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
