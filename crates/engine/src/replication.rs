//! The replication of an object that exists: an operation that S3 has for S3 Batch Operations and for nobody else. It is in no model, so no
//! request is recognized as it. The engines of both meet here.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-batch-replication-batch.html>

pub use own::InitiateReplication;

use cloudlet_shape::Shape;

#[derive(Shape, Clone, Default)]
pub struct ReplicationInput {
    pub bucket: String,
    pub key: String,
    pub version_id: Option<String>,
}

mod own {
    use super::ReplicationInput;
    use cloudlet_shape::{Empty, operations};

    operations! { cloudlet_api_s3::SERVICE;
        InitiateReplication(ReplicationInput) -> Empty {}
    }
}
