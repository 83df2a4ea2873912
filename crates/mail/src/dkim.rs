//! DKIM: the signature of a message, and what a verifier says of it.
//! <https://www.rfc-editor.org/rfc/rfc6376>

mod canonical;
mod key;
mod verify;

pub use key::{KeyLength, NoKey, SigningKey};
pub use verify::{Outcome, Verified, verify};

use aws_lc_rs::digest::{SHA256, digest};
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
        for (length, bits) in [(KeyLength::Bits1024, 1024), (KeyLength::Bits2048, 2048)] {
            let (key, der) = SigningKey::generate(length).unwrap();
            assert_eq!((key.bits(), SigningKey::read(&der).unwrap().bits()), (bits, bits));
            signs(&key);
        }
    }

    /// Made by OpenSSL, as people make them: PKCS #1 and PKCS #8 of one key.
    #[test]
    fn short_keys_sign_and_keys_that_are_too_short_do_not() {
        for text in [include_str!("dkim/test_keys/1024.pkcs1"), include_str!("dkim/test_keys/1024.pkcs8"), include_str!("dkim/test_keys/1536.pkcs8")]
        {
            let der = STANDARD.decode(text.split_ascii_whitespace().collect::<String>()).unwrap();
            let key = SigningKey::read(&der).unwrap();
            assert!([1024, 1536].contains(&key.bits()), "{}", key.bits());
            signs(&key);
        }
        let der = STANDARD.decode(include_str!("dkim/test_keys/768.pkcs8").split_ascii_whitespace().collect::<String>()).unwrap();
        assert_eq!(SigningKey::read(&der).err(), Some(NoKey));
        assert_eq!(SigningKey::read(b"none").err(), Some(NoKey));
    }

    fn signs(key: &SigningKey) {
        let signer = Signer { domain: "example.com", selector: "s", key };
        assert_eq!(signer.sign(MESSAGE.as_bytes(), 1_000), signer.sign(MESSAGE.as_bytes(), 1_000), "the same each time");
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
