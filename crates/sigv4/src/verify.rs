//! Whether a claim is true. `admit` judges all that needs no secret, in AWS's order, so that a wrong clock is told
//! before an unknown key; `verify` compares the signature. Session tokens are identity's business.

use crate::{
    claim::{Claim, Target},
    keys::Keys,
};
use cloudlet_aws::{Fault, Head, Timestamp};

/// A claim whose scope, clock, expiry and signed headers are in order. Its signature is still unverified.
#[derive(Clone, Debug)]
pub struct Admitted<'a> {
    claim: Claim<'a>,
    #[expect(dead_code, reason = "skeleton")]
    target: Target<'a>,
}

impl<'a> std::ops::Deref for Admitted<'a> {
    type Target = Claim<'a>;
    fn deref(&self) -> &Claim<'a> {
        &self.claim
    }
}

/// The request was signed with the secret of its access key.
#[derive(Clone, Debug)]
pub struct Verified {}

impl<'a> Claim<'a> {
    /// Scope, clock, expiry, and the headers that must be signed.
    pub fn admit(self, _head: &Head<'_>, _now: Timestamp, target: &Target<'a>) -> Result<Admitted<'a>, Fault> {
        Ok(Admitted { claim: self, target: *target })
    }
}

impl Admitted<'_> {
    /// Compares the signature. `payload_hash` is what [`crate::Payload::canonical`] gave.
    pub fn verify(&self, _head: &Head<'_>, _payload_hash: &str, _secret: &str, _keys: &Keys) -> Result<Verified, Fault> {
        Err(Fault::internal("signatures are not verified yet"))
    }

    /// For a query service's SigV2: the form is what was signed.
    pub fn verify_form(&self, _head: &Head<'_>, _form: &str, _secret: &str) -> Result<Verified, Fault> {
        Err(Fault::internal("signatures are not verified yet"))
    }
}
