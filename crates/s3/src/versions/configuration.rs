//! PutBucketVersioning and GetBucketVersioning.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/manage-versioning-examples.html>

use crate::{
    S3, api, faults,
    state::{MfaDelete, Versioning},
    versions::{SecondFactor, mfa_required},
};
use cloudlet_aws::{Fault, FaultKind, Identity};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_shape::Empty;

const ILLEGAL: FaultKind = FaultKind::sender("IllegalVersioningConfigurationException", 400);

fn requested_status(configuration: &api::VersioningConfiguration) -> Result<Versioning, Fault> {
    match configuration.status.as_deref() {
        None => Err(ILLEGAL.says("The Versioning element must be specified")),
        Some("Enabled") => Ok(Versioning::Enabled),
        Some("Suspended") => Ok(Versioning::Suspended),
        Some(_) => Err(faults::malformed_xml()),
    }
}

fn requested_mfa_delete(configuration: &api::VersioningConfiguration) -> Result<Option<MfaDelete>, Fault> {
    match configuration.mfa_delete.as_deref() {
        None => Ok(None),
        Some("Enabled") => Ok(Some(MfaDelete::Enabled)),
        Some("Disabled") => Ok(Some(MfaDelete::Disabled)),
        Some(_) => Err(faults::malformed_xml()),
    }
}

impl Handle<api::PutBucketVersioning> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::PutBucketVersioningRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::PutBucketVersioning>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::PutBucketVersioningRequest) -> Result<Empty, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let status = requested_status(&input.versioning_configuration)?;
        let mfa_delete = requested_mfa_delete(&input.versioning_configuration)?;
        // Only the root of the owner may touch MFA delete, and what it protects, and only with the second factor.
        let is_protected = found.bucket.mfa_delete == MfaDelete::Enabled;
        if is_protected || mfa_delete == Some(MfaDelete::Enabled) {
            let is_root = matches!(cx.caller.identity, Identity::Root) && cx.caller.account == Some(found.bucket.owner);
            if !is_root {
                return Err(faults::access_denied());
            }
            if self.second_factor(cx, &found, input.mfa.as_deref())? == SecondFactor::Missing {
                return Err(mfa_required());
            }
        }
        found.update(|bucket| {
            if bucket.background.replication.is_some() && status != Versioning::Enabled {
                return Err(FaultKind::sender("InvalidBucketState", 409).says(
                    "A replication configuration is present on this bucket, so the versioning state cannot be changed. To change the versioning state, first delete the replication configuration.",
                ));
            }
            if status == Versioning::Suspended && bucket.object_lock.is_some() {
                return Err(FaultKind::sender("InvalidBucketState", 409)
                    .says("An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."));
            }
            bucket.versioning = status;
            bucket.mfa_delete = mfa_delete.unwrap_or(bucket.mfa_delete);
            Ok(Empty {})
        })
    }
}

impl Handle<api::GetBucketVersioning> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::GetBucketVersioningRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::GetBucketVersioning>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetBucketVersioningRequest) -> Result<api::GetBucketVersioningOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let status = match found.bucket.versioning {
            Versioning::Unversioned => None,
            Versioning::Enabled => Some("Enabled"),
            Versioning::Suspended => Some("Suspended"),
        };
        let mfa_delete = match found.bucket.mfa_delete {
            MfaDelete::Unset => None,
            MfaDelete::Enabled => Some("Enabled"),
            MfaDelete::Disabled => Some("Disabled"),
        };
        Ok(api::GetBucketVersioningOutput { status: status.map(Into::into), mfa_delete: mfa_delete.map(Into::into) })
    }
}
