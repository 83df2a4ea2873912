//! Browser forms (`POST /bucket`): the claim in the form's fields, and the policy that they sign.
//! Reading multipart/form-data is up to the caller.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html>

use crate::{
    Algorithm, Claim, Keys, Location, Scope, Target,
    faults::{self, MALFORMED_CREDENTIAL},
    parts::whole_credential,
    v2, verify,
};
use aws_lc_rs::constant_time;
use cloudlet_aws::{Fault, Timestamp};
use std::borrow::Cow;

mod policy;
pub use policy::Policy;

/// The fields of a form before its file, in order. Names as sent; they are compared without regard to case.
pub type Fields = [(String, String)];

pub(crate) fn field<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// The claim of a form; `None` for an anonymous one, which has no policy.
pub fn read_claim<'a>(fields: &'a Fields, target: &Target<'_>) -> Result<Option<Claim<'a>>, Fault> {
    if field(fields, "policy").is_none_or(str::is_empty) {
        return Ok(None);
    }
    let field = |name: &str| field(fields, name);
    if V4.iter().any(|(name, _)| field(name).is_some()) {
        return v4(fields, target).map(Some);
    }
    if V2.iter().any(|(name, _)| field(name).is_some()) {
        let [access_key, signature] = all(fields, V2)?;
        return Ok(Some(Claim {
            algorithm: Algorithm::V2,
            location: Location::Post,
            access_key: access_key.into(),
            scope: None,
            region_set: None,
            signed_headers: Cow::Borrowed(""),
            signature: signature.into(),
            session_token: field("x-amz-security-token").map(Cow::Borrowed),
            // A form of SigV2 has no time of signing; its policy has an expiration.
            time: Timestamp::default(),
            expires: None,
        }));
    }
    Err(faults::ACCESS_DENIED.says("Access Denied"))
}

/// Field names, and how S3 spells them in errors.
const V4: [(&str, &str); 4] = [
    ("x-amz-signature", "X-Amz-Signature"),
    ("x-amz-algorithm", "X-Amz-Algorithm"),
    ("x-amz-credential", "X-Amz-Credential"),
    ("x-amz-date", "X-Amz-Date"),
];
const V2: [(&str, &str); 2] = [("AWSAccessKeyId", "AWSAccessKeyId"), ("signature", "Signature")];

fn all<'a, const N: usize>(fields: &'a Fields, names: [(&str, &str); N]) -> Result<[&'a str; N], Fault> {
    let mut values = [""; N];
    for (slot, (name, spelled)) in values.iter_mut().zip(names) {
        *slot = field(fields, name).ok_or_else(|| missing(spelled))?;
    }
    Ok(values)
}

/// A field that a form must have. Public for the caller, which needs `key` and `file`.
pub fn missing(name: &str) -> Fault {
    faults::invalid_argument(
        format!("Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields."),
        name,
        "",
    )
}

fn v4<'a>(fields: &'a Fields, target: &Target<'_>) -> Result<Claim<'a>, Fault> {
    let [signature, algorithm, credential, date] = all(fields, V4)?;
    if algorithm != "AWS4-HMAC-SHA256" {
        return Err(faults::invalid_argument("Only AWS4-HMAC-SHA256 is supported", "X-Amz-Algorithm", algorithm));
    }
    let time = Timestamp::parse_basic(date)
        .ok_or_else(|| faults::invalid_argument("X-Amz-Date must be formated via ISO8601 Long format", "X-Amz-Date", date))?;
    let (access_key, scope) = whole_credential(credential.into(), Algorithm::HmacSha256)
        .ok_or_else(|| verify::wrong_credential(Location::Post, Some(credential), MALFORMED_CREDENTIAL))?;
    let claim = Claim {
        algorithm: Algorithm::HmacSha256,
        location: Location::Post,
        access_key,
        scope: Some(scope),
        region_set: None,
        signed_headers: Cow::Borrowed(""),
        signature: signature.into(),
        session_token: field(fields, "x-amz-security-token").map(Cow::Borrowed),
        time,
        expires: None,
    };
    verify::check_scope_at_s3(&claim, &claim.time.basic(), target, Some(credential))?;
    Ok(claim)
}

/// Verifies the signature over the policy, as it was sent.
pub fn verify(claim: &Claim<'_>, fields: &Fields, secret: &str, keys: &Keys) -> Result<(), Fault> {
    let policy = field(fields, "policy").unwrap_or_default();
    let ours: String = match &claim.scope {
        Some(scope) => sign(claim, scope, policy, secret, keys),
        None => v2::sign_sha1(secret, policy.as_bytes()),
    };
    if constant_time::verify_slices_are_equal(ours.as_bytes(), claim.signature.as_bytes()).is_ok() {
        return Ok(());
    }
    Err(faults::Mismatch { access_key: &claim.access_key, string_to_sign: policy, provided: &claim.signature, canonical_request: None }.at_s3())
}

fn sign(claim: &Claim<'_>, scope: &Scope<'_>, policy: &str, secret: &str, keys: &Keys) -> String {
    keys.signing(&claim.access_key, secret, scope).sign(policy.as_bytes()).as_str().to_owned()
}

#[cfg(test)]
mod tests;
