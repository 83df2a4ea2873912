//! Lifecycle: the configuration of a bucket. What follows from it is done by the scheduler, at midnight UTC.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lifecycle-mgmt.html>

mod apply;
mod dates;
mod filter;
mod plan;
mod rules;

pub use dates::{after_days, expiration, expiration_header};
pub use plan::abort;

use crate::{
    S3, api, faults,
    state::{Lifecycle, MinimumSize},
};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::{Cx, Handle, Permissions, StoredShape};
use cloudlet_shape::Empty;

fn minimum_size(header: Option<&str>) -> Result<MinimumSize, Fault> {
    match header {
        None | Some("all_storage_classes_128K") => Ok(MinimumSize::AllClasses128K),
        Some("varies_by_storage_class") => Ok(MinimumSize::VariesByStorageClass),
        Some(other) => Err(faults::INVALID_REQUEST.says(format!("Invalid TransitionDefaultMinimumObjectSize found: {other}"))),
    }
}

fn name_of(minimum_size: MinimumSize) -> String {
    match minimum_size {
        MinimumSize::AllClasses128K => "all_storage_classes_128K".to_owned(),
        MinimumSize::VariesByStorageClass => "varies_by_storage_class".to_owned(),
    }
}

impl Handle<api::PutBucketLifecycleConfiguration> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::PutBucketLifecycleConfigurationRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?;
        Ok(found.permission::<api::PutBucketLifecycleConfiguration>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::PutBucketLifecycleConfigurationRequest) -> Result<api::PutBucketLifecycleConfigurationOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let minimum_size = minimum_size(input.transition_default_minimum_object_size.as_deref())?;
        let rules = input.lifecycle_configuration.ok_or_else(faults::malformed_xml)?.rules;
        let rules = rules::checked(rules, cx.ids())?.into_iter().map(StoredShape::new).collect();
        let lifecycle = Lifecycle { rules, minimum_size };
        found.update(|bucket| {
            bucket.background.lifecycle = Some(lifecycle.into());
            Ok(())
        })?;
        self.schedule_lifecycle(cx, &found.name, &found.bucket);
        Ok(api::PutBucketLifecycleConfigurationOutput { transition_default_minimum_object_size: Some(name_of(minimum_size)) })
    }
}

impl Handle<api::GetBucketLifecycleConfiguration> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::GetBucketLifecycleConfigurationRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?;
        Ok(found.permission::<api::GetBucketLifecycleConfiguration>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetBucketLifecycleConfigurationRequest) -> Result<api::GetBucketLifecycleConfigurationOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let missing = || FaultKind::sender("NoSuchLifecycleConfiguration", 404).says("The lifecycle configuration does not exist");
        let lifecycle = found.bucket.background.lifecycle.as_ref().ok_or_else(|| missing().with("BucketName", &input.bucket))?;
        Ok(api::GetBucketLifecycleConfigurationOutput {
            rules: Some(lifecycle.rules.iter().map(StoredShape::shape).collect()),
            transition_default_minimum_object_size: Some(name_of(lifecycle.minimum_size)),
        })
    }
}

impl Handle<api::DeleteBucketLifecycle> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::DeleteBucketLifecycleRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?;
        Ok(found.permission::<api::DeleteBucketLifecycle>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::DeleteBucketLifecycleRequest) -> Result<Empty, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        found.update(|bucket| {
            bucket.background.lifecycle = None;
            Ok(())
        })?;
        self.cancel_lifecycle(cx, &found.name);
        Ok(Empty {})
    }
}
