//! The operations that only the scheduler and S3 itself call. They are in no model, so no request is recognized as one of them.

pub use own::{ApplyLifecycle, DeliverEvents, DeliverLogs, FollowRestore, PutReplica, Replicate, WriteInventory};

use cloudlet_aws::Timestamp;
use cloudlet_shape::Shape;

#[derive(Shape, Clone, Default)]
pub struct BucketInput {
    pub bucket: String,
}

/// A version of an object whose restore has come to its next step.
#[derive(Shape, Clone, Default)]
pub struct RestoreInput {
    pub bucket: String,
    pub key: String,
    pub version_id: String,
    /// When the step was due.
    pub due: Timestamp,
}

/// One inventory configuration.
#[derive(Shape, Clone, Default)]
pub struct InventoryInput {
    pub bucket: String,
    pub id: String,
}

/// One replica. It is called by S3 itself, under a role.
#[derive(Shape, Clone, Default)]
pub struct ReplicaInput {
    pub bucket: String,
    pub key: String,
    pub version_id: String,
    pub target: String,
    pub storage_class: Option<String>,
    pub kms_key: Option<String>,
    pub account: Option<String>,
    pub overrides_owner: bool,
}

mod own {
    use super::{BucketInput, InventoryInput, ReplicaInput, RestoreInput};
    use cloudlet_shape::{Empty, operations};

    operations! { cloudlet_api_s3::SERVICE;
        DeliverEvents(BucketInput) -> Empty {}
        DeliverLogs(BucketInput) -> Empty {}
        ApplyLifecycle(BucketInput) -> Empty {}
        FollowRestore(RestoreInput) -> Empty {}
        Replicate(BucketInput) -> Empty {}
        PutReplica(ReplicaInput) -> Empty {}
        WriteInventory(InventoryInput) -> Empty {}
    }
}
