//! SigV4A: the P-256 key that follows from a secret, and ECDSA over the same string to sign.
//! The derivation is NIST SP 800-108's KDF in counter mode, repeated until a key is in range.
//! <https://github.com/awslabs/aws-c-auth/blob/main/source/key_derivation.c>

use aws_lc_rs::{agreement, hmac, signature};
use std::sync::Arc;

/// n − 2, where n is the order of P-256: the largest candidate that is taken.
const LARGEST: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84,
    0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x4f,
];

/// The public half of an access key's P-256 key. Cheap to clone.
#[derive(Clone)]
pub struct VerifyingKey(Arc<signature::ParsedPublicKey>);

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VerifyingKey(…)")
    }
}

impl VerifyingKey {
    /// `None` only if 254 candidates in a row were out of range, which does not happen.
    pub fn derive(access_key: &str, secret: &str) -> Option<VerifyingKey> {
        let private = private_key(access_key, secret)?;
        let public = public_key(&private)?;
        let key = signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_ASN1, public).parse().ok()?;
        Some(VerifyingKey(Arc::new(key)))
    }

    /// `signature` is hexadecimal, of a DER sequence of two integers; chunks pad it with asterisks.
    pub(crate) fn verifies(&self, text: &[u8], signature: &str) -> bool {
        ::hex::decode(signature.trim_matches('*')).is_ok_and(|signature| self.0.verify_sig(text, &signature).is_ok())
    }
}

fn public_key(private: &[u8]) -> Option<Vec<u8>> {
    let key = agreement::PrivateKey::from_private_key(&agreement::ECDH_P256, private).ok()?;
    Some(key.compute_public_key().ok()?.as_ref().to_vec())
}

fn private_key(access_key: &str, secret: &str) -> Option<[u8; 32]> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4A{secret}").as_bytes());
    (1..=254_u8).find_map(|counter| {
        let mut context = hmac::Context::with_key(&key);
        context.update(&1_u32.to_be_bytes());
        context.update(b"AWS4-ECDSA-P256-SHA256\0");
        context.update(access_key.as_bytes());
        context.update(&[counter]);
        context.update(&256_u32.to_be_bytes());
        let mut candidate: [u8; 32] = context.sign().as_ref().try_into().ok()?;
        if candidate > LARGEST {
            return None;
        }
        for byte in candidate.iter_mut().rev() {
            let (sum, carry) = byte.overflowing_add(1);
            *byte = sum;
            if !carry {
                break;
            }
        }
        Some(candidate)
    })
}

/// Signs as a client would.
#[cfg(test)]
pub(crate) fn sign(access_key: &str, secret: &str, text: &[u8]) -> String {
    let private = private_key(access_key, secret).unwrap();
    let public = public_key(&private).unwrap();
    let pair = signature::EcdsaKeyPair::from_private_key_and_public_key(&signature::ECDSA_P256_SHA256_ASN1_SIGNING, &private, &public).unwrap();
    ::hex::encode(pair.sign(&aws_lc_rs::rand::SystemRandom::new(), text).unwrap().as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of <https://github.com/awslabs/aws-c-auth/blob/main/tests/key_derivation_tests.c>.
    #[test]
    fn the_key_of_the_published_example_follows_from_its_secret() {
        let private = private_key("AKISORANDOMAASORANDOM", "q+jcrXGc+0zWN6uzclKVhvMmUsIfRPa4rlRandom").unwrap();
        let public = ::hex::encode(public_key(&private).unwrap());
        assert_eq!(
            public,
            "0415d242ceebf8d8169fd6a8b5a746c41140414c3b07579038da06af89190fffcb0515242cedd82e94799482e4c0514b505afccf2c0c98d6a553bf539f424c5ec0"
        );
    }

    #[test]
    fn a_signature_verifies_only_over_its_own_text() {
        let key = VerifyingKey::derive("AKIA", "secret").unwrap();
        let signature = sign("AKIA", "secret", b"text");
        assert!(key.verifies(b"text", &signature));
        assert!(key.verifies(b"text", &format!("{signature}**")));
        assert!(!key.verifies(b"texT", &signature));
        assert!(!key.verifies(b"text", ""));
        assert!(!VerifyingKey::derive("AKIA", "other").unwrap().verifies(b"text", &signature));
    }
}
