//! The names of bodies.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{borrow::Cow, fmt, io};

/// The name of a body: 128 bits that the caller's ids give, and no other body ever has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId(u128);

impl BlobId {
    pub const fn new(id: u128) -> BlobId {
        BlobId(id)
    }

    pub(crate) fn number(self) -> u128 {
        self.0
    }

    /// Reads the form that `Display` writes: 32 digits, lower case.
    pub fn parse(text: &str) -> Option<BlobId> {
        let well_formed = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if well_formed { u128::from_str_radix(text, 16).ok().map(BlobId) } else { None }
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for BlobId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BlobId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(from)?;
        BlobId::parse(&text).ok_or_else(|| D::Error::custom("a blob id has 32 hexadecimal digits"))
    }
}

pub(super) fn missing(id: BlobId) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("blob {id} is gone"))
}
