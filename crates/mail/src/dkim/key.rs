//! The private keys of signers: RSA of 1,024 bits and more.
//!
//! aws-lc-rs signs with keys of 2,048 bits and more. Shorter ones, which AWS takes and DKIM knows, are for the `rsa` crate.

use aws_lc_rs::{
    digest::{SHA256, digest},
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{self, KeyPair},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use rsa::{
    Pkcs1v15Sign, RsaPrivateKey,
    pkcs1::DecodeRsaPrivateKey,
    pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey},
    rand_core::{self, CryptoRng, RngCore},
    traits::PublicKeyParts,
};

/// A private key: RSA.
pub struct SigningKey(Kind);

enum Kind {
    Usual(RsaKeyPair),
    /// Of fewer than 2,048 bits.
    Short(Box<RsaPrivateKey>),
}

/// Of a new key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyLength {
    Bits1024,
    Bits2048,
}

/// The randomness of aws-lc-rs, for the other library.
#[derive(Default)]
struct Random {
    has_failed: bool,
}

impl RngCore for Random {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.has_failed |= aws_lc_rs::rand::fill(bytes).is_err();
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Random {}

/// The bytes are no RSA key of 1,024 to 8,192 bits (of which AWS takes 1,024 to 2,048).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoKey;

/// Shorter keys do not sign.
/// <https://www.rfc-editor.org/rfc/rfc8301#section-3.2>
const SHORTEST: usize = 1_024;

/// More bytes are no key of fewer than 2,048 bits: it would take long to find out what they are.
const LONGEST_SHORT: usize = 2_048;

/// What stands before a SHA-256 that is signed.
/// <https://www.rfc-editor.org/rfc/rfc8017#section-9.2>
const DIGEST_INFO: [u8; 19] = [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

impl SigningKey {
    /// A new key, and its PKCS #8 form.
    pub fn generate(length: KeyLength) -> Result<(SigningKey, Vec<u8>), NoKey> {
        if length == KeyLength::Bits1024 {
            let mut random = Random::default();
            let key = RsaPrivateKey::new(&mut random, 1_024).ok().filter(|_| !random.has_failed).ok_or(NoKey)?;
            let der = key.to_pkcs8_der().map_err(|_| NoKey)?.as_bytes().to_vec();
            return Ok((SigningKey(Kind::Short(Box::new(key))), der));
        }
        let key = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| NoKey)?;
        let der: Pkcs8V1Der<'_> = key.as_der().map_err(|_| NoKey)?;
        let der = der.as_ref().to_vec();
        Ok((SigningKey(Kind::Usual(key)), der))
    }

    /// A key in DER: PKCS #8, or PKCS #1, as people's tools write them.
    pub fn read(der: &[u8]) -> Result<SigningKey, NoKey> {
        if let Ok(key) = RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der)) {
            return Ok(SigningKey(Kind::Usual(key)));
        }
        if der.len() > LONGEST_SHORT {
            return Err(NoKey);
        }
        let key = RsaPrivateKey::from_pkcs8_der(der).ok().or_else(|| RsaPrivateKey::from_pkcs1_der(der).ok()).ok_or(NoKey)?;
        let key = SigningKey(Kind::Short(Box::new(key)));
        if key.bits() < SHORTEST { Err(NoKey) } else { Ok(key) }
    }

    pub fn bits(&self) -> usize {
        match &self.0 {
            Kind::Usual(key) => key.public_modulus_len() * 8,
            Kind::Short(key) => key.n().bits(),
        }
    }

    /// What the record of its selector says: `p=…`.
    pub fn record(&self) -> Result<String, NoKey> {
        let der = match &self.0 {
            Kind::Usual(key) => {
                let der: aws_lc_rs::encoding::PublicKeyX509Der<'_> = key.public_key().as_der().map_err(|_| NoKey)?;
                STANDARD.encode(der.as_ref())
            }
            Kind::Short(key) => STANDARD.encode(key.to_public_key().to_public_key_der().map_err(|_| NoKey)?.as_bytes()),
        };
        Ok(format!("p={der}"))
    }

    /// The signature of RSA with SHA-256. That of a text is the same each time.
    pub(super) fn sign(&self, text: &[u8]) -> Result<Vec<u8>, NoKey> {
        match &self.0 {
            Kind::Usual(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).map_err(|_| NoKey)?;
                Ok(signature)
            }
            Kind::Short(key) => {
                let padding = Pkcs1v15Sign { hash_len: Some(32), prefix: Box::new(DIGEST_INFO) };
                key.sign(padding, digest(&SHA256, text).as_ref()).map_err(|_| NoKey)
            }
        }
    }
}
