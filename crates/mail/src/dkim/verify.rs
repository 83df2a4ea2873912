//! Verifying signatures.

use super::canonical::{Field, Method, body, field, fields, split};
use crate::{Resolver, names::is_within, normalized};
use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{ED25519, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, UnparsedPublicKey},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Pass,
    Fail(&'static str),
    /// It can never be verified.
    Permanent(&'static str),
}

/// A signature of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Who says that it signs: `d`.
    pub domain: String,
    pub selector: String,
    pub outcome: Outcome,
}

/// More signatures are not looked at.
const SIGNATURES: usize = 10;

/// Each signature of a message, in their order. `now`: seconds since the epoch.
pub fn verify(message: &[u8], resolver: &dyn Resolver, now: i64) -> Vec<Verified> {
    let (head, text) = split(message);
    let present = fields(head);
    let signatures = present.iter().filter(|one| one.name.eq_ignore_ascii_case("dkim-signature")).take(SIGNATURES);
    signatures.map(|signature| one(signature, &present, text, resolver, now)).collect()
}

/// The tags of a list: `a=b; c=d`.
pub(crate) fn tags(text: &str) -> BTreeMap<&str, String> {
    let pairs = text.split(';').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.trim(), value.split_ascii_whitespace().collect::<Vec<_>>().concat())).collect()
}

fn one(signature: &Field<'_>, present: &[Field<'_>], text: &[u8], resolver: &dyn Resolver, now: i64) -> Verified {
    let whole = String::from_utf8_lossy(signature.whole).into_owned();
    let value = whole.split_once(':').map_or("", |(_, value)| value);
    let tags = tags(value);
    let tag = |name: &str| tags.get(name).map(String::as_str);
    let domain = normalized(tag("d").unwrap_or_default());
    let selector = tag("s").unwrap_or_default().to_owned();
    let outcome = check(signature, present, text, &tags, resolver, now).err().unwrap_or(Outcome::Pass);
    Verified { domain, selector, outcome }
}

fn check(
    signature: &Field<'_>,
    present: &[Field<'_>],
    text: &[u8],
    tags: &BTreeMap<&str, String>,
    resolver: &dyn Resolver,
    now: i64,
) -> Result<(), Outcome> {
    let tag = |name: &str| tags.get(name).map(String::as_str);
    let needed = |name: &str| tag(name).ok_or(Outcome::Permanent("signature missing required tag"));
    if needed("v")? != "1" {
        return Err(Outcome::Permanent("incompatible version"));
    }
    let algorithm = needed("a")?;
    if !matches!(algorithm, "rsa-sha256" | "ed25519-sha256") {
        return Err(Outcome::Permanent("unsupported algorithm"));
    }
    let (of_head, of_body) = tag("c").unwrap_or("simple/simple").split_once('/').unwrap_or((tag("c").unwrap_or("simple"), "simple"));
    let method = |name: &str| match name {
        "simple" => Ok(Method::Simple),
        "relaxed" => Ok(Method::Relaxed),
        _ => Err(Outcome::Permanent("unsupported canonicalization")),
    };
    let (of_head, of_body) = (method(of_head)?, method(of_body)?);
    let domain = normalized(needed("d")?);
    let selector = normalized(needed("s")?);
    if let Some(identity) = tag("i")
        && !is_within(&normalized(identity.rsplit_once('@').map_or(identity, |(_, domain)| domain)), &domain)
    {
        return Err(Outcome::Permanent("domain mismatch"));
    }
    let names: Vec<&str> = needed("h")?.split(':').map(str::trim).collect();
    if !names.iter().any(|name| name.eq_ignore_ascii_case("from")) {
        return Err(Outcome::Permanent("From field not signed"));
    }
    if tag("x").and_then(|expires| expires.parse::<i64>().ok()).is_some_and(|expires| expires < now) {
        return Err(Outcome::Permanent("signature expired"));
    }
    let mut canonical = body(text, of_body);
    if let Some(length) = tag("l") {
        let length: usize = length.parse().map_err(|_| Outcome::Permanent("invalid length"))?;
        if length > canonical.len() {
            return Err(Outcome::Permanent("invalid length"));
        }
        canonical.truncate(length);
    }
    let decoded = |text: &str| STANDARD.decode(text).map_err(|_| Outcome::Permanent("signature is no base64"));
    if decoded(needed("bh")?)? != digest(&SHA256, &canonical).as_ref() {
        return Err(Outcome::Fail("body hash did not verify"));
    }
    let mut input = vec![];
    let mut left: Vec<&Field<'_>> = present.iter().collect();
    for name in names {
        // From the bottom up; a name that stands twice means two fields, and one that is missing stays missing.
        let Some(at) = left.iter().rposition(|one| one.name.eq_ignore_ascii_case(name)) else { continue };
        let found = left.remove(at);
        input.extend_from_slice(&field(found.whole, of_head));
        input.extend_from_slice(b"\r\n");
    }
    input.extend_from_slice(&field(&without_signature(signature.whole), of_head));
    let key = key(&format!("{selector}._domainkey.{domain}"), algorithm, resolver)?;
    let bytes = decoded(needed("b")?)?;
    let outcome = match algorithm {
        "ed25519-sha256" => UnparsedPublicKey::new(&ED25519, key).verify(digest(&SHA256, &input).as_ref(), &bytes),
        _ => UnparsedPublicKey::new(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, key).verify(&input, &bytes),
    };
    outcome.map_err(|_| Outcome::Fail("signature did not verify"))
}

/// The field with an empty `b`.
fn without_signature(whole: &[u8]) -> Vec<u8> {
    let mut out = vec![];
    for (index, part) in whole.split(|byte| *byte == b';').enumerate() {
        if index > 0 {
            out.push(b';');
        }
        // The first part has the field's name before its tag.
        let tag = if index == 0 { part.splitn(2, |byte| *byte == b':').nth(1).unwrap_or_default() } else { part };
        let name = tag.split(|byte| *byte == b'=').next().unwrap_or_default();
        if name.trim_ascii() == b"b" {
            let kept = part.len() - tag.len() + name.len() + 1;
            out.extend_from_slice(part.get(..kept).unwrap_or_default());
        } else {
            out.extend_from_slice(part);
        }
    }
    out
}

fn key(name: &str, algorithm: &str, resolver: &dyn Resolver) -> Result<Vec<u8>, Outcome> {
    let texts = resolver.texts(name);
    let record = texts.first().ok_or(Outcome::Permanent("no key for signature"))?;
    let record = tags(record);
    let kind = if algorithm == "ed25519-sha256" { "ed25519" } else { "rsa" };
    if record.get("v").is_some_and(|version| version != "DKIM1") || record.get("k").map_or("rsa", String::as_str) != kind {
        return Err(Outcome::Permanent("inappropriate key"));
    }
    match record.get("p").map(String::as_str) {
        None | Some("") => Err(Outcome::Permanent("key revoked")),
        Some(text) => STANDARD.decode(text).map_err(|_| Outcome::Permanent("invalid key")),
    }
}
