//! Replication: the configuration of a bucket.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication.html>

mod existing;
mod replica;
mod rules;
mod tasks;

use crate::{S3, api, faults, state::Versioning};
use cloudlet_aws::{Arn, Fault, FaultKind};
use cloudlet_engine::{Cx, Handle, Permissions, StoredShape, roles};
use cloudlet_shape::Empty;
use tasks::PRINCIPAL;

impl Handle<api::PutBucketReplication> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::PutBucketReplicationRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?;
        let mut permissions: Permissions = found.permission::<api::PutBucketReplication>(cx).into();
        if let Some(role) = Arn::parse(&input.replication_configuration.role) {
            permissions.push(roles::pass_role(role, PRINCIPAL, None));
        }
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, input: api::PutBucketReplicationRequest) -> Result<Empty, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        if found.bucket.versioning != Versioning::Enabled {
            return Err(faults::INVALID_REQUEST.says("Versioning must be 'Enabled' on the bucket to apply a replication configuration"));
        }
        let configuration = rules::checked(input.replication_configuration, cx.ids())?;
        for rule in &configuration.rules {
            let target = rules::target_bucket(rule)?;
            let versioned = self.find_in_any_region(&target, None).is_ok_and(|found| found.bucket.versioning == Versioning::Enabled);
            if !versioned {
                return Err(faults::INVALID_REQUEST.says("Destination bucket must have versioning enabled."));
            }
        }
        found.update(|bucket| {
            bucket.background.replication = Some(StoredShape::new(configuration));
            Ok(Empty {})
        })
    }
}

impl Handle<api::GetBucketReplication> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::GetBucketReplicationRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::GetBucketReplication>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetBucketReplicationRequest) -> Result<api::GetBucketReplicationOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let missing = || {
            let fault = FaultKind::sender("ReplicationConfigurationNotFoundError", 404).says("The replication configuration was not found");
            fault.with("BucketName", &input.bucket)
        };
        let configuration = found.bucket.background.replication.as_ref().ok_or_else(missing)?;
        Ok(api::GetBucketReplicationOutput { replication_configuration: Some(configuration.shape()) })
    }
}

impl Handle<api::DeleteBucketReplication> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::DeleteBucketReplicationRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::DeleteBucketReplication>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::DeleteBucketReplicationRequest) -> Result<Empty, Fault> {
        self.find(cx, &input.bucket, None)?.update(|bucket| {
            bucket.background.replication = None;
            Ok(Empty {})
        })
    }
}
