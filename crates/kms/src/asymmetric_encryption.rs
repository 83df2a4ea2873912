//! Encryption under RSA keys. Their ciphertext is RSA's and names no key.

use crate::{
    faults,
    private_key::{PrivateKey, longest_plaintext},
    specs::EncryptionAlgorithm,
    state::Key,
};
use cloudlet_aws::Fault;
use cloudlet_engine::Cx;
use cloudlet_shape::Map;
use std::sync::Arc;

impl Key {
    /// The private key of an asymmetric key that is usable.
    pub fn private_key(&self, cx: &Cx) -> Result<Arc<PrivateKey>, Fault> {
        let key = self.current().and_then(|material| material.private_key(self.spec, cx.now));
        key.ok_or_else(|| Fault::internal(format_args!("{} is usable and has no private key", self.arn)))
    }
}

/// AWS: an asymmetric key takes no encryption context.
fn check_no_context(context: Option<&Map<String>>) -> Result<(), Fault> {
    if context.is_none_or(Map::is_empty) {
        return Ok(());
    }
    // AWS: unverified message.
    Err(faults::validation("EncryptionContext is only valid for symmetric encryption keys."))
}

pub fn encrypt(key: &Key, cx: &Cx, algorithm: EncryptionAlgorithm, context: Option<&Map<String>>, plaintext: &[u8]) -> Result<Vec<u8>, Fault> {
    check_no_context(context)?;
    let longest = longest_plaintext(key.spec, algorithm).unwrap_or_default();
    if plaintext.len() > longest {
        return Err(faults::validation(format!(
            "Algorithm {} and key spec {} cannot encrypt data larger than {longest} bytes.",
            algorithm.as_str(),
            key.spec.as_str()
        )));
    }
    key.private_key(cx)?.encrypt(algorithm, plaintext).map_err(|_| Fault::internal("RSA encrypted nothing"))
}

pub fn decrypt(key: &Key, cx: &Cx, algorithm: EncryptionAlgorithm, context: Option<&Map<String>>, blob: &[u8]) -> Result<Vec<u8>, Fault> {
    check_no_context(context)?;
    key.private_key(cx)?.decrypt(algorithm, blob).map_err(|_| faults::invalid_ciphertext())
}
