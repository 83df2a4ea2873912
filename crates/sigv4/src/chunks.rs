//! The decoder of aws-chunked bodies: frames off, signatures and lengths checked, payload handed on uncopied.

use crate::{Chunked, Verified};
use bytes::Bytes;
use cloudlet_aws::{Fault, Head};

/// Takes an aws-chunked body apart, however it is split.
pub struct Decoder {}

/// The trailing headers, names in lower case: `x-amz-checksum-crc32`.
pub type Trailers = Vec<(String, String)>;

impl Decoder {
    /// Reads `x-amz-decoded-content-length` and `x-amz-trailer` from the head.
    pub fn new(_mode: Chunked, _verified: &Verified, _head: &Head<'_>) -> Result<Decoder, Fault> {
        Err(Fault::internal("chunks are not decoded yet"))
    }

    /// For anonymous requests, which may only use the unsigned form.
    pub fn unsigned(_mode: Chunked, _head: &Head<'_>) -> Result<Decoder, Fault> {
        Err(Fault::internal("chunks are not decoded yet"))
    }

    /// The length of the payload once decoded.
    pub fn decoded_length(&self) -> u64 {
        0
    }

    /// Decodes a piece; payload goes to `out` before its chunk's signature is known, the fault comes before the end.
    pub fn feed(&mut self, _input: Bytes, _out: &mut Vec<Bytes>) -> Result<(), Fault> {
        Ok(())
    }

    /// The body has ended: was it whole?
    pub fn finish(self) -> Result<Trailers, Fault> {
        Ok(Vec::new())
    }
}
