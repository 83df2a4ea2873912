//! Browser forms (`POST /bucket`): the claim in the form's fields, and the policy they must agree with.

use crate::{Claim, Keys, Target};
use cloudlet_aws::{Fault, Timestamp};

/// The fields of a form before its file, in order. Names as sent; they are compared without regard to case.
pub type Fields = [(String, String)];

/// The claim of a form, and its policy; `None` for an anonymous form, which has no policy.
pub fn find<'a>(_fields: &'a Fields, _target: &Target<'_>) -> Result<Option<Claim<'a>>, Fault> {
    Ok(None)
}

/// Verifies the signature over the policy, as it was sent.
pub fn verify(_claim: &Claim<'_>, _fields: &Fields, _secret: &str, _keys: &Keys) -> Result<(), Fault> {
    Err(Fault::internal("forms are not verified yet"))
}

/// A policy document.
#[derive(Clone, Debug)]
pub struct Policy {}

impl Policy {
    /// Decodes the base64 of the `policy` field.
    pub fn parse(_encoded: &str) -> Result<Policy, Fault> {
        Err(Fault::internal("policies are not read yet"))
    }

    /// Expiry and every condition but the length of the file, which is not known yet. `bucket` is the one of the URL.
    pub fn check(&self, _fields: &Fields, _bucket: &str, _now: Timestamp) -> Result<(), Fault> {
        Ok(())
    }

    /// The longest file any `content-length-range` allows: stop reading beyond it.
    pub fn longest(&self) -> Option<u64> {
        None
    }

    /// The length of the file, once known (or as soon as it is too long).
    pub fn check_length(&self, _length: u64) -> Result<(), Fault> {
        Ok(())
    }
}
