//! The ciphertext of a symmetric key. It names the material that it was made with, and is bound to it and to the encryption context.
//!
//! AWS's ciphertexts are opaque. Those seen in public have this layout, which tools look at, and so has ours:
//! `01 02 02 00 78`, 32 bytes that depend on the key, `01`, a nonce of 16 bytes, a length, and encrypted data in the form of PKCS #7 with AES-256-GCM.
//! A key for each ciphertext is derived from the material and the nonce, as
//! <https://docs.aws.amazon.com/kms/latest/cryptographic-details/crypto-primitives.html> says.

use crate::{
    der,
    material::{MaterialId, SecretBytes},
};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hmac,
};
use cloudlet_engine::Ids;
use cloudlet_shape::{Blob, Map};

const VERSION: [u8; 2] = [1, 2];
const KEY_FIELD: [u8; 2] = [0, 0x78];
const NONCE_BYTES: usize = 16;
const IV_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
/// In front of the plaintext, encrypted with it: so that sizes are AWS's.
const HEADER: [u8; 11] = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// The label of the key derivation.
const LABEL: &[u8] = b"cloudlet kms ciphertext";

/// pkcs7-encryptedData, pkcs7-data, id-aes256-GCM
const ENCRYPTED_DATA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x06];
const DATA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
const AES_256_GCM_ID: [u8; 9] = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2e];
const CONTEXT_0: u8 = 0xa0;
const IMPLICIT_0: u8 = 0x80;

/// What made a ciphertext. AWS's begin with `AQIC` when Encrypt made them, with `AQID` when they hold a data key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Encrypted = 2,
    DataKey = 3,
}

/// A ciphertext as it can be read without its key.
#[derive(Debug, PartialEq, Eq)]
pub struct Ciphertext<'a> {
    pub material: MaterialId,
    /// The first bytes, up to the nonce: authenticated.
    head: &'a [u8],
    nonce: &'a [u8; NONCE_BYTES],
    iv: &'a [u8; IV_BYTES],
    sealed: &'a [u8],
}

impl<'a> Ciphertext<'a> {
    /// None: it is no ciphertext of a symmetric key.
    pub fn parse(bytes: &'a [u8]) -> Option<Ciphertext<'a>> {
        let rest = bytes.strip_prefix(&VERSION)?;
        let (kind, rest) = rest.split_first()?;
        if !matches!(kind, 2 | 3) {
            return None;
        }
        let rest = rest.strip_prefix(&KEY_FIELD)?;
        let (material, rest) = rest.split_first_chunk::<32>()?;
        let rest = rest.strip_prefix(&[1])?;
        let head = bytes.get(..bytes.len() - rest.len())?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_BYTES>()?;
        let (length, data) = rest.split_first_chunk::<4>()?;
        if usize::try_from(u32::from_be_bytes(*length)).ok()? != data.len() {
            return None;
        }
        let data = whole(der::SEQUENCE, data)?;
        let (id, data) = der::read(der::OBJECT_IDENTIFIER, data)?;
        let data = whole(der::SEQUENCE, whole(CONTEXT_0, data)?)?;
        let (version, data) = der::read(der::INTEGER, data)?;
        let data = whole(der::SEQUENCE, data)?;
        let (content_id, data) = der::read(der::OBJECT_IDENTIFIER, data)?;
        let (algorithm, data) = der::read(der::SEQUENCE, data)?;
        let sealed = whole(IMPLICIT_0, data)?;
        let (algorithm_id, parameters) = der::read(der::OBJECT_IDENTIFIER, algorithm)?;
        let (iv, parameters) = der::read(der::OCTET_STRING, whole(der::SEQUENCE, parameters)?)?;
        let tag_length = whole(der::INTEGER, parameters)?;
        let known = id == ENCRYPTED_DATA && content_id == DATA && algorithm_id == AES_256_GCM_ID && version == [0] && tag_length == [16];
        let iv = iv.try_into().ok().filter(|_| known)?;
        Some(Ciphertext { material: MaterialId(*material), head, nonce, iv, sealed })
    }

    /// The plaintext. None: it was changed, or has another context.
    pub fn open(&self, secret: &SecretBytes, context: &Context) -> Option<Vec<u8>> {
        let key = derived(secret, self.nonce)?;
        let mut buffer = self.sealed.to_vec();
        let aad = Aad::from([self.head, context.canonical()].concat());
        let opened = key.open_in_place(Nonce::assume_unique_for_key(*self.iv), aad, &mut buffer).ok()?;
        let plaintext = opened.strip_prefix(&HEADER)?.len();
        let length = HEADER.len() + plaintext;
        buffer.truncate(length);
        buffer.drain(..HEADER.len());
        Some(buffer)
    }
}

/// The content of the only value in the bytes.
fn whole(tag: u8, bytes: &[u8]) -> Option<&[u8]> {
    der::read(tag, bytes).filter(|(_, rest)| rest.is_empty()).map(|(content, _)| content)
}

/// The ciphertext of a plaintext under some material.
pub fn seal(ids: &Ids, kind: Kind, material: MaterialId, secret: &SecretBytes, context: &Context, plaintext: &[u8]) -> Option<Blob> {
    let (mut nonce, mut iv) = ([0; NONCE_BYTES], [0; IV_BYTES]);
    ids.fill_secret(&mut nonce);
    ids.fill_secret(&mut iv);
    let mut out = Vec::with_capacity(plaintext.len() + 168);
    out.extend(VERSION);
    out.push(kind as u8);
    out.extend(KEY_FIELD);
    out.extend(material.0);
    out.push(1);
    let mut sealed = Vec::with_capacity(HEADER.len() + plaintext.len() + TAG_BYTES);
    sealed.extend(HEADER);
    sealed.extend_from_slice(plaintext);
    let aad = Aad::from([out.as_slice(), context.canonical()].concat());
    derived(secret, &nonce)?.seal_in_place_append_tag(Nonce::assume_unique_for_key(iv), aad, &mut sealed).ok()?;
    out.extend(nonce);
    let parameters = der::value(der::SEQUENCE, &[der::value(der::OCTET_STRING, &iv), der::value(der::INTEGER, &[16])].concat());
    let algorithm = der::value(der::SEQUENCE, &[der::value(der::OBJECT_IDENTIFIER, &AES_256_GCM_ID), parameters].concat());
    let content = [der::value(der::OBJECT_IDENTIFIER, &DATA), algorithm, der::value(IMPLICIT_0, &sealed)].concat();
    let encrypted = [der::value(der::INTEGER, &[0]), der::value(der::SEQUENCE, &content)].concat();
    let wrapped = der::value(CONTEXT_0, &der::value(der::SEQUENCE, &encrypted));
    let data = der::value(der::SEQUENCE, &[der::value(der::OBJECT_IDENTIFIER, &ENCRYPTED_DATA), wrapped].concat());
    out.extend(u32::try_from(data.len()).ok()?.to_be_bytes());
    out.extend(data);
    Some(out.into())
}

/// The key of one ciphertext: one block of the counter mode of SP 800-108 with HMAC-SHA-256.
fn derived(secret: &SecretBytes, nonce: &[u8; NONCE_BYTES]) -> Option<LessSafeKey> {
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_slice()));
    mac.update(&1u32.to_be_bytes());
    mac.update(LABEL);
    mac.update(&[0]);
    mac.update(nonce);
    mac.update(&256u32.to_be_bytes());
    Some(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, mac.sign().as_ref()).ok()?))
}

/// An encryption context in a form in which the order of its pairs does not matter.
#[derive(Clone, Debug, Default)]
pub struct Context(Vec<u8>);

impl Context {
    pub fn of(pairs: Option<&Map<String>>) -> Context {
        let Some(pairs) = pairs else { return Context::default() };
        let mut sorted: Vec<_> = pairs.iter().collect();
        sorted.sort_unstable();
        let mut out = Vec::new();
        for text in sorted.into_iter().flat_map(|(name, value)| [name, value]) {
            out.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
            out.extend(text.as_bytes());
        }
        Context(out)
    }

    fn canonical(&self) -> &[u8] {
        &self.0
    }

    /// The size that AWS limits, without our lengths.
    pub fn is_longer_than(&self, limit: usize) -> bool {
        self.0.len() > limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MATERIAL: MaterialId = MaterialId([9; 32]);

    fn secret(byte: u8) -> SecretBytes {
        SecretBytes::new(vec![byte; 32])
    }

    fn context(pairs: &[(&str, &str)]) -> Context {
        Context::of(Some(&pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()))
    }

    fn sealed(plaintext: &[u8], context: &Context) -> Blob {
        seal(&Ids::seeded(1), Kind::DataKey, MATERIAL, &secret(1), context, plaintext).unwrap()
    }

    #[test]
    fn a_ciphertext_has_the_size_and_the_first_bytes_of_awss() {
        let blob = sealed(&[0; 32], &Context::default());
        assert_eq!(blob.len(), 184);
        assert_eq!(&blob[..5], [1, 2, 3, 0, 0x78]);
        assert_eq!(Ciphertext::parse(&blob).unwrap().material, MATERIAL);
        // The last bytes before the sealed part, as in the ciphertexts that one meets: `AgEQgDs`.
        assert_eq!(&blob[blob.len() - 59 - 5..blob.len() - 59], [2, 1, 16, 0x80, 59]);
    }

    #[test]
    fn plaintexts_of_every_size_come_back() {
        for length in [0, 1, 80, 101, 127, 128, 200, 1_000, 4_096] {
            let plaintext = vec![3; length];
            let blob = sealed(&plaintext, &Context::default());
            assert_eq!(Ciphertext::parse(&blob).unwrap().open(&secret(1), &Context::default()), Some(plaintext), "{length}");
        }
    }

    #[test]
    fn the_order_of_a_context_does_not_matter_and_everything_else_does() {
        let blob = sealed(b"text", &context(&[("a", "1"), ("b", "2")]));
        let parsed = Ciphertext::parse(&blob).unwrap();
        assert!(parsed.open(&secret(1), &context(&[("b", "2"), ("a", "1")])).is_some());
        for other in [&[][..], &[("a", "1")], &[("a", "1"), ("b", "3")], &[("A", "1"), ("b", "2")], &[("a", "1b"), ("", "2")]] {
            assert_eq!(parsed.open(&secret(1), &context(other)), None, "{other:?}");
        }
        assert_eq!(parsed.open(&secret(2), &context(&[("a", "1"), ("b", "2")])), None);
    }

    #[test]
    fn a_changed_or_cut_ciphertext_does_not_open() {
        let blob = sealed(b"some text", &Context::default());
        for at in 0..blob.len() {
            let mut changed = blob.to_vec();
            changed[at] ^= 1;
            let opened = Ciphertext::parse(&changed).and_then(|parsed| parsed.open(&secret(1), &Context::default()));
            assert_eq!(opened, None, "byte {at}");
            assert_eq!(Ciphertext::parse(&blob[..at]), None);
        }
        assert_eq!(Ciphertext::parse(&[&blob[..], &[0]].concat()), None);
    }
}
