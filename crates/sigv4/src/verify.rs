//! Verifies a claim. `admit` checks all that needs no secret, so that a wrong clock is reported before an unknown key, as AWS does;
//! `verify` compares the signature. Session tokens are verified in `identity`.

use crate::{
    Hex,
    canonical::{self, Covered, Form},
    claim::{Algorithm, Claim, Flavor, Location, Scope, Target},
    faults,
    keys::{Keys, SigningKey},
    parts::signed_date,
    v2, v4a,
};
use aws_lc_rs::constant_time;
use cloudlet_aws::{Fault, Head, Region, Timestamp};

/// How far S3 lets clocks differ, and how long a presigned request without an expiry is valid elsewhere.
const QUARTER_HOUR: i64 = 15 * 60;
/// How far all other services let clocks differ.
const FIVE_MINUTES: i64 = 5 * 60;

/// A claim whose scope, time, expiry and signed headers are in order. Its signature is not verified yet.
#[derive(Clone, Debug)]
pub struct Admitted<'a> {
    claim: Claim<'a>,
    /// When it was signed, as signatures write it.
    date: String,
    /// S3: the date of the head, where it is written in another way. AWS signs it as it was sent (measured).
    sent_date: Option<String>,
    flavor: Flavor,
    bucket: Option<&'a str>,
}

impl<'a> std::ops::Deref for Admitted<'a> {
    type Target = Claim<'a>;
    fn deref(&self) -> &Claim<'a> {
        &self.claim
    }
}

/// The request was signed with the secret of its access key.
#[derive(Clone, Debug)]
pub struct Verified {
    pub(crate) chain: Option<Chain>,
}

/// The chain of signatures of a chunked body: each chunk's signature covers the one before it.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    pub verifier: Verifier,
    pub access_key: String,
    pub date: String,
    pub scope: String,
    pub previous: String,
}

#[derive(Clone, Debug)]
pub(crate) enum Verifier {
    Hmac(SigningKey),
    Ecdsa(v4a::VerifyingKey),
}

impl Verifier {
    fn signs(&self, text: &[u8], signature: &str) -> bool {
        match self {
            Verifier::Hmac(key) => same(&key.sign(text), signature),
            Verifier::Ecdsa(key) => key.verifies(text, signature),
        }
    }
}

impl Chain {
    /// Verifies the signature of the next chunk.
    pub fn link(&mut self, text: &str, signature: &str) -> Result<(), Fault> {
        if !self.verifier.signs(text.as_bytes(), signature) {
            return Err(faults::Mismatch { access_key: &self.access_key, string_to_sign: text, provided: signature, canonical_request: None }.at_s3());
        }
        signature.trim_matches('*').clone_into(&mut self.previous);
        Ok(())
    }
}

fn same(ours: &Hex, theirs: &str) -> bool {
    constant_time::verify_slices_are_equal(ours.as_bytes(), theirs.as_bytes()).is_ok()
}

// ── before the secret is known ──────────────────────────────────────────────────────────────────────────────────────────

impl<'a> Claim<'a> {
    /// Scope, clock, expiry, and the headers that must be signed.
    pub fn admit(self, head: &Head<'_>, now: Timestamp, target: &Target<'a>) -> Result<Admitted<'a>, Fault> {
        let date = self.time.basic();
        match target.flavor {
            Flavor::S3 => {
                check_time_at_s3(self.location, self.time, self.expires, head, now)?;
                check_scope_at_s3(&self, &date, target, None)?;
                check_signed_at_s3(&self, head)?;
                check_region_set(&self, target)?;
            }
            Flavor::Other => {
                check_time_at_others(&self, now)?;
                if let Some(scope) = &self.scope {
                    if !self.signs("host") && !self.signs(":authority") {
                        return Err(
                            faults::SIGNATURE_DOES_NOT_MATCH.says("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
                        );
                    }
                    // The set of regions is a header, and no part of the scope.
                    if self.algorithm == Algorithm::EcdsaP256Sha256 && self.location == Location::Header && !self.signs("x-amz-region-set") {
                        return Err(faults::SIGNATURE_DOES_NOT_MATCH.says("'X-Amz-Region-Set' must be a 'SignedHeader' in the AWS Authorization."));
                    }
                    check_scope_at_others(&self, scope, &date, target)?;
                }
            }
        }
        let sent_date = (target.flavor == Flavor::S3 && self.location == Location::Header)
            .then(|| signed_date(head))
            .filter(|sent| *sent != date && !sent.is_empty())
            .map(str::to_owned);
        Ok(Admitted { claim: self, date, sent_date, flavor: target.flavor, bucket: target.bucket })
    }

    fn covers(&self, region: &str) -> bool {
        match (&self.region_set, &self.scope) {
            (Some(set), _) => set.split(',').any(|pattern| matches_region(pattern.trim(), region)),
            (None, Some(scope)) => scope.region() == region,
            (None, None) => true,
        }
    }

    /// The region to name in a fault, if the claim's is not one that the target takes.
    fn region_in_place_of<'t>(&self, target: &Target<'t>) -> Option<&'t str> {
        match (target.region, target.home) {
            (Some(region), _) => (!self.covers(region)).then_some(region),
            (None, Some(home)) => {
                let is_region = |name: &str| name == home || Region::is_valid(name);
                self.region().is_some_and(|name| !is_region(name)).then_some(home)
            }
            (None, None) => None,
        }
    }

    fn algorithm_name(&self) -> &'static str {
        match self.algorithm {
            Algorithm::EcdsaP256Sha256 => "AWS4-ECDSA-P256-SHA256",
            _ => "AWS4-HMAC-SHA256",
        }
    }
}

/// `*`, `eu-*`, `us-east-1`.
fn matches_region(pattern: &str, region: &str) -> bool {
    match pattern.split_once('*') {
        Some((start, end)) => region.len() >= start.len() + end.len() && region.starts_with(start) && region.ends_with(end),
        None => pattern == region,
    }
}

/// The signing names of S3's endpoints.
const S3_SERVICES: [&str; 4] = ["s3", "s3express", "s3-object-lambda", "s3-outposts"];

/// S3's fault for a credential, worded by the location of the claim. `credential` is the field of a form.
pub(crate) fn wrong_credential(location: Location, credential: Option<&str>, why: &str) -> Fault {
    match location {
        Location::Header => faults::AUTHORIZATION_HEADER_MALFORMED.says(format!("The authorization header is malformed; {why}")),
        Location::Query => faults::AUTHORIZATION_QUERY_PARAMETERS_ERROR.says(format!("Error parsing the X-Amz-Credential parameter; {why}")),
        Location::Post => faults::invalid_argument(why, "x-amz-credential", credential.unwrap_or_default()),
    }
}

/// S3's answer to a claim for another region. Public for engines, which know the region of a bucket.
pub fn wrong_region(claim: &Claim<'_>, expected: &str) -> Fault {
    if let Some(set) = &claim.region_set {
        return faults::REGION_SET_MISMATCH
            .says("The provided X-Amz-Region-Set doesn't match against the requested S3 region.")
            .with("RequestedRegion", expected)
            .with("RegionSet", set.as_ref());
    }
    let region = claim.region().unwrap_or_default();
    wrong_credential(claim.location, None, &format!("the region '{region}' is wrong; expecting '{expected}'")).with("Region", expected)
}

pub(crate) fn check_scope_at_s3(claim: &Claim<'_>, time: &str, target: &Target<'_>, field: Option<&str>) -> Result<(), Fault> {
    let Some(scope) = &claim.scope else { return Ok(()) };
    let wrong = |why: String| Err(wrong_credential(claim.location, field, &why));
    if claim.access_key.is_empty() {
        return wrong("a non-empty Access Key (AKID) must be provided in the credential.".to_owned());
    }
    let date = scope.date();
    if !is_scope_date(date) {
        return wrong(format!("incorrect date format \"{date}\". This date in the credential must be in the format \"yyyyMMdd\"."));
    }
    if claim.region_set.is_none() && scope.region().is_empty() {
        return wrong("a non-empty region must be provided in the credential.".to_owned());
    }
    if let Some(region) = claim.region_in_place_of(target).filter(|_| claim.region_set.is_none()) {
        return match claim.location {
            Location::Post => wrong(format!("the region '{}' is wrong; expecting '{region}'", scope.region())),
            _ => Err(wrong_region(claim, region)),
        };
    }
    let service = scope.service();
    if service != target.service && !(target.service == "s3" && S3_SERVICES.contains(&service)) {
        return wrong(format!("incorrect service \"{service}\". This endpoint belongs to \"{}\".", target.service));
    }
    if scope.terminal() != "aws4_request" {
        return wrong(format!("incorrect terminal \"{}\". This endpoint uses \"aws4_request\".", scope.terminal()));
    }
    let signed = day(time);
    if date == signed {
        return Ok(());
    }
    match claim.location {
        Location::Header => wrong("Invalid credential date. Date is not the same as X-Amz-Date.".to_owned()),
        Location::Query => Err(faults::AUTHORIZATION_QUERY_PARAMETERS_ERROR
            .says(format!("Invalid credential date \"{date}\". This date is not the same as X-Amz-Date: \"{signed}\"."))),
        Location::Post => wrong(format!("Invalid credential date \"{date}\". This date is not the same as X-Amz-Date: \"{signed}\".")),
    }
}

/// AWS: year, month and a day of any number of digits; what follows the digits is not read (measured, <https://github.com/brekkylab/backlot>).
fn is_scope_date(text: &str) -> bool {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let Some((month, day)) = text.get(..end).and_then(|digits| digits.split_at_checked(6)) else { return false };
    let day = day.trim_start_matches('0');
    matches!(day.len(), 1 | 2) && Timestamp::parse_basic(&format!("{month}{day:0>2}T000000Z")).is_some()
}

/// SigV4A names its regions in a header or parameter of its own.
fn check_region_set(claim: &Claim<'_>, target: &Target<'_>) -> Result<(), Fault> {
    match (&claim.region_set, claim.region_in_place_of(target)) {
        (Some(set), _) if set.is_empty() => Err(faults::INVALID_REQUEST.says("Missing required header for this request: x-amz-region-set")),
        (Some(_), Some(region)) => Err(wrong_region(claim, region)),
        _ => Ok(()),
    }
}

/// `20261124`
fn day(time: &str) -> &str {
    time.get(..8).unwrap_or_default()
}

pub(crate) fn check_time_at_s3(location: Location, time: Timestamp, expires: Option<i64>, head: &Head<'_>, now: Timestamp) -> Result<(), Fault> {
    let server = || faults::iso(now);
    match (location, expires) {
        (Location::Query, Some(seconds)) => {
            let end = time.plus_secs(seconds);
            if end <= now {
                return Err(expired(end, server()).with("X-Amz-Expires", seconds.to_string()));
            }
            if time > now.plus_secs(QUARTER_HOUR) {
                return Err(faults::ACCESS_DENIED
                    .says("Request is not yet valid")
                    .with("X-Amz-Date", time.millis().to_string())
                    .with("Expires", faults::iso(end))
                    .with("ServerTime", server()));
            }
            Ok(())
        }
        // SigV2 only names the end.
        (Location::Query, None) if time <= now => Err(expired(time, server())),
        (Location::Query, None) => Ok(()),
        _ if apart(time, now) > QUARTER_HOUR * 1000 => Err(faults::REQUEST_TIME_TOO_SKEWED
            .says("The difference between the request time and the current time is too large.")
            .with("RequestTime", head.header("x-amz-date").or_else(|| head.header("date")).unwrap_or_default())
            .with("ServerTime", server())
            .with("MaxAllowedSkewMilliseconds", (QUARTER_HOUR * 1000).to_string())),
        _ => Ok(()),
    }
}

fn expired(end: Timestamp, server: String) -> Fault {
    faults::ACCESS_DENIED.says("Request has expired").with("Expires", faults::iso(end)).with("ServerTime", server)
}

fn apart(a: Timestamp, b: Timestamp) -> i64 {
    a.millis().saturating_sub(b.millis()).saturating_abs()
}

/// AWS: the host, `Content-MD5` and every `x-amz-` header must be signed, in the header and in presigned URLs.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>
fn check_signed_at_s3(claim: &Claim<'_>, head: &Head<'_>) -> Result<(), Fault> {
    if claim.scope.is_none() {
        return Ok(());
    }
    let mut unsigned: Vec<&str> = Vec::new();
    head.headers.each(&mut |name, _| {
        // The hash of the body is a part of what is signed, as a header or not.
        let exempt = name == "x-amz-content-sha256";
        if (name == "host" || name == "content-md5" || name.starts_with("x-amz-")) && !exempt && !unsigned.contains(&name) && !claim.signs(name) {
            unsigned.push(name);
        }
    });
    if unsigned.is_empty() {
        return Ok(());
    }
    in_order_of_s3(&mut unsigned);
    Err(faults::ACCESS_DENIED.says("There were headers present in the request which were not signed").with("HeadersNotSigned", unsigned.join(", ")))
}

/// AWS: the names come in the order of a hash set of Java (measured, <https://github.com/brekkylab/backlot>).
fn in_order_of_s3(names: &mut [&str]) {
    let mut buckets: u32 = 16;
    while names.len() > (buckets as usize) / 4 * 3 {
        buckets = buckets.saturating_mul(2);
    }
    let bucket = |name: &str| {
        let hash = name.bytes().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
        (hash ^ (hash >> 16)) & (buckets - 1)
    };
    names.sort_unstable_by_key(|name| (bucket(name), *name));
}

fn check_time_at_others(claim: &Claim<'_>, now: Timestamp) -> Result<(), Fault> {
    if claim.algorithm == Algorithm::V2Query {
        // `Expires` is when the request ends, `Timestamp` when it was signed.
        let late = if claim.expires.is_some() { claim.time <= now } else { apart(claim.time, now) > QUARTER_HOUR * 1000 };
        return if late {
            let what = if claim.expires.is_some() { "Expires" } else { "Timestamp" };
            Err(faults::REQUEST_EXPIRED.says(format!("Request has expired. {what} date is {}", faults::iso(claim.time))))
        } else {
            Ok(())
        };
    }
    // AWS: presigned requests of STS are good for 15 minutes whatever X-Amz-Expires says (aws-iam-authenticator
    // depends on it); whether a longer one is honoured is unverified.
    let allowed = match claim.location {
        Location::Query => claim.expires.unwrap_or(0).clamp(QUARTER_HOUR, 604_800),
        _ => FIVE_MINUTES,
    };
    let oldest = now.plus_secs(-allowed);
    if claim.time < oldest {
        return Err(faults::SIGNATURE_OUT_OF_TIME.says(format!(
            "Signature expired: {} is now earlier than {} ({} - {} min.)",
            claim.time.basic(),
            oldest.basic(),
            now.basic(),
            allowed / 60
        )));
    }
    let newest = now.plus_secs(FIVE_MINUTES);
    if claim.time > newest {
        return Err(faults::SIGNATURE_OUT_OF_TIME.says(format!(
            "Signature not yet current: {} is still later than {} ({} + 5 min.)",
            claim.time.basic(),
            newest.basic(),
            now.basic()
        )));
    }
    Ok(())
}

/// AWS: one answer names all that is wrong with a scope. Older answers also quote what was sent.
fn check_scope_at_others(claim: &Claim<'_>, scope: &Scope<'_>, time: &str, target: &Target<'_>) -> Result<(), Fault> {
    let mut wrong = String::new();
    let nameless = claim.region_set.is_none() && scope.region().is_empty();
    if claim.region_in_place_of(target).is_some() || nameless && !target.global {
        wrong.push_str("Credential should be scoped to a valid region. ");
    }
    if scope.service() != target.service {
        wrong.push_str(&format!("Credential should be scoped to correct service: '{}'. ", target.service));
    }
    if scope.terminal() != "aws4_request" {
        wrong.push_str("Credential should be scoped with a valid terminator: 'aws4_request'. ");
    }
    if scope.date() != day(time) {
        wrong.push_str("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP. ");
    }
    if wrong.is_empty() { Ok(()) } else { Err(faults::SIGNATURE_DOES_NOT_MATCH.says(wrong)) }
}

// ── with the secret ─────────────────────────────────────────────────────────────────────────────────────────────

impl<'a> Admitted<'a> {
    pub fn claim(&self) -> &Claim<'a> {
        &self.claim
    }

    pub fn into_claim(self) -> Claim<'a> {
        self.claim
    }

    /// Compares the signature. `payload_hash` is what [`crate::Payload::canonical`] gave.
    pub fn verify(&self, head: &Head<'_>, payload_hash: &str, secret: &str, keys: &Keys) -> Result<Verified, Fault> {
        let claim = &self.claim;
        match (claim.algorithm, &claim.scope) {
            (Algorithm::HmacSha256, Some(scope)) => {
                let key = keys.signing(&claim.access_key, secret, scope);
                self.verify_by(head, payload_hash, scope, Verifier::Hmac(key))
            }
            (Algorithm::EcdsaP256Sha256, Some(scope)) => {
                let key = keys.verifying(&claim.access_key, secret).ok_or_else(|| Fault::internal("no P-256 key follows from the secret"))?;
                self.verify_by(head, payload_hash, scope, Verifier::Ecdsa(key))
            }
            (Algorithm::V2Query, _) => self.verify_form(head, head.query, secret),
            _ => v2::verify(head, claim, self.bucket, secret).map(|()| Verified { chain: None }),
        }
    }

    /// The same for a signature of another kind under the name of SigV4: that of a machine's own key, over the same string to sign.
    pub fn verify_with(&self, head: &Head<'_>, payload_hash: &str, signs: &dyn Fn(&[u8], &str) -> bool) -> Result<Verified, Fault> {
        match (self.claim.algorithm, &self.claim.scope) {
            (Algorithm::HmacSha256, Some(scope)) => self.compare(head, payload_hash, scope, signs).map(|()| Verified { chain: None }),
            _ => Err(faults::mismatch_at_others()),
        }
    }

    /// For a query service's SigV2 in a POST: the form is what was signed.
    pub fn verify_form(&self, head: &Head<'_>, form: &str, secret: &str) -> Result<Verified, Fault> {
        v2::verify_parameters(head, &self.claim, form, secret).map(|()| Verified { chain: None })
    }

    /// The canonical request and the string to sign, as this server sees them: for a log, to explain a mismatch.
    pub fn explain(&self, head: &Head<'_>, payload_hash: &str) -> Option<(String, String)> {
        let form = Form::of(self.flavor).first()?;
        let request = canonical::request(head, Covered::by(&self.claim), payload_hash, *form);
        let scope = self.claim.scope.as_ref()?;
        let text = canonical::string_to_sign(self.claim.algorithm_name(), &self.date, scope.as_str(), &request);
        Some((request, text))
    }

    fn verify_by(&self, head: &Head<'_>, payload_hash: &str, scope: &Scope<'_>, verifier: Verifier) -> Result<Verified, Fault> {
        self.compare(head, payload_hash, scope, &|text, signature| verifier.signs(text, signature))?;
        Ok(Verified { chain: self.chain(payload_hash, scope, verifier) })
    }

    fn compare(&self, head: &Head<'_>, payload_hash: &str, scope: &Scope<'_>, signs: &dyn Fn(&[u8], &str) -> bool) -> Result<(), Fault> {
        let claim = &self.claim;
        let hashes = [payload_hash, "UNSIGNED-PAYLOAD"];
        // A presigned request need not know the body's hash even if the client sends one along.
        let hashes = hashes.get(..if self.flavor == Flavor::S3 && claim.location == Location::Query { 2 } else { 1 }).unwrap_or_default();
        let mut tried: Vec<String> = Vec::new();
        for hash in hashes {
            for form in Form::of(self.flavor) {
                // Encoding once is the same as encoding twice only if nothing is escaped.
                if form.is_raw_at_others(self.flavor) && head.path.contains('%') {
                    continue;
                }
                let request = canonical::request(head, Covered::by(claim), hash, *form);
                if tried.contains(&request) {
                    continue;
                }
                for date in self.sent_date.iter().chain([&self.date]) {
                    let text = canonical::string_to_sign(claim.algorithm_name(), date, scope.as_str(), &request);
                    if signs(text.as_bytes(), &claim.signature) {
                        return Ok(());
                    }
                }
                tried.push(request);
            }
        }
        Err(self.mismatch(scope, tried.first().map_or("", String::as_str)))
    }

    fn mismatch(&self, scope: &Scope<'_>, request: &str) -> Fault {
        if self.flavor == Flavor::Other {
            return faults::mismatch_at_others();
        }
        faults::Mismatch {
            access_key: &self.claim.access_key,
            string_to_sign: &canonical::string_to_sign(
                self.claim.algorithm_name(),
                self.sent_date.as_ref().unwrap_or(&self.date),
                scope.as_str(),
                request,
            ),
            provided: &self.claim.signature,
            canonical_request: Some(request),
        }
        .at_s3()
    }

    fn chain(&self, payload_hash: &str, scope: &Scope<'_>, verifier: Verifier) -> Option<Chain> {
        payload_hash.starts_with("STREAMING-AWS4-").then(|| Chain {
            verifier,
            access_key: self.claim.access_key.clone().into_owned(),
            date: self.date.clone(),
            scope: scope.as_str().to_owned(),
            previous: self.claim.signature.clone().into_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
