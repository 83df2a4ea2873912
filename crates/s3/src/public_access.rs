//! Block Public Access of a bucket.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>

use crate::{S3, api};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_s3_access::PublicAccessBlock;
use cloudlet_shape::Empty;

impl Handle<api::PutPublicAccessBlock> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::PutPublicAccessBlockRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::PutPublicAccessBlock>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::PutPublicAccessBlockRequest) -> Result<Empty, Fault> {
        let requested = &input.public_access_block_configuration;
        let block = PublicAccessBlock {
            block_public_acls: requested.block_public_acls == Some(true),
            ignore_public_acls: requested.ignore_public_acls == Some(true),
            block_public_policy: requested.block_public_policy == Some(true),
            restrict_public_buckets: requested.restrict_public_buckets == Some(true),
        };
        self.find(cx, &input.bucket, None)?.update(|bucket| {
            bucket.access.public_access_block = Some(block);
            Ok(Empty {})
        })
    }
}

impl Handle<api::GetPublicAccessBlock> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::GetPublicAccessBlockRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::GetPublicAccessBlock>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetPublicAccessBlockRequest) -> Result<api::GetPublicAccessBlockOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let Some(block) = found.bucket.access.public_access_block else {
            return Err(FaultKind::sender("NoSuchPublicAccessBlockConfiguration", 404)
                .says("The public access block configuration was not found")
                .with("BucketName", &*found.name));
        };
        let shown = api::PublicAccessBlockConfiguration {
            block_public_acls: Some(block.block_public_acls),
            ignore_public_acls: Some(block.ignore_public_acls),
            block_public_policy: Some(block.block_public_policy),
            restrict_public_buckets: Some(block.restrict_public_buckets),
        };
        Ok(api::GetPublicAccessBlockOutput { public_access_block_configuration: Some(shown) })
    }
}

impl Handle<api::DeletePublicAccessBlock> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::DeletePublicAccessBlockRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::DeletePublicAccessBlock>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::DeletePublicAccessBlockRequest) -> Result<Empty, Fault> {
        self.find(cx, &input.bucket, None)?.update(|bucket| {
            bucket.access.public_access_block = None;
            Ok(Empty {})
        })
    }
}
