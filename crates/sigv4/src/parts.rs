//! The parts of a claim that are read alike in every form of it.

use crate::claim::{Algorithm, Scope};
use cloudlet_aws::{Head, Timestamp, TimestampFormat, cut};
use std::borrow::Cow;

pub(crate) fn elements(algorithm: Algorithm) -> usize {
    if algorithm == Algorithm::EcdsaP256Sha256 { 4 } else { 5 }
}

/// Whether a credential has as many parts as its algorithm prescribes.
fn has_all_elements(credential: &str, algorithm: Algorithm) -> bool {
    memchr::memchr_iter(b'/', credential.as_bytes()).count() + 1 == elements(algorithm)
}

/// A credential as access key and scope, if it has all parts.
pub(crate) fn whole_credential(credential: Cow<'_, str>, algorithm: Algorithm) -> Option<(Cow<'_, str>, Scope<'_>)> {
    has_all_elements(&credential, algorithm).then(|| split_credential(credential))
}

fn split_credential(credential: Cow<'_, str>) -> (Cow<'_, str>, Scope<'_>) {
    match credential {
        Cow::Borrowed(text) => {
            let (access_key, scope) = cut::split_once(text, b'/').unwrap_or((text, ""));
            (access_key.into(), Scope::of(scope.into()))
        }
        Cow::Owned(text) => {
            let (access_key, scope) = cut::split_once(&text, b'/').unwrap_or((&text, ""));
            (access_key.to_owned().into(), Scope::of(scope.to_owned().into()))
        }
    }
}

pub(crate) fn algorithm_named(name: &str) -> Option<Algorithm> {
    match name {
        "AWS4-HMAC-SHA256" => Some(Algorithm::HmacSha256),
        "AWS4-ECDSA-P256-SHA256" => Some(Algorithm::EcdsaP256Sha256),
        _ => None,
    }
}

pub(crate) fn region_set<'a>(head: &Head<'a>, algorithm: Algorithm) -> Option<Cow<'a, str>> {
    (algorithm == Algorithm::EcdsaP256Sha256).then(|| head.header("x-amz-region-set").unwrap_or_default().into())
}

pub(crate) fn session_token<'a>(head: &Head<'a>) -> Option<Cow<'a, str>> {
    head.header("x-amz-security-token").or_else(|| head.header("x-amz-s3session-token")).map(Cow::Borrowed)
}

/// The text of a header claim's date.
pub(crate) fn signed_date<'a>(head: &Head<'a>) -> &'a str {
    head.header("x-amz-date").or_else(|| head.header("date")).unwrap_or_default()
}

/// When a header claim was signed: `x-amz-date`, and without it `Date`. Both formats are taken in either.
pub(crate) fn header_time(head: &Head<'_>) -> Option<Timestamp> {
    let text = head.header("x-amz-date").or_else(|| head.header("date"))?.trim();
    Timestamp::parse_basic(text).or_else(|| Timestamp::parse(text, TimestampFormat::HttpDate)).or_else(|| {
        let zoneless = text.strip_suffix("+0000").or_else(|| text.strip_suffix("UTC"))?;
        Timestamp::parse(&format!("{zoneless}GMT"), TimestampFormat::HttpDate)
    })
}
