//! Event notifications: the configuration of a bucket, and what is refused of it.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html>

mod delivery;
mod event;
mod name;
mod rules;
mod test_event;

pub use event::{ObjectEvent, Requester, restore_data};
pub use name::EventName;

use crate::{S3, api};
use cloudlet_api_lambda::Invoke;
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::{Cx, Handle, Permissions, StoredShape};
use cloudlet_shape::Empty;

impl Handle<api::GetBucketNotificationConfiguration> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::GetBucketNotificationConfigurationRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?;
        Ok(found.permission::<api::GetBucketNotificationConfiguration>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetBucketNotificationConfigurationRequest) -> Result<api::NotificationConfiguration, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        Ok(found.bucket.background.notifications.as_ref().map(StoredShape::shape).unwrap_or_default())
    }
}

impl Handle<api::PutBucketNotificationConfiguration> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::PutBucketNotificationConfigurationRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?;
        Ok(found.permission::<api::PutBucketNotificationConfiguration>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::PutBucketNotificationConfigurationRequest) -> Result<Empty, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let configuration = rules::checked(input.notification_configuration, cx.ids())?;
        if configuration.lambda_function_configurations.as_ref().is_some_and(|rules| !rules.is_empty()) && !cx.is_built::<Invoke>() {
            return Err(FaultKind::receiver("NotImplemented", 501).says("Cloudlet does not implement event notifications to Lambda functions yet."));
        }
        if input.skip_destination_validation != Some(true) {
            test_event::send(cx, &found, &configuration).await?;
        }
        let is_empty = rules::is_empty(&configuration);
        found.update(|bucket| {
            bucket.background.notifications = (!is_empty).then(|| StoredShape::new(configuration));
            Ok(Empty {})
        })
    }
}
