//! The signatures of notifications, and the certificate that goes with them.
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html>
//!
//! RSA is implemented here, since no library of the project signs with SHA-1, which version 1 of the signature needs, and since a
//! library's two thousand signatures a second would limit publishing.

mod key;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use cloudlet_digest::{Algorithm, digest};
use cloudlet_engine::{PublicFile, PublicFiles};
use key::Padding;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

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

    fn sign(self, text: &[u8]) -> [u8; 256] {
        static SHA1: LazyLock<Padding> =
            LazyLock::new(|| Padding::of(&[0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14], 20));
        #[rustfmt::skip]
        static SHA256: LazyLock<Padding> = LazyLock::new(|| {
            Padding::of(&[0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20], 32)
        });
        match self {
            SignatureVersion::V1 => SHA1.sign(digest(Algorithm::Sha1, text).bytes()),
            SignatureVersion::V2 => SHA256.sign(digest(Algorithm::Sha256, text).bytes()),
        }
    }
}

/// A signature, in base64.
pub fn sign(version: SignatureVersion, text: &str) -> String {
    BASE64_STANDARD.encode(version.sign(text.as_bytes()))
}

/// The certificate of the key, as a file that anybody may fetch.
pub struct Certificate;

impl Certificate {
    const PEM: &str = include_str!("signing/certificate.pem");

    /// Its path: `/SimpleNotificationService-….pem`.
    pub fn path() -> &'static str {
        static PATH: LazyLock<String> =
            LazyLock::new(|| format!("/SimpleNotificationService-{}.pem", cloudlet_digest::md5_hex(Certificate::PEM.as_bytes())));
        &PATH
    }
}

impl PublicFiles for Certificate {
    fn paths(&self) -> Vec<String> {
        vec![Certificate::path().to_owned()]
    }

    fn public_file(&self, path: &str) -> Option<PublicFile> {
        (path == Certificate::path())
            .then(|| PublicFile { content_type: "application/x-pem-file", body: Bytes::from_static(Certificate::PEM.as_bytes()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, KeyUsagePurpose, PublicKeyData, SigningKey};

    /// The key, for the library that makes the certificate.
    struct Key(Vec<u8>);

    impl PublicKeyData for Key {
        fn der_bytes(&self) -> &[u8] {
            &self.0
        }

        fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
            &rcgen::PKCS_RSA_SHA256
        }
    }

    impl SigningKey for Key {
        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
            Ok(SignatureVersion::V2.sign(message).to_vec())
        }
    }

    #[test]
    fn the_certificate_has_the_public_key() {
        let mut params = CertificateParams::new(vec!["sns.amazonaws.com".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "sns.amazonaws.com");
        params.distinguished_name.push(DnType::OrganizationName, "Cloudlet");
        // The server's clock can be set to any time.
        (params.not_before, params.not_after) = (rcgen::date_time_ymd(2000, 1, 1), rcgen::date_time_ymd(2199, 12, 31));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        assert_eq!(params.self_signed(&Key(key::public())).unwrap().pem().replace("\r\n", "\n"), Certificate::PEM);
    }

    proptest! {
        #[test]
        fn both_versions_of_a_signature_are_verified_by_another_library(text: String) {
            let sign = |version| BASE64_STANDARD.decode(sign(version, &text)).unwrap();
            let (one, two) = (sign(SignatureVersion::V1), sign(SignatureVersion::V2));
            let sha1 = UnparsedPublicKey::new(&RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, key::public());
            let sha256 = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key::public());
            prop_assert!(sha1.verify(text.as_bytes(), &one).is_ok());
            prop_assert!(sha256.verify(text.as_bytes(), &two).is_ok());
            let other = format!("{text}.");
            prop_assert!(sha1.verify(other.as_bytes(), &one).is_err() && sha256.verify(other.as_bytes(), &two).is_err());
        }
    }

    #[test]
    fn the_certificate_is_served_at_its_path_only() {
        assert!(Certificate.public_file("/SimpleNotificationService-0.pem").is_none());
        assert!(Certificate.public_file(Certificate::path()).unwrap().body.starts_with(b"-----BEGIN CERTIFICATE-----"));
        assert!(Certificate.public_file("/bucket/key").is_none());
    }
}
