//! What S3 does for a bucket in the background: the settings, and the rows that wait.

use crate::api;
use cloudlet_engine::StoredShape;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The settings of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Background {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notifications: Option<StoredShape<api::NotificationConfiguration>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<Arc<Lifecycle>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logging: Option<StoredShape<api::LoggingEnabled>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication: Option<StoredShape<api::ReplicationConfiguration>>,
}

impl Background {
    pub fn is_nothing(&self) -> bool {
        *self == Background::default()
    }
}

/// The lifecycle configuration of a bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lifecycle {
    pub rules: Vec<StoredShape<api::LifecycleRule>>,
    pub minimum_size: MinimumSize,
}

/// Which objects are too small to be moved to another storage class.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MinimumSize {
    #[default]
    AllClasses128K,
    VariesByStorageClass,
}

/// An event that waits for its delivery.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PendingEvent {
    pub targets: Vec<PendingTarget>,
    /// Deliveries that failed on the server's side.
    #[serde(default)]
    pub failed_attempts: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PendingTarget {
    pub kind: TargetKind,
    pub arn: Arc<str>,
    pub body: String,
}

/// What a rule sends events to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TargetKind {
    Queue,
    Topic,
    Function,
}

/// `x-amz-replication-status`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ReplicationStatus {
    Pending,
    Completed,
    Failed,
    Replica,
}

impl ReplicationStatus {
    pub const fn name(self) -> &'static str {
        match self {
            ReplicationStatus::Pending => "PENDING",
            ReplicationStatus::Completed => "COMPLETED",
            ReplicationStatus::Failed => "FAILED",
            ReplicationStatus::Replica => "REPLICA",
        }
    }
}

/// One version that is to be replicated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReplicationTask {
    pub key: Arc<str>,
    pub version_id: String,
    pub kind: TaskKind,
    /// The ids of the rules, one for each destination.
    pub rules: Vec<String>,
    #[serde(default)]
    pub failed_attempts: u32,
    /// Whether a destination has refused it.
    #[serde(default)]
    pub refused: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskKind {
    /// A version, or its tags again.
    Object,
    Marker,
}
