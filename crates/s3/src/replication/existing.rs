//! Replicates an object that exists, for S3 Batch Operations.

use crate::{
    S3, faults,
    versions::{self, VersionSelector},
};
use cloudlet_aws::Fault;
use cloudlet_engine::{
    Cx, Handle, Permissions,
    replication::{InitiateReplication, ReplicationInput},
};
use cloudlet_shape::Empty;

impl Handle<InitiateReplication> for S3 {
    fn permissions(&self, cx: &Cx, input: &ReplicationInput) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        Ok(found.object_permission(cx, "s3:InitiateReplication", &input.key).into())
    }

    async fn handle(&self, cx: &Cx, input: ReplicationInput) -> Result<Empty, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        if found.bucket.background.replication.is_none() {
            return Err(faults::INVALID_REQUEST.says("The bucket has no replication configuration."));
        }
        let selector = VersionSelector::of(input.version_id.as_deref())?;
        let object = found.tables.read(|tables| versions::object(tables, &input.key, selector)).flatten();
        let object = object.ok_or_else(|| selector.missing(&found.bucket, &input.key))?;
        if self.replicate_existing(cx, &found, &input.key, &object) {
            Ok(Empty {})
        } else {
            Err(faults::INVALID_REQUEST.says("The object is not eligible for replication."))
        }
    }
}
