//! What `x-amz-content-sha256` says about the body, and holding the body to it.

use crate::{Claim, Flavor, hex::Hex};
use aws_lc_rs::digest;
use cloudlet_aws::{Fault, Head};
use std::borrow::Cow;

/// How the body takes part in the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// The head declares the body's SHA-256 (S3); [`Check`] compares it as the body goes by.
    Declared(&'a str),
    /// The body itself is signed: it must be there, whole, before the signature can be compared.
    Body,
    /// `UNSIGNED-PAYLOAD`.
    Unsigned,
    /// aws-chunked: see [`crate::chunks::Decoder`].
    Chunked(Chunked),
}

/// One of the `STREAMING-…` forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunked {
    pub seal: Seal,
    pub trailer: Trailer,
}

/// What each chunk carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seal {
    Unsigned,
    HmacSha256,
    EcdsaP256Sha256,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trailer {
    Absent,
    Present,
}

impl<'a> Payload<'a> {
    pub fn of(_head: &Head<'a>, _claim: Option<&Claim<'_>>, _flavor: Flavor) -> Result<Payload<'a>, Fault> {
        Ok(Payload::Body)
    }

    /// The last line of the canonical request. The body is asked for only when it is itself signed.
    pub fn canonical(&self, body: impl FnOnce() -> Hex) -> Cow<'a, str> {
        match self {
            Payload::Declared(hash) => Cow::Borrowed(hash),
            Payload::Body => Cow::Owned(body().as_str().to_owned()),
            Payload::Unsigned => Cow::Borrowed("UNSIGNED-PAYLOAD"),
            Payload::Chunked(chunked) => Cow::Borrowed(chunked.name()),
        }
    }
}

impl Chunked {
    pub const fn name(self) -> &'static str {
        match (self.seal, self.trailer) {
            (Seal::Unsigned, Trailer::Present) => "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            (Seal::Unsigned, Trailer::Absent) => "STREAMING-UNSIGNED-PAYLOAD",
            (Seal::HmacSha256, Trailer::Absent) => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            (Seal::HmacSha256, Trailer::Present) => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            (Seal::EcdsaP256Sha256, Trailer::Absent) => "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
            (Seal::EcdsaP256Sha256, Trailer::Present) => "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER",
        }
    }
}

/// The SHA-256 of a whole body.
pub fn sha256(body: &[u8]) -> Hex {
    Hex::new(digest::digest(&digest::SHA256, body).as_ref())
}

/// Holds a body that goes by to the hash its head declared.
pub struct Check {
    declared: String,
    hash: digest::Context,
}

impl Check {
    pub fn new(declared: &str) -> Check {
        Check { declared: declared.to_owned(), hash: digest::Context::new(&digest::SHA256) }
    }

    pub fn update(&mut self, piece: &[u8]) {
        self.hash.update(piece);
    }

    pub fn finish(self) -> Result<(), Fault> {
        let computed = Hex::new(self.hash.finish().as_ref());
        if computed.eq_ignore_ascii_case(&self.declared) { Ok(()) } else { Err(Fault::internal("mismatch")) }
    }
}
