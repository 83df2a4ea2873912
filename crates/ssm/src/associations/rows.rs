//! Associations, their versions and executions, as rows.

use cloudlet_api_ssm::{AssociationStatus, CreateAssociationRequest};
use cloudlet_aws::{Arn, Caller, Scope, Timestamp};
use cloudlet_engine::StoredShape;
use cloudlet_shape::Map;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A row of an account in a region, by id.
pub type RowKey = (Scope, Arc<str>);

pub fn arn(place: &RowKey) -> Arn {
    Arn::new("ssm", &place.0, &format!("association/{}", place.1))
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Association {
    pub created: Timestamp,
    pub updated: Timestamp,
    pub version: u32,
    /// Who made the current version. Its automations are started in this name.
    pub caller: Caller,
    /// The request that the current version is.
    pub wanted: StoredShape<CreateAssociationRequest>,
    /// What UpdateAssociationStatus has said.
    pub status: Option<StoredShape<AssociationStatus>>,
    pub tags: Map<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Version {
    pub created: Timestamp,
    pub wanted: StoredShape<CreateAssociationRequest>,
}

/// What an execution has started.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Work {
    Command(Arc<str>),
    Automation(Arc<str>),
    /// Nothing: why not.
    Failed(Arc<str>),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Execution {
    pub id: Arc<str>,
    pub version: u32,
    pub created: Timestamp,
    pub work: Work,
}
