//! Encryption at rest: AES-256-GCM for rows and bodies. All keys are derived from one master key of 32 bytes, which is in a file.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hkdf,
};
use std::{fmt, io};

/// Bytes that sealing adds.
pub(crate) const TAG: usize = 16;
pub(crate) const NONCE: usize = 12;

/// The key that all others are derived from.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey([u8; 32]);

impl MasterKey {
    pub fn new(bytes: [u8; 32]) -> MasterKey {
        MasterKey(bytes)
    }

    /// Reads 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<MasterKey> {
        let text = text.trim();
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
        }
        Some(MasterKey(bytes))
    }

    /// The text of the key file.
    pub fn reveal(&self) -> String {
        use fmt::Write;
        self.0.iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// A key for one purpose.
    pub(crate) fn derive(&self, purpose: &[u8]) -> io::Result<[u8; 32]> {
        let mut key = [0; 32];
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"cloudlet");
        let secret = salt.extract(&self.0);
        let expanded = secret.expand(&[purpose], hkdf::HKDF_SHA256).and_then(|okm| okm.fill(&mut key));
        expanded.map(|()| key).map_err(|_| io::Error::other("a key could not be derived"))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

/// A key that seals bytes. A nonce is used once under one key.
pub(crate) struct Sealer(LessSafeKey);

impl Sealer {
    pub(crate) fn new(key: &[u8; 32]) -> io::Result<Sealer> {
        UnboundKey::new(&AES_256_GCM, key).map(|key| Sealer(LessSafeKey::new(key))).map_err(|_| io::Error::other("a key could not be made"))
    }

    /// Encrypts the bytes from `from` on, in place, and appends the tag.
    pub(crate) fn seal(&self, nonce: [u8; NONCE], associated: &[u8], bytes: &mut Vec<u8>, from: usize) -> io::Result<()> {
        let Some(plain) = bytes.get_mut(from..) else { return Ok(()) };
        let sealed = self.0.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(associated), plain);
        let tag = sealed.map_err(|_| io::Error::other("bytes could not be encrypted"))?;
        bytes.extend_from_slice(tag.as_ref());
        Ok(())
    }

    /// Decrypts in place; `None` when the bytes are not what was sealed.
    pub(crate) fn open<'a>(&self, nonce: [u8; NONCE], associated: &[u8], bytes: &'a mut [u8]) -> Option<&'a [u8]> {
        self.0.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(associated), bytes).ok().map(|plain| &*plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_read_as_it_was_written() {
        let key = MasterKey::new([0xa7; 32]);
        assert_eq!(MasterKey::parse(&format!("{}\n", key.reveal())), Some(key));
        for text in ["", "a7", &"g".repeat(64), &"é".repeat(32)] {
            assert_eq!(MasterKey::parse(text), None);
        }
        assert_eq!(format!("{:?}", MasterKey::new([1; 32])), "MasterKey(..)");
    }

    #[test]
    fn sealed_bytes_open_only_as_they_were_sealed() {
        let sealer = Sealer::new(&MasterKey::new([1; 32]).derive(b"rows").unwrap()).unwrap();
        let mut bytes = b"name:secret".to_vec();
        sealer.seal([0; NONCE], b"key", &mut bytes, 5).unwrap();
        assert_eq!(&bytes[..5], b"name:");
        assert!(!bytes.windows(6).any(|window| window == b"secret"));
        assert_eq!(sealer.open([0; NONCE], b"key", &mut bytes.clone()[5..]), Some(&b"secret"[..]));
        assert_eq!(sealer.open([0; NONCE], b"another", &mut bytes.clone()[5..]), None);
        bytes[6] ^= 1;
        assert_eq!(sealer.open([0; NONCE], b"key", &mut bytes[5..]), None);
    }
}
