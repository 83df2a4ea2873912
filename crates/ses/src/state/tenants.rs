//! Tenants, and endpoints of several regions.

use cloudlet_aws::Timestamp;
use cloudlet_shape::Map;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an account says of the sending of a tenant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TenantStatus {
    /// `ENABLED`, `REINSTATED`, `DISABLED`
    pub status: String,
    pub at: Timestamp,
}

/// Resources that send together, apart from those of others.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tenant {
    pub id: String,
    pub created: Timestamp,
    pub tags: Map<String>,
    pub suppressed_reasons: Option<Vec<String>>,
    /// The tenant has a suppression list of its own.
    pub has_own_list: bool,
    /// Since when, by ARN.
    pub resources: BTreeMap<String, Timestamp>,
    /// `none`, `standard`, `strict`
    pub policy: String,
    pub status: Option<TenantStatus>,
}

impl Tenant {
    pub fn sending_status(&self) -> &str {
        self.status.as_ref().map_or("ENABLED", |record| record.status.as_str())
    }
}

/// An endpoint of two regions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Endpoint {
    pub id: String,
    pub secondary: String,
    pub created: Timestamp,
    /// Being deleted since then.
    pub deleted: Option<Timestamp>,
    pub tags: Map<String>,
}
