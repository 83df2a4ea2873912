//! Claims as S3 reads them, with its messages for malformed ones.

use super::Query;
use crate::{
    claim::{Algorithm, Claim, Location},
    escape,
    faults::{self, MALFORMED_CREDENTIAL},
    parts::{algorithm_named, header_time, region_set, session_token, whole_credential},
    v2,
};
use cloudlet_aws::{Fault, Head, Timestamp, cut};

pub(super) fn read<'a>(head: &Head<'a>, authorization: Option<&'a str>, query: &Query<'a>) -> Result<Option<Claim<'a>>, Fault> {
    match authorization {
        Some(value) if query.is_v4() || query.is_v2() => Err(faults::invalid_argument(
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization \
             header should be specified",
            "Authorization",
            value,
        )),
        Some(value) => header(head, value).map(Some),
        None if query.is_v4() => presigned(query).map(Some),
        None if query.is_v2() => v2::presigned(&query.v2).map(Some),
        None => Ok(None),
    }
}

fn header<'a>(head: &Head<'a>, value: &'a str) -> Result<Claim<'a>, Fault> {
    let Some((kind, rest)) = cut::split_once(value.trim(), b' ') else {
        return Err(faults::invalid_argument("Authorization header is invalid -- one and only one ' ' (space) required", "Authorization", value));
    };
    let algorithm = match kind {
        "AWS4-HMAC-SHA256" => Algorithm::HmacSha256,
        "AWS4-ECDSA-P256-SHA256" => Algorithm::EcdsaP256Sha256,
        "AWS" => return v2::header(head, rest.trim()),
        _ => return Err(faults::invalid_argument("Unsupported Authorization Type", "Authorization", value)),
    };
    let malformed = |why: &str| faults::AUTHORIZATION_HEADER_MALFORMED.says(format!("The authorization header is malformed; {why}"));
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    let mut components = 0;
    for component in cut::split(rest, b',').map(str::trim).filter(|component| !component.is_empty()) {
        components += 1;
        match cut::split_once(component, b'=') {
            Some(("Credential", value)) => credential = Some(value),
            Some(("SignedHeaders", value)) => signed_headers = Some(value),
            Some(("Signature", value)) => signature = Some(value),
            Some(_) => {}
            None => return Err(malformed(&format!("the authorization component \"{component}\" is malformed."))),
        }
    }
    if components < 3 {
        return Err(malformed("the authorization header requires three components: Credential, SignedHeaders, and Signature."));
    }
    let credential = credential.ok_or_else(|| malformed("missing Credential."))?;
    let signed_headers = signed_headers.ok_or_else(|| malformed("missing SignedHeaders."))?;
    let signature = signature.ok_or_else(|| malformed("missing Signature."))?;
    let (access_key, scope) = whole_credential(credential.into(), algorithm).ok_or_else(|| malformed(MALFORMED_CREDENTIAL))?;
    Ok(Claim {
        algorithm,
        location: Location::Header,
        access_key,
        scope: Some(scope),
        region_set: region_set(head, algorithm),
        signed_headers: signed_headers.into(),
        signature: signature.into(),
        session_token: session_token(head),
        time: header_time(head).ok_or_else(faults::no_date_at_s3)?,
        expires: None,
    })
}

fn presigned<'a>(query: &Query<'a>) -> Result<Claim<'a>, Fault> {
    let wrong = |why: &str| faults::AUTHORIZATION_QUERY_PARAMETERS_ERROR.says(why);
    let (Some(algorithm), Some(credential), Some(signature), Some(date), Some(signed_headers), Some(expires)) =
        (query.algorithm, query.credential, query.signature, query.date, query.signed_headers, query.expires)
    else {
        return Err(wrong(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, \
             X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
        ));
    };
    let algorithm =
        algorithm_named(algorithm).ok_or_else(|| wrong("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256\""))?;
    let (access_key, scope) = whole_credential(escape::decode(credential), algorithm)
        .ok_or_else(|| wrong(&format!("Error parsing the X-Amz-Credential parameter; {MALFORMED_CREDENTIAL}")))?;
    let time = Timestamp::parse_basic(date).ok_or_else(|| wrong("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""))?;
    let expires: i64 = expires.parse().map_err(|_| wrong("X-Amz-Expires should be a number"))?;
    if expires < 0 {
        return Err(wrong("X-Amz-Expires must be non-negative"));
    }
    if expires > WEEK {
        return Err(wrong("X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"));
    }
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
        expires: Some(expires),
    })
}

/// A presigned URL is valid for a week at most.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>
const WEEK: i64 = 604_800;
