//! SigV4A: the P-256 key that follows from a secret, and ECDSA over the same string to sign.

/// The public half of an access key's P-256 key. Cheap to clone.
#[derive(Clone, Debug)]
pub struct VerifyingKey {}

impl VerifyingKey {
    pub fn derive(_access_key: &str, _secret: &str) -> Option<VerifyingKey> {
        None
    }
}
