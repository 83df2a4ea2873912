//! What `x-amz-content-sha256` declares about the body, and the check of the body against it.

use crate::{
    Algorithm, Claim, Flavor, Location, faults,
    hex::{self, Hex},
};
use aws_lc_rs::digest;
use cloudlet_aws::{Fault, Head};
use sha2::{Digest, Sha256};
use std::borrow::Cow;

const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// How the body is covered by the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// The head declares the body's SHA-256 (S3); [`Check`] compares it while the body streams.
    Declared(&'a str),
    /// The body itself is signed: it must be there, whole, before the signature can be compared.
    Body,
    /// `UNSIGNED-PAYLOAD`.
    Unsigned,
    /// S3, presigned: any other text. The signature covers it, and it says nothing about the body.
    Word(&'a str),
    /// aws-chunked: see [`crate::chunks::Decoder`].
    Chunked(Chunked),
}

/// One of the `STREAMING-…` forms. AWS has no unsigned one without a trailer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunked {
    HmacSha256,
    HmacSha256Trailer,
    EcdsaP256Sha256,
    EcdsaP256Sha256Trailer,
    UnsignedTrailer,
}

impl<'a> Payload<'a> {
    /// What the signature covers in place of the body's hash, if it does.
    pub const fn marker(&self) -> Option<&'static str> {
        match self {
            Payload::Declared(_) | Payload::Body | Payload::Word(_) => None,
            Payload::Unsigned => Some(UNSIGNED),
            Payload::Chunked(chunked) => Some(chunked.name()),
        }
    }

    /// Reads the head. S3 requires the header of signed requests; other services sign the body itself.
    pub fn of(head: &Head<'a>, claim: Option<&Claim<'_>>, flavor: Flavor) -> Result<Payload<'a>, Fault> {
        let declared = head.header("x-amz-content-sha256").or_else(|| match claim {
            Some(claim) if claim.location == Location::Query => {
                head.raw_query().find(|(name, _)| *name == "X-Amz-Content-Sha256").map(|(_, value)| value)
            }
            _ => None,
        });
        if flavor == Flavor::Other {
            return Ok(if declared == Some(UNSIGNED) { Payload::Unsigned } else { Payload::Body });
        }
        let Some(declared) = declared else {
            return match claim {
                Some(Claim { location: Location::Header, scope: Some(_), .. }) => {
                    Err(faults::INVALID_REQUEST.says("Missing required header for this request: x-amz-content-sha256"))
                }
                _ => Ok(Payload::Unsigned),
            };
        };
        if declared == UNSIGNED {
            return Ok(Payload::Unsigned);
        }
        if hex::is_sha256(declared) {
            return Ok(Payload::Declared(declared));
        }
        let Some(chunked) = Chunked::named(declared) else {
            // AWS: a presigned request may send any text (measured, <https://github.com/brekkylab/backlot>).
            return match claim {
                Some(Claim { location: Location::Query, .. }) => Ok(Payload::Word(declared)),
                _ => Err(invalid_word(declared)),
            };
        };
        match (chunked.algorithm(), claim) {
            (None, _) => {}
            (Some(_), None) => {
                return Err(faults::INVALID_REQUEST.says(
                    "Anonymous requests don't support this x-amz-content-sha256 value. Please use UNSIGNED-PAYLOAD or \
                     STREAMING-UNSIGNED-PAYLOAD-TRAILER.",
                ));
            }
            (Some(algorithm), Some(claim)) if claim.algorithm == algorithm => {}
            // AWS: chunks signed another way than their head; unverified for the mixed cases.
            (Some(_), Some(_)) => return Err(faults::INVALID_REQUEST.says("The value of x-amz-content-sha256 header is invalid.")),
        }
        Ok(Payload::Chunked(chunked))
    }

    /// The last line of the canonical request. The body is asked for only when it is itself signed.
    pub fn canonical(&self, body: impl FnOnce() -> Hex) -> Cow<'a, str> {
        match self {
            Payload::Declared(hash) | Payload::Word(hash) => Cow::Borrowed(hash),
            Payload::Body => Cow::Owned(body().as_str().to_owned()),
            Payload::Unsigned => Cow::Borrowed(UNSIGNED),
            Payload::Chunked(chunked) => Cow::Borrowed(chunked.name()),
        }
    }
}

/// What S3 requires of a request that a header signs.
pub(crate) fn check_declared(head: &Head<'_>) -> Result<(), Fault> {
    match head.header("x-amz-content-sha256") {
        None => Err(faults::INVALID_REQUEST.says("Missing required header for this request: x-amz-content-sha256")),
        Some(declared) if declared == UNSIGNED || hex::is_sha256(declared) || Chunked::named(declared).is_some() => Ok(()),
        Some(declared) => Err(invalid_word(declared)),
    }
}

fn invalid_word(declared: &str) -> Fault {
    faults::invalid_argument(
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, \
         STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, \
         STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
        "x-amz-content-sha256",
        declared,
    )
}

impl Chunked {
    const ALL: [Chunked; 5] =
        [Chunked::HmacSha256, Chunked::HmacSha256Trailer, Chunked::EcdsaP256Sha256, Chunked::EcdsaP256Sha256Trailer, Chunked::UnsignedTrailer];

    pub fn named(name: &str) -> Option<Chunked> {
        Chunked::ALL.into_iter().find(|chunked| chunked.name() == name)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Chunked::HmacSha256 => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            Chunked::HmacSha256Trailer => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            Chunked::EcdsaP256Sha256 => "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
            Chunked::EcdsaP256Sha256Trailer => "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER",
            Chunked::UnsignedTrailer => "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        }
    }

    /// How each chunk is signed, if it is.
    pub const fn algorithm(self) -> Option<Algorithm> {
        match self {
            Chunked::HmacSha256 | Chunked::HmacSha256Trailer => Some(Algorithm::HmacSha256),
            Chunked::EcdsaP256Sha256 | Chunked::EcdsaP256Sha256Trailer => Some(Algorithm::EcdsaP256Sha256),
            Chunked::UnsignedTrailer => None,
        }
    }

    pub const fn has_trailer(self) -> bool {
        matches!(self, Chunked::HmacSha256Trailer | Chunked::EcdsaP256Sha256Trailer | Chunked::UnsignedTrailer)
    }
}

/// The SHA-256 of a whole body.
pub fn sha256(body: &[u8]) -> Hex {
    Hex::new(&Sha256::digest(body))
}

/// Compares a streamed body with the hash that its head declared.
pub struct Check {
    declared: String,
    /// None until there is something to digest: most requests have no body.
    hash: Option<digest::Context>,
}

/// The SHA-256 of nothing.
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

impl Check {
    pub fn new(declared: &str) -> Check {
        Check { declared: declared.to_owned(), hash: None }
    }

    pub fn update(&mut self, piece: &[u8]) {
        if !piece.is_empty() {
            self.hash.get_or_insert_with(|| digest::Context::new(&digest::SHA256)).update(piece);
        }
    }

    pub fn finish(self) -> Result<(), Fault> {
        let hash = match self.hash {
            None if self.declared.eq_ignore_ascii_case(EMPTY) => return Ok(()),
            None => digest::digest(&digest::SHA256, b""),
            Some(hash) => hash.finish(),
        };
        let computed = Hex::new(hash.as_ref());
        if computed.eq_ignore_ascii_case(&self.declared) {
            return Ok(());
        }
        Err(faults::X_AMZ_CONTENT_SHA256_MISMATCH
            .says("The provided 'x-amz-content-sha256' header does not match what was computed.")
            .with("ClientComputedContentSHA256", self.declared)
            .with("S3ComputedContentSHA256", computed.as_str()))
    }
}

#[cfg(test)]
mod tests;
