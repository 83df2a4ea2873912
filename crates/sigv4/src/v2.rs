//! SigV2, twice: S3's (`AWS key:signature`, HMAC-SHA1 over a canonical resource) and the query services'
//! (`SignatureVersion=2`, either hash, over the sorted parameters). Both end in base64, and neither has a scope.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html>
//! <https://docs.aws.amazon.com/general/latest/gr/signature-version-2.html>

use crate::{
    claim::{Algorithm, Claim, Location},
    dates, escape, faults,
    parts::{session_token, signed_date},
};
use aws_lc_rs::{constant_time, hmac};
use base64::{Engine, engine::general_purpose::STANDARD};
use cloudlet_aws::{Fault, Head, Timestamp, TimestampFormat};
use std::borrow::Cow;

/// The parameters of a presigned SigV2 request.
#[derive(Default)]
pub(crate) struct Query<'a> {
    pub access_key: Option<&'a str>,
    pub signature: Option<&'a str>,
    pub expires: Option<&'a str>,
    pub version: Option<&'a str>,
    pub token: Option<&'a str>,
}

fn claim<'a>(location: Location, algorithm: Algorithm, access_key: Cow<'a, str>, signature: Cow<'a, str>, time: Timestamp) -> Claim<'a> {
    Claim {
        algorithm,
        location,
        access_key,
        scope: None,
        region_set: None,
        signed_headers: Cow::Borrowed(""),
        signature,
        session_token: None,
        time,
        expires: None,
    }
}

// ── S3 ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/// `Authorization: AWS key:signature`; `pair` is what follows the scheme.
pub(crate) fn header<'a>(head: &Head<'a>, authorization: &str, pair: &'a str) -> Result<Claim<'a>, Fault> {
    let Some((access_key, signature)) = pair.split_once(':').filter(|(_, signature)| !signature.is_empty() && !signature.contains(':')) else {
        return Err(faults::invalid_argument(
            "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature",
            "Authorization",
            authorization,
        ));
    };
    let time = dates::read(signed_date(head))?;
    let mut claim = claim(Location::Header, Algorithm::V2, access_key.into(), signature.into(), time);
    claim.session_token = session_token(head);
    Ok(claim)
}

/// `?AWSAccessKeyId=…&Signature=…&Expires=…`
pub(crate) fn presigned<'a>(query: &Query<'a>) -> Result<Claim<'a>, Fault> {
    let (Some(access_key), Some(signature), Some(expires)) = (query.access_key, query.signature, query.expires) else {
        return Err(faults::ACCESS_DENIED.says("Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"));
    };
    let expires = escape::decode(expires);
    // AWS: a 32-bit number at most, whose milliseconds may overflow; an instant before the year 0 is an error of S3's (measured).
    let Some(seconds) = expires.parse::<i64>().ok().filter(|seconds| *seconds <= i64::from(i32::MAX)) else {
        return Err(faults::ACCESS_DENIED.says(format!("Invalid date (should be seconds since epoch): {expires}")));
    };
    let millis = seconds.wrapping_mul(1000);
    if millis < YEAR_ZERO {
        return Err(Fault::internal("an expiry before the year 0"));
    }
    let end = Timestamp::default().plus_millis(millis);
    let mut claim = claim(Location::Query, Algorithm::V2, escape::decode(access_key), escape::decode(signature), end);
    claim.session_token = query.token.map(escape::decode);
    Ok(claim)
}

/// In milliseconds.
const YEAR_ZERO: i64 = -62_167_219_200_000;

/// The query parameters that are part of the resource. Sorted. AWS: measured (<https://github.com/brekkylab/backlot>).
const SUBRESOURCES: [&str; 49] = [
    "abac",
    "accelerate",
    "acl",
    "analytics",
    "annotation",
    "annotationName",
    "attributes",
    "cors",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metadataAnnotationTable",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "metadataTable",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "partNumber",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "retention",
    "select",
    "select-type",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
];

/// Sub-resources younger than SigV2. Clients disagree about them: botocore leaves these out.
const YOUNG: [&str; 16] = [
    "abac",
    "annotation",
    "annotationName",
    "attributes",
    "encryption",
    "intelligent-tiering",
    "legal-hold",
    "metadataAnnotationTable",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "metadataTable",
    "ownershipControls",
    "policyStatus",
    "publicAccessBlock",
    "retention",
];

/// Those that are signed with their values; of the others the name alone.
const VALUED: [&str; 10] = [
    "partNumber",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "select-type",
    "uploadId",
    "versionId",
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Subresources {
    All,
    Old,
}

/// The strings a SigV2 signature may cover; the first is the one errors show.
fn strings_to_sign(head: &Head<'_>, claim: &Claim<'_>, bucket: Option<&str>) -> Vec<String> {
    let mut start = String::with_capacity(256);
    let value = |name: &str| match claim.location {
        // Presigners move what they sign from the headers to the query.
        Location::Query => head.header(name).map(Cow::Borrowed).or_else(|| query_value(head, name)),
        _ => head.header(name).map(Cow::Borrowed),
    };
    start.push_str(head.method);
    start.push('\n');
    for name in ["content-md5", "content-type"] {
        start.push_str(value(name).unwrap_or_default().trim());
        start.push('\n');
    }
    match claim.location {
        Location::Query => start.push_str(&query_value(head, "Expires").unwrap_or_default()),
        // Without this line if the date is among the x-amz- headers.
        _ if head.header("x-amz-date").is_some() => {}
        _ => start.push_str(head.header("date").unwrap_or_default().trim()),
    }
    start.push('\n');
    push_amz_headers(head, &mut start);
    if let Some(bucket) = bucket {
        start.push('/');
        start.push_str(bucket);
    }
    let path = if head.path.is_empty() { "/" } else { head.path };
    let mut anew = String::new();
    escape::push_path_anew(path, &mut anew);
    // Of a bucket alone, botocore signs `/bucket/` though it sends `/bucket`.
    let closed = (bucket.is_none() && path.len() > 1 && path.rfind('/') == Some(0)).then(|| format!("{path}/"));
    let mut all = Vec::with_capacity(4);
    for path in [path, &anew].into_iter().chain(closed.as_deref()) {
        for which in [Subresources::All, Subresources::Old] {
            let mut text = format!("{start}{path}");
            push_subresources(head, which, &mut text);
            if !all.contains(&text) {
                all.push(text);
            }
        }
    }
    all
}

fn query_value<'a>(head: &Head<'a>, name: &str) -> Option<Cow<'a, str>> {
    head.raw_query().find(|(parameter, _)| parameter.eq_ignore_ascii_case(name)).map(|(_, value)| escape::decode(value))
}

fn push_amz_headers(head: &Head<'_>, out: &mut String) {
    let mut fields: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
    head.headers.each(&mut |name, value| {
        if name.starts_with("x-amz-") {
            fields.push((name.into(), value.trim().into()));
        }
    });
    // AWS: such a query parameter is signed as a header, in place of one of that name (measured).
    for (name, value) in head.raw_query() {
        let name = name.to_ascii_lowercase();
        if name.starts_with("x-amz-") {
            fields.retain(|(field, _)| *field != name);
            fields.push((name.into(), escape::decode(value)));
        }
    }
    fields.sort_by(|a, b| a.0.cmp(&b.0));
    let mut last = "";
    for (name, value) in &fields {
        if *name == last {
            out.push(',');
        } else {
            if !last.is_empty() {
                out.push('\n');
            }
            out.push_str(name);
            out.push(':');
        }
        out.push_str(value);
        last = name;
    }
    if !last.is_empty() {
        out.push('\n');
    }
}

fn push_subresources(head: &Head<'_>, which: Subresources, out: &mut String) {
    let mut found: Vec<(&str, &str)> = head
        .raw_query()
        .filter(|(name, _)| SUBRESOURCES.binary_search(name).is_ok() && (which == Subresources::All || !YOUNG.contains(name)))
        .collect();
    found.sort_by_key(|(name, _)| *name);
    found.dedup_by_key(|(name, _)| *name);
    for (at, (name, value)) in found.iter().enumerate() {
        out.push(if at == 0 { '?' } else { '&' });
        out.push_str(name);
        if VALUED.contains(name) {
            out.push('=');
            out.push_str(&escape::decode(value));
        }
    }
}

/// Compares an S3 claim.
pub(crate) fn verify(head: &Head<'_>, claim: &Claim<'_>, bucket: Option<&str>, secret: &str) -> Result<(), Fault> {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    let texts = strings_to_sign(head, claim, bucket);
    if texts.iter().any(|text| matches(&key, text.as_bytes(), &claim.signature)) {
        return Ok(());
    }
    Err(faults::Mismatch {
        access_key: &claim.access_key,
        string_to_sign: texts.first().map_or("", String::as_str),
        provided: &claim.signature,
        canonical_request: None,
    }
    .at_s3())
}

/// Whether a base64 signature is the key's over this text.
pub(crate) fn matches(key: &hmac::Key, text: &[u8], signature: &str) -> bool {
    let ours = STANDARD.encode(hmac::sign(key, text));
    constant_time::verify_slices_are_equal(ours.as_bytes(), signature.as_bytes()).is_ok()
}

/// The signature of a text in S3's SigV2: also that of forms.
pub(crate) fn sign_sha1(secret: &str, text: &[u8]) -> String {
    STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes()), text))
}

// ── query services ──────────────────────────────────────────────────────────────────────────────────────────────

fn pairs(parameters: &str) -> impl Iterator<Item = (&str, &str)> {
    parameters.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn parameter<'a>(parameters: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let (_, value) = pairs(parameters).find(|(parameter, _)| *parameter == name)?;
    Some(escape::decode(value))
}

/// The claim in the parameters of a query service, in the query of a GET or the form of a POST.
pub(crate) fn in_parameters(parameters: &str, location: Location) -> Result<Option<Claim<'_>>, Fault> {
    if parameter(parameters, "SignatureVersion").as_deref() != Some("2") {
        return Ok(None);
    }
    let missing = |name: &str| faults::INCOMPLETE_SIGNATURE.says(format!("Request must contain a '{name}' parameter."));
    let access_key = parameter(parameters, "AWSAccessKeyId").ok_or_else(|| missing("AWSAccessKeyId"))?;
    let signature = parameter(parameters, "Signature").ok_or_else(|| missing("Signature"))?;
    let expires = parameter(parameters, "Expires");
    let text = parameter(parameters, "Timestamp").or(expires.clone()).ok_or_else(|| missing("Timestamp"))?;
    // AWS: the text is unverified.
    let time = Timestamp::parse(&text, TimestampFormat::DateTime)
        .ok_or_else(|| faults::INCOMPLETE_SIGNATURE.says(format!("Timestamp must be in ISO8601 format. Got '{text}'")))?;
    let mut claim = claim(location, Algorithm::V2Query, access_key, signature, time);
    // Signed with an expiry instead of a timestamp: then it has no age.
    claim.expires = expires.is_some().then_some(0);
    claim.session_token = parameter(parameters, "SecurityToken");
    Ok(Some(claim))
}

/// Compares a query service's claim over its parameters.
pub(crate) fn verify_parameters(head: &Head<'_>, claim: &Claim<'_>, parameters: &str, secret: &str) -> Result<(), Fault> {
    let algorithm = match parameter(parameters, "SignatureMethod").as_deref() {
        Some("HmacSHA1") => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        _ => hmac::HMAC_SHA256,
    };
    let mut signed: Vec<(Cow<'_, str>, Cow<'_, str>)> = pairs(parameters)
        .filter(|(name, _)| *name != "Signature")
        .map(|(name, value)| (escape::canonical_component(name), escape::canonical_component(value)))
        .collect();
    signed.sort_unstable();
    let host = head.header("host").unwrap_or_default().to_ascii_lowercase();
    let path = if head.path.is_empty() { "/" } else { head.path };
    let mut text = format!("{}\n{host}\n{path}\n", head.method);
    for (at, (name, value)) in signed.iter().enumerate() {
        if at > 0 {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        text.push_str(value);
    }
    let key = hmac::Key::new(algorithm, secret.as_bytes());
    if matches(&key, text.as_bytes(), &claim.signature) { Ok(()) } else { Err(faults::mismatch_at_others()) }
}

#[cfg(test)]
mod tests;
