//! DKIM: the signature of a message, and what a verifier says of it.
//! <https://www.rfc-editor.org/rfc/rfc6376>

mod canonical;
mod verify;

pub use verify::{Outcome, Verified, verify};

use aws_lc_rs::{
    digest::{SHA256, digest},
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{self, KeyPair},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use canonical::{Method, body, field, fields, split};

/// Fields that a signature covers, where a message has them.
const SIGNED: [&str; 15] = [
    "from",
    "reply-to",
    "sender",
    "subject",
    "date",
    "to",
    "cc",
    "message-id",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "in-reply-to",
    "references",
    "list-unsubscribe",
    "list-unsubscribe-post",
];

/// A private key: RSA.
pub struct SigningKey(RsaKeyPair);

/// The bytes are no RSA key of 1,024 to 8,192 bits (of which AWS takes 1,024 to 2,048).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoKey;

impl SigningKey {
    /// A new key of 2,048 bits, and its PKCS #8 form.
    pub fn generate() -> Result<(SigningKey, Vec<u8>), NoKey> {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| NoKey)?;
        let der: Pkcs8V1Der<'_> = key.as_der().map_err(|_| NoKey)?;
        let der = der.as_ref().to_vec();
        Ok((SigningKey(key), der))
    }

    /// A key in DER: PKCS #8, or PKCS #1, as people's tools write them.
    pub fn read(der: &[u8]) -> Result<SigningKey, NoKey> {
        let key = RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der));
        key.map(SigningKey).map_err(|_| NoKey)
    }

    pub fn bits(&self) -> usize {
        self.0.public_modulus_len() * 8
    }

    /// What the record of its selector says: `p=…`.
    pub fn record(&self) -> Result<String, NoKey> {
        let der: aws_lc_rs::encoding::PublicKeyX509Der<'_> = self.0.public_key().as_der().map_err(|_| NoKey)?;
        Ok(format!("p={}", STANDARD.encode(der.as_ref())))
    }

    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, NoKey> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0.sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).map_err(|_| NoKey)?;
        Ok(signature)
    }
}

/// Who signs.
pub struct Signer<'a> {
    pub domain: &'a str,
    pub selector: &'a str,
    pub key: &'a SigningKey,
}

impl Signer<'_> {
    /// The field that goes before the message, with its line end. `now`: seconds since the epoch.
    pub fn sign(&self, message: &[u8], now: i64) -> Result<String, NoKey> {
        let (head, text) = split(message);
        let hash = STANDARD.encode(digest(&SHA256, &body(text, Method::Simple)));
        let present = fields(head);
        let names: Vec<&str> = SIGNED.into_iter().filter(|name| present.iter().any(|one| one.name.eq_ignore_ascii_case(name))).collect();
        let unsigned = format!(
            "DKIM-Signature: v=1; a=rsa-sha256; q=dns/txt; c=relaxed/simple; s={};\r\n\td={}; t={now};\r\n\th={};\r\n\tbh={hash};\r\n\tb=",
            self.selector,
            self.domain,
            names.join(":\r\n\t "),
        );
        let mut input = vec![];
        for name in &names {
            // From the bottom up; each name stands once.
            if let Some(one) = present.iter().rev().find(|one| one.name.eq_ignore_ascii_case(name)) {
                input.extend_from_slice(&field(one.whole, Method::Relaxed));
                input.extend_from_slice(b"\r\n");
            }
        }
        input.extend_from_slice(&field(unsigned.as_bytes(), Method::Relaxed));
        let signature = STANDARD.encode(self.key.sign(&input)?);
        let mut folded = String::with_capacity(signature.len() + 32);
        let mut rest = signature.as_str();
        while !rest.is_empty() {
            let (line, more) = rest.split_at(rest.len().min(72));
            folded.push_str(line);
            rest = more;
            if !rest.is_empty() {
                folded.push_str("\r\n\t ");
            }
        }
        Ok(format!("{unsigned}{folded}\r\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Data, Resolver};
    use std::collections::BTreeMap;

    struct Records(BTreeMap<String, String>);

    impl Resolver for Records {
        fn records(&self, name: &str) -> Vec<Data> {
            self.0.get(name).map(|text| Data::Txt(text.clone())).into_iter().collect()
        }
    }

    const MESSAGE: &str = "From: Ann <ann@example.com>\r\nTo: b@c.com\r\nSubject:  a \r\n  folded   one\r\nDate: Sun, 29 Nov 2026 12:00:00 +0000\r\n\r\n\
                           one\r\n two  \r\n\r\n\r\n";

    #[test]
    fn what_is_signed_is_verified_and_what_is_changed_is_not() {
        let (key, der) = SigningKey::generate().unwrap();
        assert_eq!((key.bits(), SigningKey::read(&der).unwrap().bits()), (2048, 2048));
        let signer = Signer { domain: "example.com", selector: "s", key: &key };
        let signed = format!("{}{MESSAGE}", signer.sign(MESSAGE.as_bytes(), 1_000).unwrap());
        let records = Records(BTreeMap::from([("s._domainkey.example.com".to_owned(), key.record().unwrap())]));
        let outcome = |message: &str| verify(message.as_bytes(), &records, 1_000).into_iter().map(|one| one.outcome).collect::<Vec<_>>();
        assert_eq!(outcome(&signed), [Outcome::Pass]);
        assert_eq!(outcome(&signed.replace("Subject:  a", "SUBJECT:a")), [Outcome::Pass], "relaxed");
        assert_eq!(outcome(&format!("{signed}\r\n\r\n")), [Outcome::Pass], "empty lines at the end");
        assert_eq!(outcome(&signed.replace("one\r\n two", "one\r\n three")), [Outcome::Fail("body hash did not verify")]);
        assert_eq!(outcome(&signed.replace("b@c.com", "x@c.com")), [Outcome::Fail("signature did not verify")]);
        let none = Records(BTreeMap::new());
        assert_eq!(verify(signed.as_bytes(), &none, 0)[0].outcome, Outcome::Permanent("no key for signature"));
        assert!(verify(MESSAGE.as_bytes(), &none, 0).is_empty());
    }
}
