//! The faults of signatures. A kind's `name` is the spelling of the JSON protocols, its `code` that of XML
//! and query; statuses are those of XML and query (aws-json answers 400 where these say 403; EC2 says `AuthFailure`).
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>

use crate::{claim::Algorithm, hex};
use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::STANDARD};
use cloudlet_aws::{Blame, Fault, FaultKind, Timestamp, TimestampFormat};

const fn two(name: &'static str, code: &'static str, status: u16) -> FaultKind {
    FaultKind { name, code, status, blame: Blame::Sender }
}

pub const SIGNATURE_DOES_NOT_MATCH: FaultKind = two("InvalidSignatureException", "SignatureDoesNotMatch", 403);
/// Most services do not tell it from a wrong signature; EC2 does.
pub const SIGNATURE_OUT_OF_TIME: FaultKind = two("SignatureOutOfTime", "SignatureDoesNotMatch", 403);
pub const INCOMPLETE_SIGNATURE: FaultKind = two("IncompleteSignatureException", "IncompleteSignature", 400);
pub const MISSING_AUTHENTICATION_TOKEN: FaultKind = two("MissingAuthenticationTokenException", "MissingAuthenticationToken", 403);
pub const REQUEST_EXPIRED: FaultKind = FaultKind::sender("RequestExpired", 400);

pub const ACCESS_DENIED: FaultKind = two("AccessDeniedException", "AccessDenied", 403);
pub const AUTHORIZATION_HEADER_MALFORMED: FaultKind = FaultKind::sender("AuthorizationHeaderMalformed", 400);
pub const AUTHORIZATION_QUERY_PARAMETERS_ERROR: FaultKind = FaultKind::sender("AuthorizationQueryParametersError", 400);
pub const ENTITY_TOO_LARGE: FaultKind = FaultKind::sender("EntityTooLarge", 400);
pub const ENTITY_TOO_SMALL: FaultKind = FaultKind::sender("EntityTooSmall", 400);
pub const INCOMPLETE_BODY: FaultKind = FaultKind::sender("IncompleteBody", 400);
pub const INVALID_ARGUMENT: FaultKind = FaultKind::sender("InvalidArgument", 400);
pub const INVALID_CHUNK_SIZE: FaultKind = FaultKind::sender("InvalidChunkSizeError", 400);
pub const INVALID_POLICY_DOCUMENT: FaultKind = FaultKind::sender("InvalidPolicyDocument", 400);
pub const INVALID_REQUEST: FaultKind = FaultKind::sender("InvalidRequest", 400);
pub const MALFORMED_TRAILER: FaultKind = FaultKind::sender("MalformedTrailerError", 400);
pub const MISSING_CONTENT_LENGTH: FaultKind = FaultKind::sender("MissingContentLength", 411);
pub const REGION_SET_MISMATCH: FaultKind = FaultKind::sender("RegionSetMismatch", 400);
pub const REQUEST_TIME_TOO_SKEWED: FaultKind = FaultKind::sender("RequestTimeTooSkewed", 403);
pub const X_AMZ_CONTENT_SHA256_MISMATCH: FaultKind = FaultKind::sender("XAmzContentSHA256Mismatch", 400);

/// What all services but S3 answer to an anonymous request where a signature is required.
pub fn missing_authentication_token() -> Fault {
    MISSING_AUTHENTICATION_TOKEN.says("Request is missing Authentication Token")
}

pub(crate) fn invalid_argument(message: impl Into<String>, name: &str, value: &str) -> Fault {
    INVALID_ARGUMENT.says(message).with("ArgumentName", name).with("ArgumentValue", value)
}

pub(crate) const MALFORMED_CREDENTIAL: &str = "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".";

/// What S3 expects of a credential. That of SigV4A has no region.
pub(crate) fn malformed_credential(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::EcdsaP256Sha256 => "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/SERVICE/aws4_request\".",
        _ => MALFORMED_CREDENTIAL,
    }
}

pub(crate) fn no_date_at_s3() -> Fault {
    ACCESS_DENIED.says("AWS authentication requires a valid Date or x-amz-date header")
}

pub(crate) fn missing_content_length() -> Fault {
    MISSING_CONTENT_LENGTH.says("You must provide the Content-Length HTTP header.")
}

/// What S3 shows when a signature does not match. SigV2 and forms have no canonical request.
pub(crate) struct Mismatch<'a> {
    pub access_key: &'a str,
    pub string_to_sign: &'a str,
    pub provided: &'a str,
    pub canonical_request: Option<&'a str>,
}

impl Mismatch<'_> {
    pub fn at_s3(self) -> Fault {
        let fault = SIGNATURE_DOES_NOT_MATCH
            .says("The request signature we calculated does not match the signature you provided. Check your key and signing method.")
            .with("AWSAccessKeyId", self.access_key)
            .with("StringToSign", self.string_to_sign)
            .with("SignatureProvided", self.provided)
            .with("StringToSignBytes", hex::spaced(self.string_to_sign.as_bytes()));
        match self.canonical_request {
            Some(request) => fault.with("CanonicalRequest", request).with("CanonicalRequestBytes", hex::spaced(request.as_bytes())),
            None => fault,
        }
    }
}

/// What all services but S3 answer when a signature does not match.
pub(crate) fn mismatch_at_others() -> Fault {
    SIGNATURE_DOES_NOT_MATCH.says(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing \
         method. Consult the service documentation for details.",
    )
}

/// AWS: errors quote the hash of a header that cannot be read, not the header.
pub(crate) fn fingerprint(header: &str) -> String {
    STANDARD.encode(digest::digest(&digest::SHA256, header.as_bytes()))
}

/// `2026-11-24T09:30:00Z`: the format of times in S3's errors.
pub(crate) fn iso(time: Timestamp) -> String {
    time.whole_secs().text(TimestampFormat::DateTime)
}
