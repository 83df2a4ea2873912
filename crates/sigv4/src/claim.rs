//! What a request claims: who signed it, when, for which scope, and over which headers. Nothing is verified here.
//! AWS has two ways to refuse a malformed claim, S3's and everybody else's: that is the `Flavor`.

use crate::v2;
use cloudlet_aws::{Fault, Head, Timestamp, TimestampFormat, cut};
use std::borrow::Cow;

mod at_s3;
mod elsewhere;

pub(crate) use at_s3::{MALFORMED_CREDENTIAL, no_date as no_date_at_s3, split as credential_at_s3};

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
    /// The signing name, which need not be the endpoint's: `sqs`, `states`, `ses`.
    pub service: &'a str,
    /// The one region this endpoint serves; `None` takes any, and the scope says which.
    pub region: Option<&'a str>,
    /// S3: the bucket, when the host names it. SigV2 signs it as part of the path.
    pub bucket: Option<&'a str>,
    /// Whether a scope may leave its region empty.
    pub global: bool,
}

impl<'a> Target<'a> {
    pub const fn s3() -> Target<'a> {
        Target { flavor: Flavor::S3, service: "s3", region: None, bucket: None, global: false }
    }

    pub const fn service(name: &'a str) -> Target<'a> {
        Target { flavor: Flavor::Other, service: name, region: None, bucket: None, global: false }
    }

    #[must_use]
    pub const fn in_region(self, region: &'a str) -> Target<'a> {
        Target { region: Some(region), ..self }
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

    /// What stands last: `aws4_request`.
    pub fn terminal(&self) -> &str {
        self.part(Some(self.ends[2]), self.text.len())
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
        cut::split(&self.signed_headers, b';').any(|name| name.eq_ignore_ascii_case(header))
    }
}

/// The claim of a request; `None` if nobody signed it.
pub fn find<'a>(head: &Head<'a>, target: &Target<'_>) -> Result<Option<Claim<'a>>, Fault> {
    let authorization = head.header("authorization");
    let query = Query::of(head);
    match target.flavor {
        Flavor::S3 => at_s3::find(head, authorization, &query),
        Flavor::Other => elsewhere::find(head, authorization, &query),
    }
}

/// The SigV2 claim that a query service's form may hold (`SignatureVersion=2`), when the head holds none.
pub fn in_form(form: &str) -> Result<Option<Claim<'_>>, Fault> {
    v2::in_parameters(form, Place::Post)
}

/// The parameters of presigned requests, of all versions.
#[derive(Default)]
struct Query<'a> {
    algorithm: Option<&'a str>,
    credential: Option<&'a str>,
    date: Option<&'a str>,
    expires: Option<&'a str>,
    signed_headers: Option<&'a str>,
    signature: Option<&'a str>,
    token: Option<&'a str>,
    region_set: Option<&'a str>,
    v2: v2::Query<'a>,
}

impl<'a> Query<'a> {
    fn of(head: &Head<'a>) -> Query<'a> {
        let mut query = Query::default();
        for (name, value) in head.raw_query() {
            let slot = match name {
                "X-Amz-Algorithm" => &mut query.algorithm,
                "X-Amz-Credential" => &mut query.credential,
                "X-Amz-Date" => &mut query.date,
                "X-Amz-Expires" => &mut query.expires,
                "X-Amz-SignedHeaders" => &mut query.signed_headers,
                "X-Amz-Signature" => &mut query.signature,
                "X-Amz-Security-Token" | "X-Amz-S3session-Token" => &mut query.token,
                "X-Amz-Region-Set" => &mut query.region_set,
                "AWSAccessKeyId" => &mut query.v2.access_key,
                "Signature" => &mut query.v2.signature,
                "Expires" => &mut query.v2.expires,
                "SignatureVersion" => &mut query.v2.version,
                "x-amz-security-token" => &mut query.v2.token,
                _ => continue,
            };
            slot.get_or_insert(value);
        }
        query
    }

    fn is_v4(&self) -> bool {
        self.algorithm.is_some() || self.credential.is_some() || self.signature.is_some()
    }

    fn is_v2(&self) -> bool {
        self.v2.access_key.is_some() || self.v2.signature.is_some()
    }
}

fn elements(algorithm: Algorithm) -> usize {
    if algorithm == Algorithm::EcdsaP256Sha256 { 4 } else { 5 }
}

/// Whether a credential has as many parts between slashes as its algorithm's have.
fn has_its_elements(credential: &str, algorithm: Algorithm) -> bool {
    memchr::memchr_iter(b'/', credential.as_bytes()).count() + 1 == elements(algorithm)
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

fn algorithm_named(name: &str) -> Option<Algorithm> {
    match name {
        "AWS4-HMAC-SHA256" => Some(Algorithm::HmacSha256),
        "AWS4-ECDSA-P256-SHA256" => Some(Algorithm::EcdsaP256Sha256),
        _ => None,
    }
}

fn region_set<'a>(head: &Head<'a>, algorithm: Algorithm) -> Option<Cow<'a, str>> {
    (algorithm == Algorithm::EcdsaP256Sha256).then(|| head.header("x-amz-region-set").unwrap_or_default().into())
}

pub(crate) fn session_token<'a>(head: &Head<'a>) -> Option<Cow<'a, str>> {
    head.header("x-amz-security-token").or_else(|| head.header("x-amz-s3session-token")).map(Cow::Borrowed)
}

/// When a header claim was signed: `x-amz-date`, and without it `Date`. Both formats are taken in either.
pub(crate) fn header_time(head: &Head<'_>) -> Option<Timestamp> {
    let text = head.header("x-amz-date").or_else(|| head.header("date"))?.trim();
    Timestamp::parse_basic(text).or_else(|| Timestamp::parse(text, TimestampFormat::HttpDate)).or_else(|| {
        let zoneless = text.strip_suffix("+0000").or_else(|| text.strip_suffix("UTC"))?;
        Timestamp::parse(&format!("{zoneless}GMT"), TimestampFormat::HttpDate)
    })
}

#[cfg(test)]
mod tests;
