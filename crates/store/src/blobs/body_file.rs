//! The form of a body's file: the bytes themselves, or, with a key, a header and pieces that are encrypted one by one,
//! so that a range can be read without the rest.
//!
//! Header: `cloudlet-body-1\n`, then 16 random bytes, from which the key of this file is derived. Each piece but the last holds
//! `PIECE` bytes and their tag; its nonce is its index.

use crate::cipher::{MasterKey, NONCE, Sealer, TAG};
use bytes::Bytes;
use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    ops::Range,
};

const MAGIC: &[u8; 16] = b"cloudlet-body-1\n";
const HEADER: usize = 32;
/// Bytes that are encrypted as one.
const PIECE: usize = 64 * 1024;

/// The key from which the keys of all bodies are derived.
#[derive(Clone, Debug)]
pub struct BodyKey(MasterKey);

impl BodyKey {
    pub fn new(key: [u8; 32]) -> BodyKey {
        BodyKey(MasterKey::new(key))
    }

    fn sealer(&self, salt: &[u8]) -> io::Result<Sealer> {
        Sealer::new(&self.0.derive(salt)?)
    }
}

/// Encrypts what is written to a file.
pub(super) struct BodySealer {
    sealer: Sealer,
    index: u64,
    /// What is not a whole piece yet.
    rest: Vec<u8>,
}

impl BodySealer {
    /// Writes the header. The salt is the id under which the body is written: no other file ever has it.
    pub(super) fn begin(key: &BodyKey, salt: u128, file: &mut File) -> io::Result<BodySealer> {
        let salt = salt.to_be_bytes();
        file.write_all(MAGIC)?;
        file.write_all(&salt)?;
        Ok(BodySealer { sealer: key.sealer(&salt)?, index: 0, rest: Vec::new() })
    }

    pub(super) fn write(&mut self, segments: &[Bytes], file: &mut File) -> io::Result<()> {
        for segment in segments {
            let mut segment = segment.as_ref();
            while !segment.is_empty() {
                let (taken, left) = segment.split_at(segment.len().min(PIECE - self.rest.len()));
                self.rest.extend_from_slice(taken);
                segment = left;
                if self.rest.len() == PIECE {
                    self.flush(file)?;
                }
            }
        }
        Ok(())
    }

    /// Ends a piece, the last one too.
    pub(super) fn flush(&mut self, file: &mut File) -> io::Result<()> {
        if !self.rest.is_empty() {
            self.sealer.seal(nonce(self.index), &[], &mut self.rest, 0)?;
            file.write_all(&self.rest)?;
            self.rest.clear();
            self.index += 1;
        }
        Ok(())
    }
}

/// Reads ranges of a body's file.
pub(super) struct BodyFile {
    file: File,
    sealer: Option<Sealer>,
}

impl BodyFile {
    pub(super) fn open(mut file: File, key: Option<&BodyKey>) -> io::Result<BodyFile> {
        let Some(key) = key else { return Ok(BodyFile { file, sealer: None }) };
        let mut header = [0; HEADER];
        file.read_exact(&mut header).map_err(|_| damaged())?;
        let salt = header.strip_prefix(MAGIC.as_slice()).ok_or_else(damaged)?;
        Ok(BodyFile { sealer: Some(key.sealer(salt)?), file })
    }

    /// Appends the bytes of a range to `out`. Short of bytes, it is an error.
    pub(super) fn read(&mut self, range: Range<u64>, out: &mut Vec<u8>) -> io::Result<()> {
        let wanted = range.end.saturating_sub(range.start);
        let Some(sealer) = &self.sealer else {
            self.file.seek(SeekFrom::Start(range.start))?;
            let read = (&self.file).take(wanted).read_to_end(out)? as u64;
            return if read == wanted { Ok(()) } else { Err(short()) };
        };
        let (piece, sealed) = (PIECE as u64, (PIECE + TAG) as u64);
        let mut buffer = Vec::with_capacity(PIECE + TAG);
        self.file.seek(SeekFrom::Start(HEADER as u64 + range.start / piece * sealed))?;
        for index in range.start / piece..range.end.div_ceil(piece) {
            buffer.clear();
            (&self.file).take(sealed).read_to_end(&mut buffer)?;
            let plain = sealer.open(nonce(index), &[], &mut buffer).ok_or_else(damaged)?;
            let start = index * piece;
            let from = range.start.saturating_sub(start) as usize;
            let to = (range.end - start).min(piece) as usize;
            out.extend_from_slice(plain.get(from..to).ok_or_else(short)?);
        }
        Ok(())
    }

    /// The length of the body, by the length of its file.
    pub(super) fn length(&self) -> io::Result<u64> {
        let length = self.file.metadata()?.len();
        if self.sealer.is_none() {
            return Ok(length);
        }
        let sealed = length.saturating_sub(HEADER as u64);
        Ok(sealed.saturating_sub(sealed.div_ceil((PIECE + TAG) as u64) * TAG as u64))
    }
}

fn nonce(index: u64) -> [u8; NONCE] {
    let mut nonce = [0; NONCE];
    nonce.iter_mut().zip(index.to_be_bytes()).for_each(|(to, from)| *to = from);
    nonce
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a body cannot be decrypted: its file is damaged")
}

fn short() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "a body is shorter than its row says")
}
