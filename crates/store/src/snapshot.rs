//! The form of a snapshot: the records of all rows and the bodies they name, as one stream of bytes.
//!
//! A line of JSON, the header; then parts: a byte for the kind, the length of the rest in 8 bytes, the rest. `R` holds a record in JSON,
//! `B` the 16 bytes of an id and a body, `E`, the last, the CRC-64/NVME of all bytes before it.

use crate::{BlobId, Record};
use bytes::{Buf, Bytes, BytesMut};
use cloudlet_digest::{Algorithm, Digest};
use serde::{Deserialize, Serialize};
use std::fmt;

const FORMAT: u32 = 2;
const PART_HEAD: usize = 9;
const ID: usize = 16;
const CHECKSUM: usize = 8;
/// The longest header and the longest record that are read.
const MAX_HEADER: usize = 4 * 1024;
const MAX_RECORD: u64 = 1 << 30;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotHeader {
    #[serde(rename = "cloudletSnapshot")]
    format: u32,
    /// The account whose state it is; all accounts when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

impl SnapshotHeader {
    pub fn new(account: Option<String>) -> SnapshotHeader {
        SnapshotHeader { format: FORMAT, account }
    }
}

/// Makes a snapshot, piece by piece.
pub struct SnapshotEncoder {
    checksum: Digest,
}

impl SnapshotEncoder {
    /// The encoder, and the first bytes.
    pub fn begin(header: &SnapshotHeader) -> Result<(SnapshotEncoder, Bytes), serde_json::Error> {
        let mut encoder = SnapshotEncoder { checksum: Digest::new(Algorithm::Crc64Nvme) };
        let mut line = serde_json::to_vec(header)?;
        line.push(b'\n');
        let bytes = encoder.checked(line.into());
        Ok((encoder, bytes))
    }

    pub fn record(&mut self, record: &Record) -> Result<Bytes, serde_json::Error> {
        let record = serde_json::to_vec(record)?;
        let mut part = BytesMut::with_capacity(PART_HEAD + record.len());
        part.extend_from_slice(&head(b'R', record.len() as u64));
        part.extend_from_slice(&record);
        Ok(self.checked(part.freeze()))
    }

    /// Begins a body. Its bytes follow, by `body_bytes`.
    pub fn body(&mut self, id: BlobId, length: u64) -> Bytes {
        let mut part = BytesMut::with_capacity(PART_HEAD + ID);
        part.extend_from_slice(&head(b'B', length.saturating_add(ID as u64)));
        part.extend_from_slice(&id.number().to_be_bytes());
        self.checked(part.freeze())
    }

    pub fn body_bytes(&mut self, bytes: Bytes) -> Bytes {
        self.checked(bytes)
    }

    pub fn end(self) -> Bytes {
        let mut part = head(b'E', CHECKSUM as u64).to_vec();
        part.extend_from_slice(self.checksum.finish().bytes());
        part.into()
    }

    fn checked(&mut self, bytes: Bytes) -> Bytes {
        self.checksum.update(&bytes);
        bytes
    }
}

fn head(kind: u8, length: u64) -> [u8; PART_HEAD] {
    let mut head = [kind; PART_HEAD];
    head.iter_mut().skip(1).zip(length.to_be_bytes()).for_each(|(to, from)| *to = from);
    head
}

/// What a snapshot holds, in its order.
#[derive(Clone, Debug, PartialEq)]
pub enum SnapshotPart {
    Header(SnapshotHeader),
    Record(Record),
    /// A body begins; its bytes follow.
    Body(BlobId),
    BodyBytes(Bytes),
    BodyEnd,
    /// Everything was there, and as it was written.
    End,
}

/// Reads a snapshot whose bytes come in pieces.
pub struct SnapshotDecoder {
    checksum: Digest,
    buffer: BytesMut,
    state: State,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Header,
    Part,
    Body { left: u64 },
    Ended,
}

impl Default for SnapshotDecoder {
    fn default() -> Self {
        SnapshotDecoder { checksum: Digest::new(Algorithm::Crc64Nvme), buffer: BytesMut::new(), state: State::Header }
    }
}

impl SnapshotDecoder {
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next part; `None` when more bytes are needed.
    pub fn next_part(&mut self) -> Result<Option<SnapshotPart>, SnapshotError> {
        match self.state {
            State::Header => self.header(),
            State::Part => self.part(),
            State::Body { left: 0 } => {
                self.state = State::Part;
                Ok(Some(SnapshotPart::BodyEnd))
            }
            State::Body { left } => {
                let here = self.buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                if here == 0 {
                    return Ok(None);
                }
                self.state = State::Body { left: left.saturating_sub(here as u64) };
                Ok(Some(SnapshotPart::BodyBytes(self.take(here))))
            }
            State::Ended if self.buffer.is_empty() => Ok(None),
            State::Ended => Err(SnapshotError::Malformed("something follows its end")),
        }
    }

    /// Whether the end was read: a snapshot that was cut off has none.
    pub fn finish(self) -> Result<(), SnapshotError> {
        match self.state {
            State::Ended if self.buffer.is_empty() => Ok(()),
            State::Ended => Err(SnapshotError::Malformed("something follows its end")),
            State::Header => Err(SnapshotError::NotASnapshot),
            State::Part | State::Body { .. } => Err(SnapshotError::CutOff),
        }
    }

    fn take(&mut self, length: usize) -> Bytes {
        let bytes = self.buffer.split_to(length).freeze();
        self.checksum.update(&bytes);
        bytes
    }

    fn header(&mut self) -> Result<Option<SnapshotPart>, SnapshotError> {
        let Some(end) = self.buffer.iter().take(MAX_HEADER).position(|byte| *byte == b'\n') else {
            return if self.buffer.len() < MAX_HEADER { Ok(None) } else { Err(SnapshotError::NotASnapshot) };
        };
        /// The format alone, so that a later one is told from no snapshot.
        #[derive(Deserialize)]
        struct Format {
            #[serde(rename = "cloudletSnapshot")]
            format: u32,
        }
        let line = self.take(end + 1);
        let Format { format } = serde_json::from_slice(&line).map_err(|_| SnapshotError::NotASnapshot)?;
        if format != FORMAT {
            return Err(SnapshotError::OtherFormat(format));
        }
        let header = serde_json::from_slice(&line).map_err(SnapshotError::Record)?;
        self.state = State::Part;
        Ok(Some(SnapshotPart::Header(header)))
    }

    fn part(&mut self) -> Result<Option<SnapshotPart>, SnapshotError> {
        let Some((kind, length)) = self.buffer.first_chunk::<PART_HEAD>().and_then(|head| {
            let (kind, length) = head.split_first()?;
            Some((*kind, u64::from_be_bytes(length.try_into().ok()?)))
        }) else {
            return Ok(None);
        };
        let whole = match kind {
            b'R' if length <= MAX_RECORD => usize::try_from(length).unwrap_or(usize::MAX),
            b'B' if length >= ID as u64 => ID,
            b'E' if length == CHECKSUM as u64 => CHECKSUM,
            b'R' | b'B' | b'E' => return Err(SnapshotError::Malformed("a part has an impossible length")),
            _ => return Err(SnapshotError::Malformed("a part is of no known kind")),
        };
        if self.buffer.len() < PART_HEAD + whole {
            return Ok(None);
        }
        if kind == b'E' {
            let checksum = std::mem::replace(&mut self.checksum, Digest::new(Algorithm::Crc64Nvme)).finish();
            self.buffer.advance(PART_HEAD);
            if *self.buffer.split_to(CHECKSUM) != *checksum.bytes() {
                return Err(SnapshotError::Damaged);
            }
            self.state = State::Ended;
            return Ok(Some(SnapshotPart::End));
        }
        let mut part = self.take(PART_HEAD + whole);
        part.advance(PART_HEAD);
        if kind == b'R' {
            return serde_json::from_slice(&part).map(|record| Some(SnapshotPart::Record(record))).map_err(SnapshotError::Record);
        }
        self.state = State::Body { left: length - ID as u64 };
        Ok(Some(SnapshotPart::Body(BlobId::new(part.get_u128()))))
    }
}

/// Why bytes are no snapshot that can be read.
#[derive(Debug)]
pub enum SnapshotError {
    NotASnapshot,
    OtherFormat(u32),
    CutOff,
    Damaged,
    Malformed(&'static str),
    Record(serde_json::Error),
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SnapshotError::NotASnapshot => f.write_str("it is no snapshot of Cloudlet"),
            SnapshotError::OtherFormat(format) => {
                write!(f, "the snapshot has format {format}, and this Cloudlet reads format {FORMAT}: use the version that wrote it")
            }
            SnapshotError::CutOff => f.write_str("the snapshot ends before its end"),
            SnapshotError::Damaged => f.write_str("the snapshot is damaged: its checksum is another"),
            SnapshotError::Malformed(why) => write!(f, "the snapshot is damaged: {why}"),
            SnapshotError::Record(error) => write!(f, "the snapshot is damaged: {error}"),
        }
    }
}

impl std::error::Error for SnapshotError {}

#[cfg(test)]
mod tests;
