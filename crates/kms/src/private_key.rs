//! Asymmetric keys: made, read from their stored form, and used. A thin layer over aws-lc-rs that knows KMS's specs and nothing of its state.

use crate::{
    der,
    specs::{EncryptionAlgorithm, KeySpec, SigningAlgorithm},
};
use aws_lc_rs::{
    agreement,
    digest::{self, Digest},
    encoding::{AsBigEndian, AsDer, EcPrivateKeyBin, Pkcs8V1Der},
    kem,
    rand::SystemRandom,
    rsa::{
        KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
        PublicEncryptingKey,
    },
    signature::{
        self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, PqdsaKeyPair, PqdsaSigningAlgorithm, RsaKeyPair, UnparsedPublicKey,
    },
};

/// A private key, with its public half.
pub struct PrivateKey {
    kind: Kind,
    /// SubjectPublicKeyInfo
    public_key: Vec<u8>,
}

enum Kind {
    Rsa { pair: RsaKeyPair, decrypting: OaepPrivateDecryptingKey },
    Ecdsa { pair: EcdsaKeyPair, agreeing: Option<agreement::PrivateKey> },
    Ed25519(Ed25519KeyPair),
    MlDsa(PqdsaKeyPair),
    MlKem { private: kem::DecapsulationKey, public: kem::EncapsulationKey },
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrivateKey")
    }
}

/// What is signed.
#[derive(Clone, Copy)]
pub enum Signed<'a> {
    Message(&'a [u8]),
    /// The digest of a message, made with the algorithm's own digest.
    Digest(&'a [u8]),
}

/// The key cannot do what was asked of it, or the bytes are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejected;

impl From<aws_lc_rs::error::Unspecified> for Rejected {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Rejected
    }
}

impl From<aws_lc_rs::error::KeyRejected> for Rejected {
    fn from(_: aws_lc_rs::error::KeyRejected) -> Self {
        Rejected
    }
}

fn ecdsa(spec: KeySpec) -> Option<(&'static EcdsaSigningAlgorithm, Option<&'static agreement::Algorithm>)> {
    match spec {
        KeySpec::NistP256 => Some((&signature::ECDSA_P256_SHA256_ASN1_SIGNING, Some(&agreement::ECDH_P256))),
        KeySpec::NistP384 => Some((&signature::ECDSA_P384_SHA384_ASN1_SIGNING, Some(&agreement::ECDH_P384))),
        KeySpec::NistP521 => Some((&signature::ECDSA_P521_SHA512_ASN1_SIGNING, Some(&agreement::ECDH_P521))),
        KeySpec::SecgP256k1 => Some((&signature::ECDSA_P256K1_SHA256_ASN1_SIGNING, None)),
        _ => None,
    }
}

fn ml_dsa(spec: KeySpec) -> Option<&'static PqdsaSigningAlgorithm> {
    match spec {
        KeySpec::MlDsa44 => Some(&signature::ML_DSA_44_SIGNING),
        KeySpec::MlDsa65 => Some(&signature::ML_DSA_65_SIGNING),
        KeySpec::MlDsa87 => Some(&signature::ML_DSA_87_SIGNING),
        _ => None,
    }
}

/// The algorithm, the last arc of its object identifier (2.16.840.1.101.3.4.4.x), and where the encapsulation key lies in the decapsulation key.
/// <https://csrc.nist.gov/pubs/fips/203/final>
fn ml_kem(spec: KeySpec) -> Option<(&'static kem::Algorithm, u8, std::ops::Range<usize>)> {
    match spec {
        KeySpec::MlKem512 => Some((&kem::ML_KEM_512, 1, 768..1568)),
        KeySpec::MlKem768 => Some((&kem::ML_KEM_768, 2, 1152..2336)),
        KeySpec::MlKem1024 => Some((&kem::ML_KEM_1024, 3, 1536..3104)),
        _ => None,
    }
}

fn rsa_size(spec: KeySpec) -> Option<KeySize> {
    match spec {
        KeySpec::Rsa2048 => Some(KeySize::Rsa2048),
        KeySpec::Rsa3072 => Some(KeySize::Rsa3072),
        KeySpec::Rsa4096 => Some(KeySize::Rsa4096),
        _ => None,
    }
}

fn oaep(algorithm: EncryptionAlgorithm) -> Result<&'static OaepAlgorithm, Rejected> {
    match algorithm {
        EncryptionAlgorithm::RsaesOaepSha1 => Ok(&OAEP_SHA1_MGF1SHA1),
        EncryptionAlgorithm::RsaesOaepSha256 => Ok(&OAEP_SHA256_MGF1SHA256),
        _ => Err(Rejected),
    }
}

/// The bytes of the longest digest that OAEP's padding is made with.
fn oaep_digest(algorithm: EncryptionAlgorithm) -> Option<usize> {
    match algorithm {
        EncryptionAlgorithm::RsaesOaepSha1 => Some(20),
        EncryptionAlgorithm::RsaesOaepSha256 => Some(32),
        _ => None,
    }
}

/// The most bytes that RSA can encrypt.
pub fn longest_plaintext(spec: KeySpec, algorithm: EncryptionAlgorithm) -> Option<usize> {
    Some(spec.rsa_bits()? / 8 - 2 * oaep_digest(algorithm)? - 2)
}

fn rsa_signing(algorithm: SigningAlgorithm) -> Option<(&'static signature::RsaSignatureEncoding, &'static signature::RsaParameters)> {
    Some(match algorithm {
        SigningAlgorithm::RsaPssSha256 => (&signature::RSA_PSS_SHA256, &signature::RSA_PSS_2048_8192_SHA256),
        SigningAlgorithm::RsaPssSha384 => (&signature::RSA_PSS_SHA384, &signature::RSA_PSS_2048_8192_SHA384),
        SigningAlgorithm::RsaPssSha512 => (&signature::RSA_PSS_SHA512, &signature::RSA_PSS_2048_8192_SHA512),
        SigningAlgorithm::RsaPkcs1Sha256 => (&signature::RSA_PKCS1_SHA256, &signature::RSA_PKCS1_2048_8192_SHA256),
        SigningAlgorithm::RsaPkcs1Sha384 => (&signature::RSA_PKCS1_SHA384, &signature::RSA_PKCS1_2048_8192_SHA384),
        SigningAlgorithm::RsaPkcs1Sha512 => (&signature::RSA_PKCS1_SHA512, &signature::RSA_PKCS1_2048_8192_SHA512),
        _ => return None,
    })
}

/// The digest that a signing algorithm makes of a message.
pub fn digest_of(algorithm: SigningAlgorithm) -> Option<&'static digest::Algorithm> {
    match algorithm {
        SigningAlgorithm::RsaPssSha256 | SigningAlgorithm::RsaPkcs1Sha256 | SigningAlgorithm::EcdsaSha256 => Some(&digest::SHA256),
        SigningAlgorithm::RsaPssSha384 | SigningAlgorithm::RsaPkcs1Sha384 | SigningAlgorithm::EcdsaSha384 => Some(&digest::SHA384),
        SigningAlgorithm::RsaPssSha512 | SigningAlgorithm::RsaPkcs1Sha512 | SigningAlgorithm::EcdsaSha512 | SigningAlgorithm::Ed25519PhSha512 => {
            Some(&digest::SHA512)
        }
        SigningAlgorithm::Ed25519Sha512 | SigningAlgorithm::MlDsaShake256 | SigningAlgorithm::Sm2Dsa => None,
    }
}

fn digest(algorithm: SigningAlgorithm, bytes: &[u8]) -> Result<Digest, Rejected> {
    Ok(Digest::import_less_safe(bytes, digest_of(algorithm).ok_or(Rejected)?)?)
}

/// The object identifier of an ML-KEM algorithm.
fn ml_kem_id(arc: u8) -> [u8; 9] {
    [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x04, arc]
}

/// A decapsulation key as PKCS#8, in its expanded form. <https://www.rfc-editor.org/rfc/rfc9935#section-6>
fn ml_kem_pkcs8(arc: u8, key: &[u8]) -> Vec<u8> {
    let algorithm = der::value(der::SEQUENCE, &der::value(der::OBJECT_IDENTIFIER, &ml_kem_id(arc)));
    let key = der::value(der::OCTET_STRING, &der::value(der::OCTET_STRING, key));
    der::value(der::SEQUENCE, &[der::value(der::INTEGER, &[0]), algorithm, key].concat())
}

/// The decapsulation key in it. A seed alone is refused: aws-lc-rs does not expand one.
fn ml_kem_key(arc: u8, pkcs8: &[u8]) -> Option<&[u8]> {
    let (content, []) = der::read(der::SEQUENCE, pkcs8)? else { return None };
    let (version, content) = der::read(der::INTEGER, content)?;
    let (algorithm, content) = der::read(der::SEQUENCE, content)?;
    let (id, []) = der::read(der::OBJECT_IDENTIFIER, algorithm)? else { return None };
    let (key, []) = der::read(der::OCTET_STRING, content)? else { return None };
    let (key, []) = der::read(der::OCTET_STRING, key)? else { return None };
    (version == [0] && id == ml_kem_id(arc)).then_some(key)
}

/// A new private key in its stored form, PKCS#8. It takes up to a second for RSA.
pub fn generate(spec: KeySpec) -> Result<Vec<u8>, Rejected> {
    if let Some(size) = rsa_size(spec) {
        let der: Pkcs8V1Der<'_> = RsaKeyPair::generate(size)?.as_der()?;
        return Ok(der.as_ref().to_vec());
    }
    if let Some((algorithm, _)) = ecdsa(spec) {
        return Ok(EcdsaKeyPair::generate(algorithm)?.to_pkcs8v1()?.as_ref().to_vec());
    }
    if let Some(algorithm) = ml_dsa(spec) {
        return Ok(PqdsaKeyPair::generate(algorithm)?.to_pkcs8v1()?.as_ref().to_vec());
    }
    if let Some((algorithm, arc, _)) = ml_kem(spec) {
        return Ok(ml_kem_pkcs8(arc, kem::DecapsulationKey::generate(algorithm)?.key_bytes()?.as_ref()));
    }
    match spec {
        KeySpec::Edwards25519 => Ok(Ed25519KeyPair::generate()?.to_pkcs8v1()?.as_ref().to_vec()),
        _ => Err(Rejected),
    }
}

impl PrivateKey {
    /// A key of this spec from its stored form.
    pub fn read(spec: KeySpec, stored: &[u8]) -> Option<PrivateKey> {
        PrivateKey::parse(spec, stored).ok()
    }

    fn parse(spec: KeySpec, stored: &[u8]) -> Result<PrivateKey, Rejected> {
        let (kind, public_key) = if let Some(bits) = spec.rsa_bits() {
            let pair = RsaKeyPair::from_pkcs8(stored)?;
            if pair.public_modulus_len() * 8 != bits {
                return Err(Rejected);
            }
            let decrypting = OaepPrivateDecryptingKey::new(PrivateDecryptingKey::from_pkcs8(stored)?)?;
            let public_key = pair.public_key().as_der()?.as_ref().to_vec();
            (Kind::Rsa { pair, decrypting }, public_key)
        } else if let Some((algorithm, agreeing)) = ecdsa(spec) {
            let pair = EcdsaKeyPair::from_pkcs8(algorithm, stored)?;
            let scalar: EcPrivateKeyBin<'_> = pair.private_key().as_be_bytes()?;
            let agreeing = agreeing.map(|algorithm| agreement::PrivateKey::from_private_key(algorithm, scalar.as_ref())).transpose()?;
            let public_key = pair.public_key().as_der()?.as_ref().to_vec();
            (Kind::Ecdsa { pair, agreeing }, public_key)
        } else if let Some(algorithm) = ml_dsa(spec) {
            let pair = PqdsaKeyPair::from_pkcs8(algorithm, stored)?;
            let public_key = pair.public_key().as_der()?.as_ref().to_vec();
            (Kind::MlDsa(pair), public_key)
        } else if let Some((algorithm, arc, range)) = ml_kem(spec) {
            let key = ml_kem_key(arc, stored).ok_or(Rejected)?;
            let private = kem::DecapsulationKey::new(algorithm, key)?;
            let public = key.get(range).ok_or(Rejected)?;
            let info = der::public_key_info(&ml_kem_id(arc), public);
            let public = kem::EncapsulationKey::new(algorithm, public)?;
            // aws-lc-rs checks no more than sizes. What somebody imports may not fit together.
            let (ciphertext, secret) = public.encapsulate()?;
            if private.decapsulate(ciphertext)?.as_ref() != secret.as_ref() {
                return Err(Rejected);
            }
            (Kind::MlKem { private, public }, info)
        } else if spec == KeySpec::Edwards25519 {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(stored)?;
            let public_key = pair.public_key().as_der()?.as_ref().to_vec();
            (Kind::Ed25519(pair), public_key)
        } else {
            return Err(Rejected);
        };
        Ok(PrivateKey { kind, public_key })
    }

    /// The public key as DER: SubjectPublicKeyInfo.
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    pub fn sign(&self, algorithm: SigningAlgorithm, what: Signed<'_>) -> Result<Vec<u8>, Rejected> {
        match (&self.kind, what) {
            (Kind::Rsa { pair, .. }, what) => {
                let (encoding, _) = rsa_signing(algorithm).ok_or(Rejected)?;
                let mut signature = vec![0; pair.public_modulus_len()];
                match what {
                    Signed::Message(message) => pair.sign(encoding, &SystemRandom::new(), message, &mut signature)?,
                    Signed::Digest(bytes) => pair.sign_digest(encoding, &digest(algorithm, bytes)?, &mut signature)?,
                }
                Ok(signature)
            }
            (Kind::Ecdsa { pair, .. }, Signed::Message(message)) => Ok(pair.sign(&SystemRandom::new(), message)?.as_ref().to_vec()),
            (Kind::Ecdsa { pair, .. }, Signed::Digest(bytes)) => Ok(pair.sign_digest(&digest(algorithm, bytes)?)?.as_ref().to_vec()),
            (Kind::Ed25519(pair), Signed::Message(message)) => Ok(pair.try_sign(message)?.as_ref().to_vec()),
            (Kind::MlDsa(pair), Signed::Message(message)) => {
                let mut signature = vec![0; pair.algorithm().signature_len()];
                let length = pair.sign(message, &mut signature)?;
                signature.truncate(length);
                Ok(signature)
            }
            _ => Err(Rejected),
        }
    }

    /// Whether a signature is valid. An error: the key cannot verify such.
    pub fn verify(&self, algorithm: SigningAlgorithm, what: Signed<'_>, signature: &[u8]) -> Result<bool, Rejected> {
        let verifier: &'static dyn signature::VerificationAlgorithm = match &self.kind {
            Kind::Rsa { .. } => rsa_signing(algorithm).ok_or(Rejected)?.1,
            Kind::Ecdsa { pair, .. } => match pair.algorithm() {
                a if *a == signature::ECDSA_P256_SHA256_ASN1_SIGNING => &signature::ECDSA_P256_SHA256_ASN1,
                a if *a == signature::ECDSA_P384_SHA384_ASN1_SIGNING => &signature::ECDSA_P384_SHA384_ASN1,
                a if *a == signature::ECDSA_P521_SHA512_ASN1_SIGNING => &signature::ECDSA_P521_SHA512_ASN1,
                _ => &signature::ECDSA_P256K1_SHA256_ASN1,
            },
            Kind::Ed25519(_) => &signature::ED25519,
            Kind::MlDsa(pair) => match pair.algorithm().signature_len() {
                2420 => &signature::ML_DSA_44,
                3309 => &signature::ML_DSA_65,
                _ => &signature::ML_DSA_87,
            },
            Kind::MlKem { .. } => return Err(Rejected),
        };
        let key = UnparsedPublicKey::new(verifier, &self.public_key);
        Ok(match what {
            Signed::Message(message) => key.verify(message, signature).is_ok(),
            Signed::Digest(bytes) => key.verify_digest(&digest(algorithm, bytes)?, signature).is_ok(),
        })
    }

    pub fn encrypt(&self, algorithm: EncryptionAlgorithm, plaintext: &[u8]) -> Result<Vec<u8>, Rejected> {
        encrypt_with(&self.public_key, algorithm, plaintext)
    }

    pub fn decrypt(&self, algorithm: EncryptionAlgorithm, ciphertext: &[u8]) -> Result<Vec<u8>, Rejected> {
        let Kind::Rsa { decrypting, .. } = &self.kind else { return Err(Rejected) };
        let mut plaintext = vec![0; decrypting.min_output_size()];
        let length = decrypting.decrypt(oaep(algorithm)?, ciphertext, &mut plaintext, None)?.len();
        plaintext.truncate(length);
        Ok(plaintext)
    }

    /// The secret shared with the owner of another public key (SubjectPublicKeyInfo): the x-coordinate, as ECDH has it.
    pub fn agree(&self, peer: &[u8]) -> Result<Vec<u8>, Rejected> {
        let Kind::Ecdsa { agreeing: Some(private), .. } = &self.kind else { return Err(Rejected) };
        let peer: agreement::ParsedPublicKey = agreement::UnparsedPublicKey::new(private.algorithm(), peer).try_into()?;
        // aws-lc-rs would also take bare points.
        if peer.format() != agreement::ParsedPublicKeyFormat::X509 {
            return Err(Rejected);
        }
        agreement::agree(private, peer, Rejected, |secret| Ok(secret.to_vec()))
    }

    /// A new shared secret, and its ciphertext.
    pub fn encapsulate(&self) -> Result<(Vec<u8>, Vec<u8>), Rejected> {
        let Kind::MlKem { public, .. } = &self.kind else { return Err(Rejected) };
        let (ciphertext, secret) = public.encapsulate()?;
        Ok((secret.as_ref().to_vec(), ciphertext.as_ref().to_vec()))
    }

    pub fn decapsulate(&self, ciphertext: &[u8]) -> Result<Vec<u8>, Rejected> {
        let Kind::MlKem { private, .. } = &self.kind else { return Err(Rejected) };
        Ok(private.decapsulate(ciphertext.into())?.as_ref().to_vec())
    }
}

/// Encrypts with an RSA public key (SubjectPublicKeyInfo).
pub fn encrypt_with(public_key: &[u8], algorithm: EncryptionAlgorithm, plaintext: &[u8]) -> Result<Vec<u8>, Rejected> {
    let key = OaepPublicEncryptingKey::new(PublicEncryptingKey::from_der(public_key)?)?;
    let mut ciphertext = vec![0; key.ciphertext_size()];
    let length = key.encrypt(oaep(algorithm)?, plaintext, &mut ciphertext, None)?.len();
    ciphertext.truncate(length);
    Ok(ciphertext)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asymmetric_key_is_read_back_and_works() {
        for spec in KeySpec::ALL.iter().copied().filter(|spec| spec.is_asymmetric() && *spec != KeySpec::Sm2) {
            let stored = generate(spec).unwrap();
            let key = PrivateKey::read(spec, &stored).unwrap();
            for algorithm in spec.signing_algorithms().iter().copied().filter(|algorithm| *algorithm != SigningAlgorithm::Ed25519PhSha512) {
                let signature = key.sign(algorithm, Signed::Message(b"message")).unwrap();
                assert_eq!(key.verify(algorithm, Signed::Message(b"message"), &signature), Ok(true), "{spec:?} {algorithm:?}");
                assert_eq!(key.verify(algorithm, Signed::Message(b"another"), &signature), Ok(false));
                if let Some(digested) = digest_of(algorithm) {
                    let digest = digest::digest(digested, b"message");
                    assert_eq!(key.verify(algorithm, Signed::Digest(digest.as_ref()), &signature), Ok(true));
                    let signature = key.sign(algorithm, Signed::Digest(digest.as_ref())).unwrap();
                    assert_eq!(key.verify(algorithm, Signed::Message(b"message"), &signature), Ok(true));
                }
            }
            for algorithm in spec.encryption_algorithms().iter().copied() {
                let longest = vec![7; longest_plaintext(spec, algorithm).unwrap()];
                let ciphertext = key.encrypt(algorithm, &longest).unwrap();
                assert_eq!(key.decrypt(algorithm, &ciphertext), Ok(longest.clone()));
                assert!(key.encrypt(algorithm, &[longest, vec![7]].concat()).is_err());
            }
            if spec.usages().contains(&crate::specs::KeyUsage::KeyAgreement) {
                let other = PrivateKey::read(spec, &generate(spec).unwrap()).unwrap();
                assert_eq!(key.agree(other.public_key()).unwrap(), other.agree(key.public_key()).unwrap());
            }
            if spec.usages().contains(&crate::specs::KeyUsage::EncapsulateDecapsulate) {
                let (secret, ciphertext) = key.encapsulate().unwrap();
                assert_eq!(key.decapsulate(&ciphertext), Ok(secret));
            }
        }
    }

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text).unwrap()
    }

    /// <https://www.rfc-editor.org/rfc/rfc8032#section-7.1>, test 2
    #[test]
    fn ed25519_signs_as_published() {
        let seed = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
        let key = PrivateKey::read(KeySpec::Edwards25519, &bytes(&format!("302e020100300506032b657004220420{seed}"))).unwrap();
        assert!(hex::encode(key.public_key()).ends_with("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"));
        let signature =
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
        assert_eq!(key.sign(SigningAlgorithm::Ed25519Sha512, Signed::Message(&[0x72])), Ok(bytes(signature)));
    }

    /// <https://www.rfc-editor.org/rfc/rfc5903#section-8.1>
    #[test]
    fn p256_agrees_as_published() {
        let scalar = bytes("c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433");
        let curve = [bytes("06072a8648ce3d0201"), bytes("06082a8648ce3d030107")].concat();
        let algorithm = der::value(der::SEQUENCE, &curve);
        let version = der::value(der::INTEGER, &[1]);
        let private = der::value(der::SEQUENCE, &[version, der::value(der::OCTET_STRING, &scalar)].concat());
        let outer = [der::value(der::INTEGER, &[0]), algorithm.clone(), der::value(der::OCTET_STRING, &private)].concat();
        let key = PrivateKey::read(KeySpec::NistP256, &der::value(der::SEQUENCE, &outer)).unwrap();
        let point = bytes(
            "00\
             04\
             d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63\
             56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
        );
        let peer = der::value(der::SEQUENCE, &[algorithm, der::value(der::BIT_STRING, &point)].concat());
        assert_eq!(key.agree(&peer), Ok(bytes("d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de")));
        assert_eq!(key.agree(&point[1..]), Err(Rejected), "a bare point");
    }

    #[test]
    fn the_halves_of_an_ml_kem_key_must_fit() {
        let (mut one, other) = (generate(KeySpec::MlKem512).unwrap(), generate(KeySpec::MlKem512).unwrap());
        one[100..200].copy_from_slice(&other[100..200]);
        assert!(PrivateKey::read(KeySpec::MlKem512, &one).is_none());
    }

    #[test]
    fn a_key_of_another_spec_is_refused() {
        let p256 = generate(KeySpec::NistP256).unwrap();
        for spec in KeySpec::ALL.iter().copied().filter(|spec| *spec != KeySpec::NistP256) {
            assert!(PrivateKey::read(spec, &p256).is_none(), "{spec:?}");
        }
        assert!(PrivateKey::read(KeySpec::NistP256, b"nonsense").is_none());
    }
}
