//! Bucket policies.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html>

use crate::{S3, access::BucketHandle, api, faults, names};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_s3_access::{InvalidPolicy, ResourcePolicy, Target};
use cloudlet_shape::Empty;
use std::sync::Arc;

fn no_policy(bucket: &str) -> Fault {
    FaultKind::sender("NoSuchBucketPolicy", 404).says("The bucket policy does not exist").with("BucketName", bucket)
}

impl BucketHandle {
    fn policy(&self) -> Result<&ResourcePolicy, Fault> {
        self.bucket.access.policy.as_deref().ok_or_else(|| no_policy(&self.name))
    }
}

/// Block Public Access: BlockPublicPolicy.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html>
fn blocked(cx: &Cx, bucket: &str) -> Fault {
    faults::ACCESS_DENIED.says(format!(
        "User: {} is not authorized to perform: s3:PutBucketPolicy on resource: \"{}\" because public policies are prevented by the \
         BlockPublicPolicy setting in S3 Block Public Access",
        cx.caller.arn,
        names::bucket_arn(cx, bucket)
    ))
}

impl Handle<api::PutBucketPolicy> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::PutBucketPolicyRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.owner_permission::<api::PutBucketPolicy>(cx))
    }

    async fn handle(&self, cx: &Cx, input: api::PutBucketPolicyRequest) -> Result<Empty, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let policy = ResourcePolicy::parse(&input.policy, Target::Bucket(&found.name), &self.identity)
            .map_err(|InvalidPolicy(message)| FaultKind::sender("MalformedPolicy", 400).says(message))?;
        if policy.is_public() && found.block().block_public_policy {
            return Err(blocked(cx, &found.name));
        }
        found.update(|bucket| {
            bucket.access.policy = Some(Arc::new(policy));
            Ok(())
        })?;
        // AWS: 204, as recorded.
        cx.reply.status(204);
        Ok(Empty {})
    }
}

impl Handle<api::GetBucketPolicy> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::GetBucketPolicyRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.owner_permission::<api::GetBucketPolicy>(cx))
    }

    async fn handle(&self, cx: &Cx, input: api::GetBucketPolicyRequest) -> Result<api::GetBucketPolicyOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        Ok(api::GetBucketPolicyOutput { policy: Some(found.policy()?.shown(&self.identity)) })
    }
}

impl Handle<api::DeleteBucketPolicy> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::DeleteBucketPolicyRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.owner_permission::<api::DeleteBucketPolicy>(cx))
    }

    async fn handle(&self, cx: &Cx, input: api::DeleteBucketPolicyRequest) -> Result<Empty, Fault> {
        self.find(cx, &input.bucket, None)?.update(|bucket| {
            bucket.access.policy = None;
            Ok(Empty {})
        })
    }
}

impl Handle<api::GetBucketPolicyStatus> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::GetBucketPolicyStatusRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::GetBucketPolicyStatus>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetBucketPolicyStatusRequest) -> Result<api::GetBucketPolicyStatusOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let is_public = found.policy()?.is_public();
        Ok(api::GetBucketPolicyStatusOutput { policy_status: Some(api::PolicyStatus { is_public: Some(is_public) }) })
    }
}
