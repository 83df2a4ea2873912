//! What a request claims: who signed it, when, for which scope, and over which headers.

use cloudlet_aws::{Timestamp, cut};
use std::borrow::Cow;

/// AWS refuses a malformed or wrong claim in two ways: S3 has its own rules and messages, all other services share theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavor {
    S3,
    Other,
}

/// The endpoint that received the request.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    pub flavor: Flavor,
    /// The signing name, which need not be the endpoint's: `sqs`, `states`, `ses`.
    pub service: &'a str,
    /// The one region this endpoint serves; `None` takes any, and the scope says which.
    pub region: Option<&'a str>,
    /// The server's own region: it is valid whatever it looks like, and faults name it in place of a name that is no region's.
    pub home: Option<&'a str>,
    /// S3: the bucket, when the host names it. SigV2 signs it as part of the path.
    pub bucket: Option<&'a str>,
    /// Whether a scope may leave its region empty.
    pub global: bool,
    /// When the request came. S3 reports a wrong clock before a malformed credential.
    pub now: Option<Timestamp>,
}

impl<'a> Target<'a> {
    pub const fn s3() -> Target<'a> {
        Target { flavor: Flavor::S3, service: "s3", region: None, home: None, bucket: None, global: false, now: None }
    }

    pub const fn service(name: &'a str) -> Target<'a> {
        Target { flavor: Flavor::Other, service: name, region: None, home: None, bucket: None, global: false, now: None }
    }

    #[must_use]
    pub const fn in_region(self, region: &'a str) -> Target<'a> {
        Target { region: Some(region), ..self }
    }

    #[must_use]
    pub const fn at_home(self, region: &'a str) -> Target<'a> {
        Target { home: Some(region), ..self }
    }

    #[must_use]
    pub const fn at(self, now: Timestamp) -> Target<'a> {
        Target { now: Some(now), ..self }
    }

    #[must_use]
    pub const fn global(self) -> Target<'a> {
        Target { global: true, ..self }
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

/// Where in the request the claim is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
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
    text: Cow<'a, str>,
    /// Where date, region and service end.
    ends: [usize; 3],
}

impl<'a> Scope<'a> {
    /// Of three parts, or four with a region.
    pub(crate) fn of(text: Cow<'a, str>) -> Scope<'a> {
        let mut slashes = memchr::memchr_iter(b'/', text.as_bytes());
        let mut next = || slashes.next().unwrap_or(text.len());
        let ends = match [next(), next(), next()] {
            [date, service, none] if none == text.len() => [date, date, service],
            all => all,
        };
        Scope { text, ends }
    }

    fn part(&self, after: Option<usize>, end: usize) -> &str {
        self.text.get(after.map_or(0, |slash| slash + 1)..end).unwrap_or_default()
    }

    pub fn date(&self) -> &str {
        self.part(None, self.ends[0])
    }

    /// Empty for SigV4A.
    pub fn region(&self) -> &str {
        self.part(Some(self.ends[0]), self.ends[1])
    }

    pub fn service(&self) -> &str {
        self.part(Some(self.ends[1]), self.ends[2])
    }

    /// The last part: `aws4_request`.
    pub fn terminal(&self) -> &str {
        self.part(Some(self.ends[2]), self.text.len())
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// What a request says about its own signature. Nothing of it is verified.
#[derive(Clone, Debug)]
pub struct Claim<'a> {
    pub algorithm: Algorithm,
    pub location: Location,
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
    /// The region of the call: the scope's, or the first plain one of a SigV4A set.
    pub fn region(&self) -> Option<&str> {
        if let Some(set) = &self.region_set {
            return set.split(',').map(str::trim).find(|region| !region.is_empty() && !region.contains('*'));
        }
        self.scope.as_ref().map(Scope::region).filter(|region| !region.is_empty())
    }

    /// The condition key `s3:authType`.
    pub fn auth_type(&self) -> &'static str {
        match self.location {
            Location::Header => "REST-HEADER",
            Location::Query => "REST-QUERY-STRING",
            Location::Post => "POST",
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
        cut::split(&self.signed_headers, b';').any(|name| name.eq_ignore_ascii_case(header))
    }
}
