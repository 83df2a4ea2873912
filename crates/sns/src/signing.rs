//! The signatures of notifications, and the certificate that goes with them.
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html>
//!
//! The RSA is done here because no library of the house signs with SHA-1, which version 1 of the signature is, and because at two
//! thousand signatures a second a library would be what publishing waits for.

mod key;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use cloudlet_digest::{Algorithm, digest};
use cloudlet_engine::{Ids, Paper, Papers};
use cloudlet_store::{Journal, Store, Table, tables};
use key::Key;
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

    /// `DigestInfo`: the algorithm, and a digest of it. <https://www.rfc-editor.org/rfc/rfc8017#section-9.2>
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

/// The key as the certificate's maker sees it.
struct Holder<'a> {
    key: &'a Key,
    public: Vec<u8>,
}

impl PublicKeyData for Holder<'_> {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

impl SigningKey for Holder<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(self.key.sign(&SignatureVersion::V2.digest(message)))
    }
}

fn certificate(key: &Key) -> Result<String, rcgen::Error> {
    let mut params = CertificateParams::new(vec!["sns.amazonaws.com".to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, "sns.amazonaws.com");
    params.distinguished_name.push(DnType::OrganizationName, "Cloudlet");
    // Notifications are verified by stopped and by moved clocks too.
    (params.not_before, params.not_after) = (rcgen::date_time_ymd(2000, 1, 1), rcgen::date_time_ymd(2199, 12, 31));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    Ok(params.self_signed(&Holder { key, public: key.public() })?.pem())
}

#[derive(Default)]
struct Safe {
    /// One row, once somebody needs a signature: what is signed before a restart can be verified after it.
    keys: Table<(), Kept>,
}

tables!(Safe { keys });

#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    primes: Vec<u64>,
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
        Some(Pair::of(Key::of(&kept.primes)?, kept.certificate))
    }

    fn made(&self, ids: &Ids) -> Option<Pair> {
        let key = Key::generate(ids)?;
        let certificate = certificate(&key).ok()?;
        let kept = Kept { primes: key.numbers(), certificate: certificate.clone() };
        self.safe.update(|safe| safe.keys.insert((), kept));
        Some(Pair::of(key, certificate))
    }

    /// A signature, in base64.
    pub fn sign(&self, ids: &Ids, version: SignatureVersion, text: &str) -> String {
        self.pair(ids).map(|pair| BASE64_STANDARD.encode(pair.key.sign(&version.digest(text.as_bytes())))).unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, UnparsedPublicKey};

    #[test]
    fn both_versions_of_a_signature_are_verified_by_another_library() {
        let signer = Signer::new(&Journal::off());
        let ids = Ids::seeded(1);
        let sign = |version, text: &str| BASE64_STANDARD.decode(signer.sign(&ids, version, text)).unwrap();
        let (one, two) = (sign(SignatureVersion::V1, "Message\nhello\n"), sign(SignatureVersion::V2, "Message\nhello\n"));
        let public = signer.pair(&ids).unwrap().key.public();
        let sha1 = UnparsedPublicKey::new(&RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, public.as_slice());
        let sha256 = UnparsedPublicKey::new(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, public.as_slice());
        assert!(sha1.verify(b"Message\nhello\n", &one).is_ok() && sha1.verify(b"Message\nhullo\n", &one).is_err());
        assert!(sha256.verify(b"Message\nhello\n", &two).is_ok() && sha256.verify(b"Message\nhello\n", &one).is_err());
        for number in 0..200 {
            let text = format!("Message\n{number}\n");
            assert!(sha256.verify(text.as_bytes(), &sign(SignatureVersion::V2, &text)).is_ok(), "{text}");
        }
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
