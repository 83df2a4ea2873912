//! DER, PEM and the OpenSSH format, as far as needed: the validity of a certificate, and the conversion of RSA public keys.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_aws::Timestamp;
use cloudlet_saml::der::Element;

/// The bytes of the first PEM block with this label.
pub(crate) fn from_pem(text: &str, label: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let body: String = body.chars().filter(|c| !c.is_whitespace()).collect();
    STANDARD.decode(body).ok()
}

pub(crate) fn to_pem(bytes: &[u8], label: &str) -> String {
    let body = STANDARD.encode(bytes);
    let mut out = format!("-----BEGIN {label}-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = more;
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

/// The content of an element that must have this tag, and what follows.
fn expect(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    Element::tagged(der, tag).map(|element| (element.content, element.rest))
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;

/// The start and the end of a certificate's validity.
pub(crate) fn validity(certificate: &[u8]) -> Option<(Timestamp, Timestamp)> {
    let (whole, _) = expect(certificate, SEQUENCE)?;
    let (mut body, _) = expect(whole, SEQUENCE)?;
    if let Some((_, rest)) = expect(body, 0xa0) {
        body = rest;
    }
    let (_, body) = expect(body, INTEGER)?;
    let (_, body) = expect(body, SEQUENCE)?;
    let (_, body) = expect(body, SEQUENCE)?;
    let (validity, _) = expect(body, SEQUENCE)?;
    let begins = Element::first(validity)?;
    let ends = Element::first(begins.rest)?;
    Some((time(begins.tag, begins.content)?, time(ends.tag, ends.content)?))
}

/// `YYMMDDhhmmssZ` or `YYYYMMDDhhmmssZ`.
fn time(kind: u8, text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?;
    let text = match kind {
        0x17 => format!("{}{text}", if text.get(..2)?.parse::<u8>().ok()? < 50 { "20" } else { "19" }),
        0x18 => text.to_owned(),
        _ => return None,
    };
    let part = |from: usize, to: usize| text.get(from..to);
    let iso = format!("{}-{}-{}T{}:{}:{}Z", part(0, 4)?, part(4, 6)?, part(6, 8)?, part(8, 10)?, part(10, 12)?, part(12, 14)?);
    Timestamp::parse_any(&iso)
}

/// An RSA public key. Both numbers are DER integers.
pub(crate) struct RsaKey {
    exponent: Vec<u8>,
    modulus: Vec<u8>,
}

const RSA_ENCRYPTION: [u8; 15] = [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

fn wrapped(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len();
    let bytes = length.to_be_bytes();
    match length {
        0..=0x7f => out.push(u8::try_from(length).unwrap_or_default()),
        _ => {
            let significant: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
            out.push(0x80 | u8::try_from(significant.len()).unwrap_or_default());
            out.extend(significant);
        }
    }
    out.extend_from_slice(content);
    out
}

fn field(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(4)?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(length.try_into().ok()?)).ok()?)
}

impl RsaKey {
    /// `ssh-rsa AAAA… comment`
    pub fn from_ssh(text: &str) -> Option<RsaKey> {
        let mut fields = text.split_whitespace();
        let blob = (fields.next() == Some("ssh-rsa")).then(|| fields.next())??;
        let blob = STANDARD.decode(blob).ok()?;
        let (kind, rest) = field(&blob)?;
        let (exponent, rest) = field(rest)?;
        let (modulus, rest) = field(rest)?;
        (kind == b"ssh-rsa" && rest.is_empty() && modulus.len() >= 128).then(|| RsaKey { exponent: exponent.to_vec(), modulus: modulus.to_vec() })
    }

    /// `-----BEGIN PUBLIC KEY-----`
    pub fn from_pem(text: &str) -> Option<RsaKey> {
        let der = from_pem(text, "PUBLIC KEY")?;
        let (whole, _) = expect(&der, SEQUENCE)?;
        let (_, rest) = expect(whole, SEQUENCE)?;
        let (bits, _) = expect(rest, BIT_STRING)?;
        let (numbers, _) = expect(bits.get(1..)?, SEQUENCE)?;
        let (modulus, rest) = expect(numbers, INTEGER)?;
        let (exponent, _) = expect(rest, INTEGER)?;
        Some(RsaKey { exponent: exponent.to_vec(), modulus: modulus.to_vec() })
    }

    pub fn blob(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for part in [b"ssh-rsa".as_slice(), &self.exponent, &self.modulus] {
            out.extend(u32::try_from(part.len()).unwrap_or_default().to_be_bytes());
            out.extend_from_slice(part);
        }
        out
    }

    pub fn ssh(&self) -> String {
        format!("ssh-rsa {}", STANDARD.encode(self.blob()))
    }

    pub fn pem(&self) -> String {
        let numbers = [wrapped(INTEGER, &self.modulus), wrapped(INTEGER, &self.exponent)].concat();
        let key = [vec![0], wrapped(SEQUENCE, &numbers)].concat();
        let whole = [RSA_ENCRYPTION.to_vec(), wrapped(BIT_STRING, &key)].concat();
        to_pem(&wrapped(SEQUENCE, &whole), "PUBLIC KEY")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_rsa_key_survives_conversions() {
        let modulus = [vec![0], vec![0xc3; 256]].concat();
        let key = RsaKey { exponent: vec![1, 0, 1], modulus };
        let again = RsaKey::from_pem(&key.pem()).unwrap();
        assert_eq!(again.ssh(), key.ssh());
        assert_eq!(RsaKey::from_ssh(&key.ssh()).unwrap().pem(), key.pem());
        assert!(RsaKey::from_ssh("ssh-rsa AAAA").is_none() && RsaKey::from_pem("-----BEGIN PUBLIC KEY-----").is_none());
    }
}
