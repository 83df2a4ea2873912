//! S3 Metadata: the configuration of the tables that describe a bucket. No tables are built, so that no bucket has one: it is read and deleted
//! as one that is not there, and cannot be created.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/metadata-tables-overview.html>

use crate::{S3, api};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_shape::{Empty, Operation};

impl S3 {
    fn of_metadata_tables<O: Operation>(&self, cx: &Cx, bucket: &str, expected_owner: Option<&String>) -> Result<Permissions, Fault> {
        Ok(self.find(cx, bucket, expected_owner)?.permission::<O>(cx).into())
    }

    /// AWS: the code is that of logged calls; the message is unverified.
    fn no_metadata_tables<T>(&self, cx: &Cx, bucket: &str) -> Result<T, Fault> {
        self.find(cx, bucket, None)?;
        Err(FaultKind::sender("MetadataConfigurationNotFound", 404)
            .says("The metadata configuration of the bucket was not found")
            .with("BucketName", bucket))
    }
}

macro_rules! without_metadata_tables {
    ($($operation:ident($input:ident) -> $output:ty),+ $(,)?) => {
        $(impl Handle<api::$operation> for S3 {
            fn permissions(&self, cx: &Cx, input: &api::$input) -> Result<Permissions, Fault> {
                self.of_metadata_tables::<api::$operation>(cx, &input.bucket, input.expected_bucket_owner.as_ref())
            }

            async fn handle(&self, cx: &Cx, input: api::$input) -> Result<$output, Fault> {
                self.no_metadata_tables(cx, &input.bucket)
            }
        })+
    };
}

without_metadata_tables! {
    GetBucketMetadataConfiguration(GetBucketMetadataConfigurationRequest) -> api::GetBucketMetadataConfigurationOutput,
    DeleteBucketMetadataConfiguration(DeleteBucketMetadataConfigurationRequest) -> Empty,
    GetBucketMetadataTableConfiguration(GetBucketMetadataTableConfigurationRequest) -> api::GetBucketMetadataTableConfigurationOutput,
    DeleteBucketMetadataTableConfiguration(DeleteBucketMetadataTableConfigurationRequest) -> Empty,
}
