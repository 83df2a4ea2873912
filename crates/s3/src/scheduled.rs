//! The operations that only the scheduler and S3 itself call. They are in no model, so no request is recognized as one of them.

pub use own::{ApplyLifecycle, DeliverEvents, DeliverLogs, PutReplica, Replicate, WriteInventory};

use cloudlet_shape::Shape;

#[derive(Shape, Clone, Default)]
pub struct BucketInput {
    pub bucket: String,
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
    use super::{BucketInput, InventoryInput, ReplicaInput};
    use cloudlet_shape::{Empty, operations};

    operations! { cloudlet_api_s3::SERVICE;
        DeliverEvents(BucketInput) -> Empty {}
        DeliverLogs(BucketInput) -> Empty {}
        ApplyLifecycle(BucketInput) -> Empty {}
        Replicate(BucketInput) -> Empty {}
        PutReplica(ReplicaInput) -> Empty {}
        WriteInventory(InventoryInput) -> Empty {}
    }
}
