//! What a request claims: who signed it, when, for which scope, and over which headers. Nothing is verified here.
//! AWS has two ways to refuse a malformed claim, S3's and everybody else's: that is the `Flavor`.

use cloudlet_aws::{Fault, Head, Timestamp};
use std::borrow::Cow;

/// Whose rules and whose words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavor {
    S3,
    Other,
}

/// As what the server received the request.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    pub flavor: Flavor,
    /// The signing name: `sqs`, `states`, `email`→`ses`.
    pub service: &'a str,
    /// The one region this endpoint serves; `None` takes any, and the scope says which.
    pub region: Option<&'a str>,
    /// S3: the bucket, when the host names it. SigV2 signs it as part of the path.
    pub bucket: Option<&'a str>,
}

impl<'a> Target<'a> {
    pub const fn s3() -> Target<'a> {
        Target { flavor: Flavor::S3, service: "s3", region: None, bucket: None }
    }

    pub const fn service(name: &'a str) -> Target<'a> {
        Target { flavor: Flavor::Other, service: name, region: None, bucket: None }
    }

    #[must_use]
    pub const fn in_region(self, region: &'a str) -> Target<'a> {
        Target { region: Some(region), ..self }
    }

    #[must_use]
    pub const fn virtual_bucket(self, bucket: &'a str) -> Target<'a> {
        Target { bucket: Some(bucket), ..self }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `AWS4-HMAC-SHA256`: SigV4.
    HmacSha256,
    /// `AWS4-ECDSA-P256-SHA256`: SigV4A, one signature for a set of regions.
    EcdsaP256Sha256,
    /// S3's `AWS key:signature`: SigV2 with HMAC-SHA1.
    V2,
    /// The query services' SignatureVersion=2, with either hash.
    V2Query,
}

/// Where the claim stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Header,
    /// Presigned.
    Query,
    /// A browser's form.
    Post,
}

/// `20261124/us-east-1/sqs/aws4_request`; SigV4A leaves the region out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope<'a> {
    /// As it was sent: it is part of the string to sign.
    pub(crate) text: Cow<'a, str>,
}

impl Scope<'_> {
    pub fn date(&self) -> &str {
        self.text.split('/').next().unwrap_or_default()
    }

    /// Empty for SigV4A.
    pub fn region(&self) -> &str {
        let mut parts = self.text.split('/').skip(1);
        let region = parts.next().unwrap_or_default();
        if parts.count() >= 2 { region } else { "" }
    }

    pub fn service(&self) -> &str {
        self.text.rsplit('/').nth(1).unwrap_or_default()
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// What a request says about itself.
#[derive(Clone, Debug)]
pub struct Claim<'a> {
    pub algorithm: Algorithm,
    pub place: Place,
    pub access_key: Cow<'a, str>,
    /// None for SigV2.
    pub scope: Option<Scope<'a>>,
    /// SigV4A: the regions it is good for, `*` among them: `us-east-1,eu-*`.
    pub region_set: Option<Cow<'a, str>>,
    /// As sent: lower-case names between semicolons. Empty for SigV2.
    pub signed_headers: Cow<'a, str>,
    pub signature: Cow<'a, str>,
    pub session_token: Option<Cow<'a, str>>,
    /// When it was signed. For SigV2's presigned form, which does not say, the moment it expires.
    pub time: Timestamp,
    /// `X-Amz-Expires`, in seconds, if presigned.
    pub expires: Option<i64>,
}

impl Claim<'_> {
    /// The region the caller means: the scope's, or the first plain one of a SigV4A set.
    pub fn region(&self) -> Option<&str> {
        if let Some(set) = &self.region_set {
            return set.split(',').map(str::trim).find(|region| !region.is_empty() && !region.contains('*'));
        }
        self.scope.as_ref().map(Scope::region).filter(|region| !region.is_empty())
    }

    /// The condition key `s3:authType`.
    pub fn auth_type(&self) -> &'static str {
        match self.place {
            Place::Header => "REST-HEADER",
            Place::Query => "REST-QUERY-STRING",
            Place::Post => "POST",
        }
    }

    /// The condition key `s3:signatureversion`.
    pub fn signature_version(&self) -> &'static str {
        match self.algorithm {
            Algorithm::HmacSha256 => "AWS4-HMAC-SHA256",
            Algorithm::EcdsaP256Sha256 => "AWS4-ECDSA-P256-SHA256",
            Algorithm::V2 | Algorithm::V2Query => "AWS",
        }
    }

    pub fn signs(&self, header: &str) -> bool {
        self.signed_headers.split(';').any(|name| name.eq_ignore_ascii_case(header))
    }
}

/// The claim of a request; `None` if nobody signed it.
pub fn find<'a>(_head: &Head<'a>, _target: &Target<'_>) -> Result<Option<Claim<'a>>, Fault> {
    Err(Fault::internal("signatures are not read yet"))
}

/// The SigV2 claim that a query service's form may hold (`SignatureVersion=2`), when the head holds none.
pub fn in_form<'a>(_form: &'a str) -> Result<Option<Claim<'a>>, Fault> {
    Ok(None)
}
