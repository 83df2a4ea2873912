//! The operations that only the scheduler calls. They are in no model, so no request is recognized as one of them.

pub use own::{ApplyLifecycle, DeliverEvents, DeliverLogs};

use cloudlet_shape::Shape;

#[derive(Shape, Clone, Default)]
pub struct BucketInput {
    pub bucket: String,
}

mod own {
    use super::BucketInput;
    use cloudlet_shape::{Empty, operations};

    operations! { cloudlet_api_s3::SERVICE;
        DeliverEvents(BucketInput) -> Empty {}
        DeliverLogs(BucketInput) -> Empty {}
        ApplyLifecycle(BucketInput) -> Empty {}
    }
}
