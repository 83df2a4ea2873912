//! Jobs that import addresses.

use cloudlet_api_sesv2::{ImportDataSource, ImportDestination};
use cloudlet_aws::Timestamp;
use cloudlet_engine::StoredShape;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobStatus {
    Created,
    Processing,
    Completed,
    Failed,
}

impl JobStatus {
    pub const fn name(self) -> &'static str {
        match self {
            JobStatus::Created => "CREATED",
            JobStatus::Processing => "PROCESSING",
            JobStatus::Completed => "COMPLETED",
            JobStatus::Failed => "FAILED",
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImportJob {
    pub destination: StoredShape<ImportDestination>,
    pub source: StoredShape<ImportDataSource>,
    pub status: JobStatus,
    pub created: Timestamp,
    pub completed: Option<Timestamp>,
    pub processed: i32,
    pub failed: i32,
    /// Why nothing was imported.
    pub error: Option<String>,
    /// The first lines that were not imported, each with its reason.
    pub failures: Vec<String>,
}
