//! The signatures of notifications, and the certificate that goes with them.
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html>
//!
//! AWS's key has 2,048 bits; this one has 1,024, which every validator takes and which signs several times faster. The RSA is done
//! here because no library of the house signs with SHA-1, which version 1 of the signature is.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use cloudlet_digest::{Algorithm, digest};
use cloudlet_engine::{Ids, Paper, Papers};
use cloudlet_store::{Journal, Store, Table, tables};
use num_bigint::BigUint;
use rcgen::{CertificateParams, DnType, KeyUsagePurpose, PublicKeyData, SigningKey};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, OnceLock};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignatureVersion {
    /// SHA1withRSA
    #[default]
    V1,
    /// SHA256withRSA
    V2,
}

impl SignatureVersion {
    pub fn name(self) -> &'static str {
        match self {
            SignatureVersion::V1 => "1",
            SignatureVersion::V2 => "2",
        }
    }

    pub fn read(name: &str) -> Option<SignatureVersion> {
        [SignatureVersion::V1, SignatureVersion::V2].into_iter().find(|version| version.name() == name)
    }

    /// The algorithm, and what stands before a digest of it. <https://www.rfc-editor.org/rfc/rfc8017#section-9.2>
    fn digest(self, text: &[u8]) -> Vec<u8> {
        const SHA1: [u8; 15] = [0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14];
        const SHA256: [u8; 19] = [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];
        let (prefix, algorithm) = match self {
            SignatureVersion::V1 => (SHA1.as_slice(), Algorithm::Sha1),
            SignatureVersion::V2 => (SHA256.as_slice(), Algorithm::Sha256),
        };
        [prefix, digest(algorithm, text).bytes()].concat()
    }
}

/// Bytes of the key, and of each of its two primes.
const KEY: usize = 128;
const PRIME: usize = KEY / 2;
const EXPONENT: u32 = 65_537;

/// An RSA key in the form that signs fastest: by its primes. <https://www.rfc-editor.org/rfc/rfc8017#section-3.2>
struct Key {
    modulus: BigUint,
    p: BigUint,
    q: BigUint,
    dp: BigUint,
    dq: BigUint,
    q_inverse: BigUint,
    /// `RSAPublicKey` in DER.
    public: Vec<u8>,
}

impl Key {
    fn of(p: BigUint, q: BigUint) -> Option<Key> {
        let (one, exponent) = (BigUint::from(1u32), BigUint::from(EXPONENT));
        let modulus = &p * &q;
        let dp = exponent.modinv(&(&p - &one))?;
        let dq = exponent.modinv(&(&q - &one))?;
        let q_inverse = q.modinv(&p)?;
        let integers = [der_integer(&modulus), der_integer(&exponent)].concat();
        Some(Key { public: der(0x30, &integers), modulus, dp, dq, q_inverse, p, q })
    }

    fn generate(ids: &Ids) -> Option<Key> {
        // The top two bits of both primes are set, so that the modulus has all its bits. A key nobody finds in a thousand tries is a bug.
        (0..1_000).find_map(|_| {
            let (p, q) = (prime(ids)?, prime(ids)?);
            if p == q { None } else { Key::of(p, q) }
        })
    }

    /// RSASSA-PKCS1-v1_5.
    fn sign(&self, version: SignatureVersion, text: &[u8]) -> Vec<u8> {
        let info = version.digest(text);
        let mut padded = vec![0xff; KEY - info.len() - 1];
        if let [first, second, ..] = padded.as_mut_slice() {
            (*first, *second) = (0, 1);
        }
        padded.push(0);
        padded.extend_from_slice(&info);
        let message = BigUint::from_bytes_be(&padded);
        let (m1, m2) = (message.modpow(&self.dp, &self.p), message.modpow(&self.dq, &self.q));
        let difference = (&m1 + &self.p - (&m2 % &self.p)) % &self.p;
        let signature = &m2 + (difference * &self.q_inverse % &self.p) * &self.q;
        fixed(&signature, KEY)
    }
}

/// Big-endian bytes, as many as asked for.
fn fixed(number: &BigUint, length: usize) -> Vec<u8> {
    let bytes = number.to_bytes_be();
    let mut out = vec![0; length.saturating_sub(bytes.len())];
    out.extend_from_slice(&bytes);
    out
}

const SMALL: [u32; 54] = [
    2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149,
    151, 157, 163, 167, 173, 179, 181, 191, 193, 197, 199, 211, 223, 227, 229, 233, 239, 241, 251,
];

fn prime(ids: &Ids) -> Option<BigUint> {
    let (one, zero) = (BigUint::from(1u32), BigUint::from(0u32));
    (0..20_000).find_map(|_| {
        let mut bytes = [0; PRIME];
        ids.fill_secret(&mut bytes);
        let [first, .., last] = &mut bytes;
        *first |= 0xc0;
        *last |= 1;
        let candidate = BigUint::from_bytes_be(&bytes);
        let passes = SMALL.iter().all(|small| &candidate % *small != zero);
        let fits = || (&candidate - &one) % EXPONENT != zero;
        (passes && fits() && probably_prime(&candidate)).then_some(candidate)
    })
}

/// Miller and Rabin's test, with the first primes as witnesses: for numbers drawn at random far more than enough.
fn probably_prime(candidate: &BigUint) -> bool {
    let one = BigUint::from(1u32);
    let last = candidate - &one;
    let twos = last.trailing_zeros().unwrap_or_default();
    let odd = &last >> twos;
    SMALL.iter().take(20).all(|witness| {
        let mut power = BigUint::from(*witness).modpow(&odd, candidate);
        if power == one || power == last {
            return true;
        }
        (1..twos).any(|_| {
            power = &power * &power % candidate;
            power == last
        })
    })
}

/// An element of DER with its length.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(length) if length < 0x80 => out.push(length),
        _ => {
            let length: Vec<u8> = content.len().to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
            out.push(0x80 | u8::try_from(length.len()).unwrap_or_default());
            out.extend(length);
        }
    }
    out.extend_from_slice(content);
    out
}

fn der_integer(number: &BigUint) -> Vec<u8> {
    let mut bytes = number.to_bytes_be();
    if bytes.first().is_none_or(|first| first & 0x80 != 0) {
        bytes.insert(0, 0);
    }
    der(0x02, &bytes)
}

/// The key as the certificate's maker sees it.
struct Holder<'a>(&'a Key);

impl PublicKeyData for Holder<'_> {
    fn der_bytes(&self) -> &[u8] {
        &self.0.public
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

impl SigningKey for Holder<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(self.0.sign(SignatureVersion::V2, message))
    }
}

fn certificate(key: &Key) -> Result<String, rcgen::Error> {
    let mut params = CertificateParams::new(vec!["sns.amazonaws.com".to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, "sns.amazonaws.com");
    params.distinguished_name.push(DnType::OrganizationName, "Cloudlet");
    // Notifications are verified by stopped and by moved clocks too.
    (params.not_before, params.not_after) = (rcgen::date_time_ymd(2000, 1, 1), rcgen::date_time_ymd(2199, 12, 31));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    Ok(params.self_signed(&Holder(key))?.pem())
}

#[derive(Default)]
struct Safe {
    /// One row, once somebody needs a signature: what is signed before a restart can be verified after it.
    keys: Table<(), Kept>,
}

tables!(Safe { keys });

#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    p: String,
    q: String,
    certificate: String,
}

struct Pair {
    key: Key,
    certificate: Bytes,
    /// `/SimpleNotificationService-….pem`
    path: String,
}

/// Signs, with a key that is made when it is first needed.
pub struct Signer {
    safe: Arc<Store<Safe>>,
    pair: OnceLock<Option<Pair>>,
}

impl Signer {
    pub fn new(journal: &Journal) -> Signer {
        Signer { safe: Arc::new(Store::new("sns/keys", journal, Safe::default())), pair: OnceLock::new() }
    }

    /// For snapshots. A reset makes no other key: certificates that were fetched stay good.
    pub fn kept(&self) -> Arc<dyn cloudlet_store::Kept> {
        self.safe.clone()
    }

    fn pair(&self, ids: &Ids) -> Option<&Pair> {
        self.pair.get_or_init(|| self.recalled().or_else(|| self.made(ids))).as_ref()
    }

    fn recalled(&self) -> Option<Pair> {
        let kept = self.safe.read(|safe| safe.keys.get(&()).cloned())?;
        let number = |text: &str| BASE64_STANDARD.decode(text).ok().map(|bytes| BigUint::from_bytes_be(&bytes));
        Some(Pair::of(Key::of(number(&kept.p)?, number(&kept.q)?)?, kept.certificate))
    }

    fn made(&self, ids: &Ids) -> Option<Pair> {
        let key = Key::generate(ids)?;
        let certificate = certificate(&key).ok()?;
        let text = |number: &BigUint| BASE64_STANDARD.encode(number.to_bytes_be());
        let kept = Kept { p: text(&key.p), q: text(&key.q), certificate: certificate.clone() };
        self.safe.update(|safe| safe.keys.insert((), kept));
        Some(Pair::of(key, certificate))
    }

    /// A signature, in base64.
    pub fn sign(&self, ids: &Ids, version: SignatureVersion, text: &str) -> String {
        self.pair(ids).map(|pair| BASE64_STANDARD.encode(pair.key.sign(version, text.as_bytes()))).unwrap_or_default()
    }

    /// Where the certificate lies: `/SimpleNotificationService-….pem`.
    pub fn certificate_path(&self, ids: &Ids) -> &str {
        self.pair(ids).map_or("/SimpleNotificationService.pem", |pair| &pair.path)
    }
}

impl Pair {
    fn of(key: Key, certificate: String) -> Pair {
        let path = format!("/SimpleNotificationService-{}.pem", cloudlet_digest::md5_hex(certificate.as_bytes()));
        Pair { key, certificate: certificate.into(), path }
    }
}

impl Papers for Signer {
    fn paper(&self, path: &str) -> Option<Paper> {
        if !path.starts_with("/SimpleNotificationService-") {
            return None;
        }
        // Who asks after a restart need not wait for the next signature.
        let recalled = self.pair.get().is_none().then(|| self.recalled()).flatten();
        let pair = self.pair.get().and_then(Option::as_ref).or(recalled.as_ref())?;
        (pair.path == path).then(|| Paper { content_type: "application/x-pem-file", body: pair.certificate.clone() })
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RSA key of {} bits", self.modulus.bits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, UnparsedPublicKey};

    #[test]
    fn both_versions_of_a_signature_are_verified_by_another_library() {
        let signer = Signer::new(&Journal::off());
        let ids = Ids::seeded(1);
        let sign = |version| BASE64_STANDARD.decode(signer.sign(&ids, version, "Message\nhello\n")).unwrap();
        let (one, two) = (sign(SignatureVersion::V1), sign(SignatureVersion::V2));
        let public = &signer.pair(&ids).unwrap().key.public;
        let sha1 = UnparsedPublicKey::new(&RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, public);
        let sha256 = UnparsedPublicKey::new(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, public);
        assert!(sha1.verify(b"Message\nhello\n", &one).is_ok() && sha1.verify(b"Message\nhullo\n", &one).is_err());
        assert!(sha256.verify(b"Message\nhello\n", &two).is_ok() && sha256.verify(b"Message\nhello\n", &one).is_err());
    }

    #[test]
    fn the_certificate_lies_where_the_signature_says_and_nowhere_else() {
        let signer = Signer::new(&Journal::off());
        assert!(signer.paper("/SimpleNotificationService-0.pem").is_none());
        let path = signer.certificate_path(&Ids::seeded(1)).to_owned();
        let paper = signer.paper(&path).unwrap();
        assert!(paper.body.starts_with(b"-----BEGIN CERTIFICATE-----"));
        assert!(signer.paper("/bucket/key").is_none());
    }
}
