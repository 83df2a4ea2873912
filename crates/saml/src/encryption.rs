//! Encrypted assertions: the assertion is encrypted with a symmetric key, and that key with the service provider's RSA key.
//! <https://www.w3.org/TR/xmlenc-core1/>

use crate::xml::{ASSERTION, SIGNATURE, children, only, text};
use aws_lc_rs::{
    aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    cipher::{AES_128, AES_192, AES_256, DecryptingKey, DecryptionContext, UnboundCipherKey},
    encoding::AsDer,
    rsa::{
        OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512, OaepPrivateDecryptingKey, PrivateDecryptingKey,
    },
    signature::RsaKeyPair,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use roxmltree::Node;

const ENCRYPTION: &str = "http://www.w3.org/2001/04/xmlenc#";
const NONCE: usize = 12;
const BLOCK: usize = 16;

/// An RSA key that decrypts assertions.
pub struct PrivateKey(OaepPrivateDecryptingKey);

impl PrivateKey {
    /// RSA, as `PRIVATE KEY` or as `RSA PRIVATE KEY`.
    pub fn from_pem(pem: &str) -> Option<PrivateKey> {
        let block = |label: &str| {
            let (_, rest) = pem.split_once(&format!("-----BEGIN {label}-----"))?;
            let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
            STANDARD.decode(body.split_ascii_whitespace().collect::<String>()).ok()
        };
        let der = match block("PRIVATE KEY") {
            Some(der) => der,
            None => RsaKeyPair::from_der(&block("RSA PRIVATE KEY")?).ok()?.as_der().ok()?.as_ref().to_vec(),
        };
        OaepPrivateDecryptingKey::new(PrivateDecryptingKey::from_pkcs8(&der).ok()?).ok().map(PrivateKey)
    }
}

pub(crate) fn encrypted_assertion<'a, 'i>(response: Node<'a, 'i>) -> Option<Node<'a, 'i>> {
    only(response, ASSERTION, "EncryptedAssertion")
}

/// The text of the assertion. All failures look the same, so that nothing is learned from them.
pub(crate) fn decrypt(encrypted: Node<'_, '_>, keys: &[PrivateKey]) -> Option<String> {
    let body = only(encrypted, ENCRYPTION, "EncryptedData")?;
    // In the KeyInfo of the body, or beside the body.
    let mut wrapped = encrypted.descendants().filter(|node| node.has_tag_name((ENCRYPTION, "EncryptedKey")));
    let wrapped = wrapped.next().filter(|_| wrapped.next().is_none())?;
    let key = keys.iter().find_map(|key| unwrapped(wrapped, key))?;
    let plain = decrypted(algorithm(body)?, &key, value(body)?)?;
    String::from_utf8(plain).ok()
}

fn algorithm<'a>(node: Node<'a, '_>) -> Option<&'a str> {
    only(node, ENCRYPTION, "EncryptionMethod")?.attribute("Algorithm")
}

fn value(node: Node<'_, '_>) -> Option<Vec<u8>> {
    let base64: String = text(only(only(node, ENCRYPTION, "CipherData")?, ENCRYPTION, "CipherValue")?).split_ascii_whitespace().collect();
    STANDARD.decode(base64).ok()
}

fn unwrapped(wrapped: Node<'_, '_>, key: &PrivateKey) -> Option<Vec<u8>> {
    let method = only(wrapped, ENCRYPTION, "EncryptionMethod")?;
    let mask = method.children().find(|node| node.tag_name().name() == "MGF").and_then(|mask| mask.attribute("Algorithm"));
    let digest = children(method, SIGNATURE, "DigestMethod").next().and_then(|digest| digest.attribute("Algorithm"));
    let digest = digest.and_then(|name| name.rsplit('#').next()).unwrap_or("sha1");
    // `rsa-oaep-mgf1p` uses SHA-1 in the mask function; the newer form names the digest, with SHA-1 as the default.
    let mask = match algorithm(wrapped)? {
        "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p" => "sha1",
        "http://www.w3.org/2009/xmlenc11#rsa-oaep" => mask.map_or("sha1", |name| name.rsplit("mgf1").next().unwrap_or_default()),
        _ => return None,
    };
    let algorithm = match (digest, mask) {
        ("sha1", "sha1") => &OAEP_SHA1_MGF1SHA1,
        ("sha256", "sha256") => &OAEP_SHA256_MGF1SHA256,
        ("sha384", "sha384") => &OAEP_SHA384_MGF1SHA384,
        ("sha512", "sha512") => &OAEP_SHA512_MGF1SHA512,
        _ => return None,
    };
    let mut out = vec![0; key.0.min_output_size()];
    key.0.decrypt(algorithm, &value(wrapped)?, &mut out, None).ok().map(|plain| plain.to_vec())
}

fn decrypted(algorithm: &str, key: &[u8], value: Vec<u8>) -> Option<Vec<u8>> {
    match algorithm {
        "http://www.w3.org/2009/xmlenc11#aes128-gcm" | "http://www.w3.org/2009/xmlenc11#aes256-gcm" => {
            let algorithm = if algorithm.ends_with("aes128-gcm") { &AES_128_GCM } else { &AES_256_GCM };
            let (nonce, body) = value.split_at_checked(NONCE)?;
            let key = LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?);
            let mut body = body.to_vec();
            let plain = key.open_in_place(Nonce::try_assume_unique_for_key(nonce).ok()?, Aad::empty(), &mut body).ok()?;
            Some(plain.to_vec())
        }
        _ => {
            let algorithm = match algorithm {
                "http://www.w3.org/2001/04/xmlenc#aes128-cbc" => &AES_128,
                "http://www.w3.org/2001/04/xmlenc#aes192-cbc" => &AES_192,
                "http://www.w3.org/2001/04/xmlenc#aes256-cbc" => &AES_256,
                _ => return None,
            };
            let (first, body) = value.split_first_chunk::<BLOCK>()?;
            let mut body = body.to_vec();
            let key = DecryptingKey::cbc(UnboundCipherKey::new(algorithm, key).ok()?).ok()?;
            let plain = key.decrypt(&mut body, DecryptionContext::Iv128(first.into())).ok()?;
            // The last byte is the length of the padding.
            let padding = usize::from(*plain.last()?);
            let length = plain.len().checked_sub(padding).filter(|_| (1..=BLOCK).contains(&padding))?;
            plain.get(..length).map(<[u8]>::to_vec)
        }
    }
}
