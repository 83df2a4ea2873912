//! The decoder of aws-chunked bodies: checks signatures and lengths, and gives the payload without copying it.
//! Checksums are not verified here: a trailer is handed over as it came.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html>

use crate::{Chunked, Hex, Verified, faults, verify::Chain};
use aws_lc_rs::digest;
use bytes::{Buf, Bytes};
use cloudlet_aws::{Fault, Head};

/// Only the last chunk may be smaller.
const SMALLEST: u64 = 8192;
/// A chunk's header is some hundred bytes at most; a longer one is refused.
const LONGEST_LINE: usize = 1024;
/// All trailing headers together.
const LONGEST_TRAILER: usize = 16 * 1024;
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The trailing headers, names in lower case: `x-amz-checksum-crc32`.
pub type Trailers = Vec<(String, String)>;

/// Decodes an aws-chunked body that comes in pieces of any size.
pub struct Decoder {
    mode: Chunked,
    chain: Option<Chain>,
    /// Lower-case names that `x-amz-trailer` announced.
    announced: Vec<String>,
    trailers: Trailers,
    trailer_bytes: usize,
    declared: u64,
    decoded: u64,
    state: State,
    /// The part of a line that came before its end.
    line: Vec<u8>,
    chunk: Chunk,
}

/// The chunk being read.
struct Chunk {
    /// Counted from one; zero before the first.
    number: u64,
    size: u64,
    signature: String,
    hash: digest::Context,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size,
    Data {
        left: u64,
    },
    /// The line break after a chunk's data, of which this much was seen.
    Break {
        seen: usize,
    },
    Trailer,
    /// All was read; nothing but line breaks may follow.
    Done,
}

fn broken() -> Fault {
    faults::INCOMPLETE_BODY.says("The request body terminated unexpectedly")
}

fn wrong_length() -> Fault {
    faults::INCOMPLETE_BODY.says("You did not provide the number of bytes specified by the Content-Length HTTP header")
}

fn malformed_trailer() -> Fault {
    faults::MALFORMED_TRAILER.says("The request contained trailing data that was not well-formed or did not conform to our published schema.")
}

impl Decoder {
    /// For a verified request: its chunks are signed in a chain that starts with the head's signature.
    /// Reads `x-amz-decoded-content-length` and `x-amz-trailer`.
    pub fn new(mode: Chunked, verified: &Verified, head: &Head<'_>) -> Result<Decoder, Fault> {
        let chain = match mode.algorithm() {
            None => None,
            Some(_) => Some(verified.chain.clone().ok_or_else(|| Fault::internal("signed chunks under a head that announced none"))?),
        };
        Decoder::with(mode, chain, head)
    }

    /// For requests whose signature is not verified: anonymous ones, those of SigV2, and all if authentication is off.
    /// Framing and lengths are checked all the same; signatures of chunks are ignored.
    pub fn unsigned(head: &Head<'_>) -> Result<Decoder, Fault> {
        let mode = head.header("x-amz-content-sha256").and_then(Chunked::named);
        Decoder::with(mode.unwrap_or(Chunked::UnsignedTrailer), None, head)
    }

    fn with(mode: Chunked, chain: Option<Chain>, head: &Head<'_>) -> Result<Decoder, Fault> {
        let declared = head.header("x-amz-decoded-content-length").and_then(|length| length.trim().parse().ok());
        let announced = match head.header("x-amz-trailer") {
            Some(names) if mode.has_trailer() => names.split(',').map(|name| name.trim().to_ascii_lowercase()).collect(),
            _ => Vec::new(),
        };
        Ok(Decoder {
            mode,
            chain,
            announced,
            trailers: Vec::new(),
            trailer_bytes: 0,
            declared: declared.ok_or_else(faults::missing_content_length)?,
            decoded: 0,
            state: State::Size,
            line: Vec::new(),
            chunk: Chunk { number: 0, size: 0, signature: String::new(), hash: digest::Context::new(&digest::SHA256) },
        })
    }

    /// The length of the payload once decoded, as the head declared it. `finish` holds the body to it.
    pub fn decoded_length(&self) -> u64 {
        self.declared
    }

    /// Decodes a piece. Payload goes to `out` as slices of the input, before its chunk's signature has been read; a wrong one is a
    /// fault later. After a fault the decoder must not be used any more.
    pub fn feed(&mut self, mut input: Bytes, out: &mut Vec<Bytes>) -> Result<(), Fault> {
        while !input.is_empty() {
            match self.state {
                State::Size => {
                    if let Some(line) = self.take_line(&mut input, LONGEST_LINE, broken)? {
                        self.begin_chunk(&line)?;
                    }
                }
                State::Data { left } => {
                    let piece = input.split_to(usize::try_from(left).unwrap_or(usize::MAX).min(input.len()));
                    if self.chain.is_some() {
                        self.chunk.hash.update(&piece);
                    }
                    let left = left - piece.len() as u64;
                    out.push(piece);
                    if left == 0 {
                        self.end_chunk()?;
                        self.state = State::Break { seen: 0 };
                    } else {
                        self.state = State::Data { left };
                    }
                }
                State::Break { seen } => match (seen, input.get_u8()) {
                    (0, b'\r') => self.state = State::Break { seen: 1 },
                    (1, b'\n') => self.state = State::Size,
                    _ => return Err(broken()),
                },
                State::Trailer => {
                    if let Some(line) = self.take_line(&mut input, LONGEST_TRAILER, malformed_trailer)? {
                        self.trailer_line(&line)?;
                    }
                }
                State::Done => {
                    if !input.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
                        return Err(broken());
                    }
                    input.clear();
                }
            }
        }
        Ok(())
    }

    /// Checks that the body is complete.
    pub fn finish(mut self) -> Result<Trailers, Fault> {
        match self.state {
            State::Done => {}
            // The last line break may be missing.
            State::Trailer if self.line.is_empty() => self.end_trailer()?,
            State::Size | State::Data { .. } | State::Break { .. } | State::Trailer => return Err(broken()),
        }
        if self.decoded == self.declared { Ok(self.trailers) } else { Err(wrong_length()) }
    }

    /// A line without its break, once it has come whole.
    fn take_line(&mut self, input: &mut Bytes, limit: usize, fault: fn() -> Fault) -> Result<Option<Bytes>, Fault> {
        let end = memchr::memchr(b'\n', input);
        let taken = end.map_or(input.len(), |at| at + 1);
        if self.line.len() + taken > limit {
            return Err(fault());
        }
        let piece = input.split_to(taken);
        if end.is_none() {
            self.line.extend_from_slice(&piece);
            return Ok(None);
        }
        let mut line = if self.line.is_empty() {
            piece
        } else {
            self.line.extend_from_slice(&piece);
            Bytes::from(std::mem::take(&mut self.line))
        };
        line.truncate(line.len() - 1);
        if line.last() == Some(&b'\r') {
            line.truncate(line.len() - 1);
        }
        Ok(Some(line))
    }

    /// `10000;chunk-signature=…`
    fn begin_chunk(&mut self, line: &[u8]) -> Result<(), Fault> {
        let line = std::str::from_utf8(line).map_err(|_| broken())?;
        let (size, extensions) = line.split_once(';').unwrap_or((line, ""));
        let size = size.trim();
        if size.is_empty() || size.len() > 16 || !size.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(broken());
        }
        let size = u64::from_str_radix(size, 16).map_err(|_| broken())?;
        let signature = extensions.split(';').find_map(|extension| extension.trim().strip_prefix("chunk-signature="));
        self.chunk.signature.clear();
        if self.chain.is_some() {
            self.chunk.signature.push_str(signature.ok_or_else(broken)?);
        }
        if size > 0 && self.chunk.number > 0 && self.chunk.size < SMALLEST {
            return Err(faults::INVALID_CHUNK_SIZE
                .says(format!("Only the last chunk is allowed to have a size less than {SMALLEST} bytes"))
                .with("Chunk", (self.chunk.number + 1).to_string())
                .with("BadChunkSize", self.chunk.size.to_string()));
        }
        self.chunk.number += 1;
        self.chunk.size = size;
        self.decoded = self.decoded.checked_add(size).filter(|decoded| *decoded <= self.declared).ok_or_else(wrong_length)?;
        if size > 0 {
            self.state = State::Data { left: size };
            return Ok(());
        }
        self.end_chunk()?;
        self.state = State::Trailer;
        Ok(())
    }

    fn end_chunk(&mut self) -> Result<(), Fault> {
        let Some(chain) = &mut self.chain else { return Ok(()) };
        let hash = std::mem::replace(&mut self.chunk.hash, digest::Context::new(&digest::SHA256)).finish();
        let text = format!(
            "{}-PAYLOAD\n{}\n{}\n{}\n{EMPTY_SHA256}\n{}",
            algorithm(self.mode),
            chain.date,
            chain.scope,
            chain.previous,
            Hex::new(hash.as_ref())
        );
        chain.link(&text, &self.chunk.signature)
    }

    fn trailer_line(&mut self, line: &[u8]) -> Result<(), Fault> {
        if line.is_empty() {
            // AWS's own examples put an empty line before the trailer's signature.
            let unsigned_yet =
                self.mode.algorithm().is_some() && self.mode.has_trailer() && self.trailer_signature().is_none() && !self.trailers.is_empty();
            return if unsigned_yet { Ok(()) } else { self.end_trailer() };
        }
        if !self.mode.has_trailer() {
            return Err(broken());
        }
        self.trailer_bytes += line.len();
        if self.trailer_bytes > LONGEST_TRAILER {
            return Err(malformed_trailer());
        }
        let line = std::str::from_utf8(line).map_err(|_| malformed_trailer())?;
        let (name, value) = line.split_once(':').ok_or_else(malformed_trailer)?;
        self.trailers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        Ok(())
    }

    fn trailer_signature(&self) -> Option<&str> {
        self.trailers.iter().find(|(name, _)| name == SIGNATURE).map(|(_, value)| value.as_str())
    }

    fn end_trailer(&mut self) -> Result<(), Fault> {
        self.state = State::Done;
        if !self.mode.has_trailer() {
            return Ok(());
        }
        let signature = self.trailer_signature().map(str::to_owned);
        self.trailers.retain(|(name, _)| name != SIGNATURE);
        let announced = |name: &String| self.trailers.iter().filter(|(trailer, _)| trailer == name).count() == 1;
        if !self.announced.iter().all(announced) || self.trailers.len() != self.announced.len() {
            return Err(malformed_trailer());
        }
        let Some(chain) = &mut self.chain else { return Ok(()) };
        if self.trailers.is_empty() && signature.is_none() {
            return Ok(());
        }
        let signature = signature.ok_or_else(malformed_trailer)?;
        let mut sorted: Vec<&(String, String)> = self.trailers.iter().collect();
        sorted.sort();
        let mut canonical = String::new();
        for (name, value) in sorted {
            canonical.push_str(name);
            canonical.push(':');
            canonical.push_str(value);
            canonical.push('\n');
        }
        let hash = Hex::new(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
        let text = format!("{}-TRAILER\n{}\n{}\n{}\n{hash}", algorithm(self.mode), chain.date, chain.scope, chain.previous);
        chain.link(&text, &signature)
    }
}

const SIGNATURE: &str = "x-amz-trailer-signature";

fn algorithm(mode: Chunked) -> &'static str {
    match mode {
        Chunked::EcdsaP256Sha256 | Chunked::EcdsaP256Sha256Trailer => "AWS4-ECDSA-P256-SHA256",
        _ => "AWS4-HMAC-SHA256",
    }
}

#[cfg(test)]
mod tests;
