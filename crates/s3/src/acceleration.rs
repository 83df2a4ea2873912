//! Transfer acceleration: the status of a bucket.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/transfer-acceleration.html>

use crate::{
    S3, api,
    faults::{self, INVALID_REQUEST},
};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_shape::Empty;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Acceleration {
    /// It was never enabled, and no status is answered.
    #[default]
    Unset,
    Enabled,
    Suspended,
}

impl Acceleration {
    pub fn is_unset(&self) -> bool {
        *self == Acceleration::Unset
    }

    fn status(self) -> Option<String> {
        match self {
            Acceleration::Unset => None,
            Acceleration::Enabled => Some("Enabled".to_owned()),
            Acceleration::Suspended => Some("Suspended".to_owned()),
        }
    }
}

impl Handle<api::PutBucketAccelerateConfiguration> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::PutBucketAccelerateConfigurationRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?;
        Ok(found.permission::<api::PutBucketAccelerateConfiguration>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::PutBucketAccelerateConfigurationRequest) -> Result<Empty, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        if found.name.contains('.') {
            return Err(INVALID_REQUEST.says("S3 Transfer Acceleration is not supported for buckets with periods (.) in their names"));
        }
        let acceleration = match input.accelerate_configuration.status.as_deref() {
            Some("Enabled") => Acceleration::Enabled,
            Some("Suspended") => Acceleration::Suspended,
            _ => return Err(faults::malformed_xml()),
        };
        found.update(|bucket| {
            bucket.acceleration = acceleration;
            Ok(Empty {})
        })
    }
}

impl Handle<api::GetBucketAccelerateConfiguration> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::GetBucketAccelerateConfigurationRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?;
        Ok(found.permission::<api::GetBucketAccelerateConfiguration>(cx).into())
    }

    async fn handle(
        &self,
        cx: &Cx,
        input: api::GetBucketAccelerateConfigurationRequest,
    ) -> Result<api::GetBucketAccelerateConfigurationOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        Ok(api::GetBucketAccelerateConfigurationOutput { status: found.bucket.acceleration.status(), request_charged: None })
    }
}
