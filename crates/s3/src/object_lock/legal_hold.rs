//! PutObjectLegalHold and GetObjectLegalHold.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectLegalHold.html>

use super::{Hold, ObjectLock, check_enabled, no_configuration, retention::with_version};
use crate::{S3, api, changes::Update, faults, versions::VersionSelector};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions};

impl Handle<api::PutObjectLegalHold> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::PutObjectLegalHoldRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.paid_by(cx, input.request_payer.as_ref())?;
        let mut permission = with_version(found.object_permission(cx, "s3:PutObjectLegalHold", &input.key), input.version_id.as_ref());
        if let Some(status) = input.legal_hold.as_ref().and_then(|hold| hold.status.clone()) {
            permission.keys.set("s3:object-lock-legal-hold", status);
        }
        Ok(permission.into())
    }

    async fn handle(&self, cx: &Cx, input: api::PutObjectLegalHoldRequest) -> Result<api::PutObjectLegalHoldOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let Some(requested) = &input.legal_hold else { return Err(faults::malformed_xml()) };
        check_enabled(&found.bucket)?;
        let selector = VersionSelector::of(input.version_id.as_deref())?;
        let hold = requested.status.as_deref().and_then(Hold::named).ok_or_else(faults::malformed_xml);
        self.update_object::<api::PutObjectLegalHold>(cx, &found, &input.key, selector, "PUT", Update::Protection, |object| {
            let lock = object.lock().cloned().unwrap_or_default();
            object.set_lock(ObjectLock { legal_hold: Some(hold?), ..lock });
            Ok(())
        })?;
        Ok(api::PutObjectLegalHoldOutput::default())
    }
}

impl Handle<api::GetObjectLegalHold> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::GetObjectLegalHoldRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.paid_by(cx, input.request_payer.as_ref())?;
        Ok(with_version(found.object_permission(cx, "s3:GetObjectLegalHold", &input.key), input.version_id.as_ref()).into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetObjectLegalHoldRequest) -> Result<api::GetObjectLegalHoldOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        check_enabled(&found.bucket)?;
        let selector = VersionSelector::of(input.version_id.as_deref())?;
        let object = found.object::<api::GetObjectLegalHold>(cx, &input.key, selector, "GET")?;
        let hold = object.lock().and_then(|lock| lock.legal_hold).ok_or_else(no_configuration)?;
        Ok(api::GetObjectLegalHoldOutput { legal_hold: Some(api::ObjectLockLegalHold { status: Some(hold.name().to_owned()) }) })
    }
}
