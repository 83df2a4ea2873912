//! Transfer Acceleration: whether a bucket is reached by the host `bucket.s3-accelerate.amazonaws.com`. It is not faster here.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/transfer-acceleration.html>

use crate::{S3, api, faults, state::Acceleration};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_shape::Empty;

impl Acceleration {
    const fn name(self) -> &'static str {
        match self {
            Acceleration::Enabled => "Enabled",
            Acceleration::Suspended => "Suspended",
        }
    }
}

impl Handle<api::PutBucketAccelerateConfiguration> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::PutBucketAccelerateConfigurationRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::PutBucketAccelerateConfiguration>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::PutBucketAccelerateConfigurationRequest) -> Result<Empty, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let acceleration = match input.accelerate_configuration.status.as_deref() {
            Some("Enabled") => Acceleration::Enabled,
            Some("Suspended") => Acceleration::Suspended,
            Some(_) | None => return Err(faults::malformed_xml()),
        };
        if input.bucket.contains('.') {
            // AWS: recorded.
            return Err(faults::INVALID_REQUEST.says("S3 Transfer Acceleration is not supported for buckets with periods (.) in their names"));
        }
        found.update(|bucket| {
            bucket.acceleration = Some(acceleration);
            Ok(Empty {})
        })
    }
}

impl Handle<api::GetBucketAccelerateConfiguration> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::GetBucketAccelerateConfigurationRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::GetBucketAccelerateConfiguration>(cx).into())
    }

    async fn handle(
        &self,
        cx: &Cx,
        input: api::GetBucketAccelerateConfigurationRequest,
    ) -> Result<api::GetBucketAccelerateConfigurationOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let status = found.bucket.acceleration.map(|acceleration| acceleration.name().to_owned());
        Ok(api::GetBucketAccelerateConfigurationOutput { status, request_charged: None })
    }
}

/// Whether a host is that of the accelerated endpoint: `bucket.s3-accelerate.amazonaws.com`, or the same with `dualstack`.
fn is_accelerated(host: &str) -> bool {
    host.split('.').any(|label| label.eq_ignore_ascii_case("s3-accelerate"))
}

impl S3 {
    /// Refuses requests to the accelerated endpoint of a bucket that is not accelerated.
    pub(crate) fn check_accelerated(&self, host: Option<&str>, bucket: &str) -> Result<(), Fault> {
        if !host.is_some_and(is_accelerated) {
            return Ok(());
        }
        let status = self.buckets.read(bucket, |tables| tables.bucket.get(&()).and_then(|bucket| bucket.acceleration));
        match status {
            // A bucket that is not there has a fault of its own.
            None | Some(Some(Acceleration::Enabled)) => Ok(()),
            Some(Some(Acceleration::Suspended)) => Err(faults::INVALID_REQUEST.says("S3 Transfer Acceleration is disabled on this bucket")),
            Some(None) => Err(faults::INVALID_REQUEST.says("S3 Transfer Acceleration is not configured on this bucket")),
        }
    }
}
