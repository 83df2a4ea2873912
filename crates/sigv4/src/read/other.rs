//! Claims as all services but S3 read them, with their messages for malformed ones.

use super::Query;
use crate::{
    claim::{Algorithm, Claim, Location, Scope},
    escape, faults,
    parts::{algorithm_named, elements, header_time, region_set, session_token, whole_credential},
    v2,
};
use cloudlet_aws::{Fault, Head, Timestamp, cut};
use std::borrow::Cow;

/// AWS: the order of these checks was observed at DynamoDB (<https://github.com/architect/dynalite>, index.js).
pub(super) fn read<'a>(head: &Head<'a>, authorization: Option<&'a str>, query: &Query<'a>) -> Result<Option<Claim<'a>>, Fault> {
    match (authorization, query.algorithm) {
        (Some(_), Some(_)) => {
            Err(faults::SIGNATURE_DOES_NOT_MATCH.says("Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."))
        }
        // Another scheme than AWS's is not a signature.
        (Some(value), None) if value.trim_start().starts_with("AWS4-") => header(head, value.trim()).map(Some),
        (_, Some(algorithm)) => presigned(query, algorithm).map(Some),
        _ if query.v2.version == Some("2") => v2::in_parameters(head.query, Location::Query),
        _ => Ok(None),
    }
}

fn header<'a>(head: &Head<'a>, value: &'a str) -> Result<Claim<'a>, Fault> {
    let (kind, rest) = cut::split_once(value, b' ').unwrap_or((value, ""));
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    for component in cut::split(rest, b',').flat_map(|part| cut::split(part, b' ')).filter(|component| !component.is_empty()) {
        match cut::split_once(component, b'=') {
            Some(("Credential", value)) => credential = Some(value),
            Some(("SignedHeaders", value)) => signed_headers = Some(value),
            Some(("Signature", value)) => signature = Some(value),
            Some(_) => {}
            None => {
                return Err(faults::INCOMPLETE_SIGNATURE.says(format!(
                    "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '{}'.",
                    faults::fingerprint(value)
                )));
            }
        }
    }
    let date = head.header("x-amz-date").or_else(|| head.header("date"));
    let mut missing = String::new();
    for (name, value) in [("Credential", credential), ("Signature", signature), ("SignedHeaders", signed_headers)] {
        if value.is_none_or(str::is_empty) {
            missing.push_str(&format!("Authorization header requires '{name}' parameter. "));
        }
    }
    if date.is_none() {
        missing.push_str("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ");
    }
    let (Some(credential), Some(signed_headers), Some(signature), Some(date), true) =
        (credential, signed_headers, signature, date, missing.is_empty())
    else {
        return Err(faults::INCOMPLETE_SIGNATURE
            .says(format!("{missing}(Hashed with SHA-256 and encoded with Base64) Authorization={}", faults::fingerprint(value))));
    };
    let time = header_time(head).ok_or_else(|| bad_date(date))?;
    let algorithm = algorithm_named(kind)
        .ok_or_else(|| faults::INCOMPLETE_SIGNATURE.says(format!("Unsupported AWS 'algorithm': '{kind}' (only AWS4-HMAC-SHA256 for now). ")))?;
    let (access_key, scope) = split(credential.into(), algorithm)?;
    Ok(Claim {
        algorithm,
        location: Location::Header,
        access_key,
        scope: Some(scope),
        region_set: region_set(head, algorithm),
        signed_headers: signed_headers.into(),
        signature: signature.into(),
        session_token: session_token(head),
        time,
        expires: None,
    })
}

fn presigned<'a>(query: &Query<'a>, algorithm: &str) -> Result<Claim<'a>, Fault> {
    // AWS: observed at IAM, with this shorter text.
    let algorithm = algorithm_named(algorithm).ok_or_else(|| faults::MISSING_AUTHENTICATION_TOKEN.says("Missing Authentication Token"))?;
    let mut missing = String::new();
    for (name, value) in [
        ("X-Amz-Credential", query.credential),
        ("X-Amz-Signature", query.signature),
        ("X-Amz-SignedHeaders", query.signed_headers),
        ("X-Amz-Date", query.date),
    ] {
        if value.is_none_or(str::is_empty) {
            missing.push_str(&format!("AWS query-string parameters must include '{name}'. "));
        }
    }
    let (Some(credential), Some(signature), Some(signed_headers), Some(date), true) =
        (query.credential, query.signature, query.signed_headers, query.date, missing.is_empty())
    else {
        return Err(faults::INCOMPLETE_SIGNATURE.says(format!("{missing}Re-examine the query-string parameters.")));
    };
    let time = Timestamp::parse_basic(date).ok_or_else(|| bad_date(date))?;
    let (access_key, scope) = split(escape::decode(credential), algorithm)?;
    Ok(Claim {
        algorithm,
        location: Location::Query,
        access_key,
        scope: Some(scope),
        region_set: query.region_set.map(escape::decode),
        signed_headers: escape::decode(signed_headers),
        signature: escape::decode(signature),
        session_token: query.token.map(escape::decode),
        time,
        expires: query.expires.and_then(|expires| expires.parse().ok()),
    })
}

fn bad_date(date: &str) -> Fault {
    faults::INCOMPLETE_SIGNATURE.says(format!("Date must be in ISO-8601 'basic format'. Got '{date}'. See http://en.wikipedia.org/wiki/ISO_8601"))
}

fn split<'a>(credential: Cow<'a, str>, algorithm: Algorithm) -> Result<(Cow<'a, str>, Scope<'a>), Fault> {
    let count = elements(algorithm);
    // AWS: the text for SigV4A is unverified.
    let example = if count == 5 { "keyid/date/region/service/term" } else { "keyid/date/service/term" };
    whole_credential(credential.clone(), algorithm).ok_or_else(|| {
        faults::INCOMPLETE_SIGNATURE
            .says(format!("Credential must have exactly {count} slash-delimited elements, e.g. {example}, got '{credential}'"))
    })
}
