//! The second factor of MFA delete: `x-amz-mfa` has the serial number of a device of the bucket owner's root, a space, and its current code.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/MultiFactorAuthenticationDelete.html>

use crate::{S3, access::BucketHandle, faults};
use cloudlet_aws::Fault;
use cloudlet_engine::Cx;

/// What `x-amz-mfa` proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondFactor {
    Given,
    Missing,
}

/// AWS: the message as users report it.
pub fn required() -> Fault {
    faults::ACCESS_DENIED.says("Mfa Authentication must be used for this request")
}

impl S3 {
    /// Checks the header, where there is one. A code works once. AWS: the answer to a wrong one is unverified.
    pub(crate) fn second_factor(&self, cx: &Cx, found: &BucketHandle, header: Option<&str>) -> Result<SecondFactor, Fault> {
        let Some(header) = header else { return Ok(SecondFactor::Missing) };
        let (serial, code) = header.trim().split_once(' ').ok_or_else(required)?;
        self.identity.write(|state| {
            let device = state.mfa_devices.get_mut(serial).filter(|device| device.account == found.bucket.owner);
            let device = device.filter(|device| device.owner.as_ref().is_some_and(|owner| owner.user.is_none())).ok_or_else(required)?;
            if device.accept(cx.now, code.trim()) { Ok(SecondFactor::Given) } else { Err(required()) }
        })
    }
}
