//! What a row knows of a body: its length, and where the bytes are.

use super::{blob_id::BlobId, notes::note};
use crate::as_base64;
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::Arc;

/// Bodies up to this many bytes are in the row.
pub const INLINE: usize = 16 * 1024;

/// A body. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    length: u64,
    content: Content,
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Blob")]
struct WrittenBlob<C> {
    length: u64,
    content: C,
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if let Content::Stored(id) = self.content {
            note(id, self.length);
        }
        WrittenBlob { length: self.length, content: &self.content }.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Blob, D::Error> {
        let WrittenBlob { length, content } = WrittenBlob::<Content>::deserialize(from)?;
        let content = match content {
            Content::Stored(id) => Content::Stored(note(id, length)),
            other => other,
        };
        Ok(Blob { length, content })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Content {
    Inline(#[serde(with = "as_base64")] Bytes),
    Stored(BlobId),
    Parts(Arc<[Blob]>),
}

impl Blob {
    pub fn empty() -> Blob {
        Blob { length: 0, content: Content::Inline(Bytes::new()) }
    }

    pub(super) fn inline(bytes: Bytes) -> Blob {
        Blob { length: bytes.len() as u64, content: Content::Inline(bytes) }
    }

    pub(super) fn stored(id: BlobId, length: u64) -> Blob {
        Blob { length, content: Content::Stored(id) }
    }

    /// One body out of many, without copying a byte. The parts belong to it from now on: deleting it deletes them.
    pub fn join(parts: impl IntoIterator<Item = Blob>) -> Blob {
        let mut flat = vec![];
        for part in parts {
            match part.content {
                Content::Parts(parts) => flat.extend(parts.iter().cloned()),
                Content::Inline(_) | Content::Stored(_) => flat.push(part),
            }
        }
        flat.retain(|part| part.length > 0 || matches!(part.content, Content::Stored(_)));
        match flat.len() {
            0 => Blob::empty(),
            1 => flat.remove(0),
            _ => {
                let length = flat.iter().fold(0, |sum: u64, part| sum.saturating_add(part.length));
                Blob { length, content: Content::Parts(flat.into()) }
            }
        }
    }

    pub fn length(&self) -> u64 {
        self.length
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(super) fn content(&self) -> &Content {
        &self.content
    }

    /// The stored bodies it consists of; none when all of it is in the row.
    pub fn ids(&self) -> Vec<BlobId> {
        let mut ids = vec![];
        self.each_id(&mut |id| ids.push(id));
        ids
    }

    pub(super) fn each_id(&self, each: &mut dyn FnMut(BlobId)) {
        match &self.content {
            Content::Inline(_) => {}
            Content::Stored(id) => each(*id),
            Content::Parts(parts) => parts.iter().for_each(|part| part.each_id(each)),
        }
    }

    /// The same, under other ids.
    pub(super) fn with_ids(&self, rename: &mut dyn FnMut(BlobId) -> BlobId) -> Blob {
        let content = match &self.content {
            Content::Inline(bytes) => Content::Inline(bytes.clone()),
            Content::Stored(id) => Content::Stored(rename(*id)),
            Content::Parts(parts) => Content::Parts(parts.iter().map(|part| part.with_ids(rename)).collect()),
        };
        Blob { length: self.length, content }
    }
}
