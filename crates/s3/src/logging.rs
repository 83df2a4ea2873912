//! Server access logging: the configuration of a bucket.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html>

mod data_event;
mod delivery;
mod observer;
mod record;

pub use observer::{DELETED, observer};
pub use record::Record;

use crate::{S3, access::BucketHandle, api, faults};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::{Cx, Handle, Permissions, StoredShape};
use cloudlet_shape::Empty;

const INVALID_TARGET: FaultKind = FaultKind::sender("InvalidTargetBucketForLogging", 400);

impl Handle<api::GetBucketLogging> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::GetBucketLoggingRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::GetBucketLogging>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetBucketLoggingRequest) -> Result<api::GetBucketLoggingOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        Ok(api::GetBucketLoggingOutput { logging_enabled: found.bucket.background.logging.as_ref().map(StoredShape::shape) })
    }
}

impl Handle<api::PutBucketLogging> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::PutBucketLoggingRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::PutBucketLogging>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::PutBucketLoggingRequest) -> Result<Empty, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let logging = input.bucket_logging_status.logging_enabled;
        if let Some(logging) = &logging {
            self.check_logging(&found, logging)?;
        }
        found.update(|bucket| {
            bucket.background.logging = logging.map(StoredShape::new);
            Ok(Empty {})
        })
    }
}

impl S3 {
    fn check_logging(&self, found: &BucketHandle, logging: &api::LoggingEnabled) -> Result<(), Fault> {
        if let Some(format) = &logging.target_object_key_format {
            let partitioned = format.partitioned_prefix.as_ref();
            let source = partitioned.map(|partitioned| partitioned.partition_date_source.as_deref());
            if format.simple_prefix.is_some() == partitioned.is_some() || !matches!(source, None | Some(None | Some("EventTime" | "DeliveryTime"))) {
                return Err(faults::malformed_xml());
            }
        }
        // AWS: which permission a grant names is not checked (recorded).
        let grants = logging.target_grants.iter().flatten();
        if grants.clone().any(|grant| grant.grantee.is_none() || grant.permission.is_none()) {
            return Err(faults::malformed_xml());
        }
        let target = self
            .find_in_any_region(&logging.target_bucket, None)
            .map_err(|_| INVALID_TARGET.says("The target bucket for logging does not exist").with("TargetBucket", &logging.target_bucket))?;
        if target.bucket.owner != found.bucket.owner {
            let text = "The owner for the bucket to be logged and the target bucket must be the same.";
            return Err(INVALID_TARGET.says(text).with("TargetBucket", &logging.target_bucket));
        }
        if target.bucket.region != found.bucket.region {
            // AWS: the code has this spelling, and us-east-1 is not named (recorded).
            let mut fault = FaultKind::sender("CrossLocationLoggingProhibitted", 403).says("Cross S3 location logging not allowed. ");
            for (name, region) in [("SourceBucketLocation", &found.bucket.region), ("TargetBucketLocation", &target.bucket.region)] {
                if region.as_str() != "us-east-1" {
                    fault = fault.with(name, region.as_str());
                }
            }
            return Err(fault);
        }
        Ok(())
    }
}
