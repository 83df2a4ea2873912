//! The operations that only the scheduler calls. They are in no model, so no request is recognized as one of them.

pub use own::{ApplyLifecycle, DeliverEvents, DeliverLogs, FollowRestore};

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

mod own {
    use super::{BucketInput, RestoreInput};
    use cloudlet_shape::{Empty, operations};

    operations! { cloudlet_api_s3::SERVICE;
        DeliverEvents(BucketInput) -> Empty {}
        DeliverLogs(BucketInput) -> Empty {}
        ApplyLifecycle(BucketInput) -> Empty {}
        FollowRestore(RestoreInput) -> Empty {}
    }
}
