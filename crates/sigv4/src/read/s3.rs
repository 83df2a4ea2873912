//! Claims as S3 reads them, with its messages for malformed ones.

use super::Query;
use crate::{
    claim::{Algorithm, Claim, Location, Target},
    dates, escape, faults,
    parts::{algorithm_named, region_set, session_token, signed_date, whole_credential},
    payload, v2,
    verify::check_time_at_s3,
};
use cloudlet_aws::{Fault, Head, Timestamp, cut};

/// AWS: which mechanism a request uses, and the order of the checks, were measured (<https://github.com/brekkylab/backlot>).
pub(super) fn read<'a>(head: &Head<'a>, authorization: Option<&'a str>, query: &Query<'a>, target: &Target<'_>) -> Result<Option<Claim<'a>>, Fault> {
    let (is_v4, is_v2) = (query.algorithm.is_some(), query.v2.signature.is_some());
    match authorization {
        Some(value) if is_v4 || is_v2 => Err(one_mechanism().with("ArgumentValue", value)),
        Some(value) if !value.is_empty() => header(head, value, target).map(Some),
        _ if is_v4 && is_v2 => Err(one_mechanism()),
        _ if is_v4 => presigned(query, head, target).map(Some),
        _ if is_v2 => v2::presigned(&query.v2).map(Some),
        _ => Ok(None),
    }
}

fn one_mechanism() -> Fault {
    faults::INVALID_ARGUMENT
        .says(
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization \
             header should be specified",
        )
        .with("ArgumentName", "Authorization")
}

/// A clock that is wrong is reported before what is wrong with the credential.
fn check_clock(target: &Target<'_>, location: Location, time: Timestamp, expires: Option<i64>, head: &Head<'_>) -> Result<(), Fault> {
    target.now.map_or(Ok(()), |now| check_time_at_s3(location, time, expires, head, now))
}

fn header<'a>(head: &Head<'a>, value: &'a str, target: &Target<'_>) -> Result<Claim<'a>, Fault> {
    let one_space = || faults::invalid_argument("Authorization header is invalid -- one and only one ' ' (space) required", "Authorization", value);
    let (kind, rest) = cut::split_once(value, b' ').ok_or_else(one_space)?;
    let algorithm = match kind.to_ascii_uppercase().as_str() {
        "AWS4-HMAC-SHA256" => Algorithm::HmacSha256,
        "AWS4-ECDSA-P256-SHA256" => Algorithm::EcdsaP256Sha256,
        "AWS" if rest.starts_with(' ') => return Err(one_space()),
        "AWS" => return v2::header(head, value, rest),
        _ => return Err(faults::invalid_argument("Unsupported Authorization Type", "Authorization", value)),
    };
    payload::check_declared(head)?;
    let time = dates::read(signed_date(head))?;
    check_clock(target, Location::Header, time, None, head)?;
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
    let (access_key, scope) = whole_credential(credential.into(), algorithm).ok_or_else(|| malformed(faults::malformed_credential(algorithm)))?;
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

fn presigned<'a>(query: &Query<'a>, head: &Head<'_>, target: &Target<'_>) -> Result<Claim<'a>, Fault> {
    let wrong = |why: &str| faults::AUTHORIZATION_QUERY_PARAMETERS_ERROR.says(why);
    let algorithm = algorithm_named(&escape::decode(query.algorithm.unwrap_or_default()))
        .ok_or_else(|| wrong("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256\""))?;
    let (Some(credential), Some(signature), Some(date), Some(signed_headers), Some(expires)) =
        (query.credential, query.signature, query.date, query.signed_headers, query.expires)
    else {
        return Err(wrong(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, \
             X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
        ));
    };
    let time = Timestamp::parse_basic(date).ok_or_else(|| wrong("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""))?;
    let expires: i64 = escape::decode(expires).parse().map_err(|_| wrong("X-Amz-Expires should be a number"))?;
    if expires < 0 {
        return Err(wrong("X-Amz-Expires must be non-negative"));
    }
    if expires > WEEK {
        return Err(wrong("X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"));
    }
    check_clock(target, Location::Query, time, Some(expires), head)?;
    let (access_key, scope) = whole_credential(escape::decode(credential), algorithm)
        .ok_or_else(|| wrong(&format!("Error parsing the X-Amz-Credential parameter; {}", faults::malformed_credential(algorithm))))?;
    if algorithm == Algorithm::EcdsaP256Sha256 && query.region_set.is_none_or(str::is_empty) {
        return Err(wrong("SigV4a query auth requires a non empty x-amz-region-set parameter."));
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
