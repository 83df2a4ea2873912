//! Version ids: 32 characters, from which the number of the version can be read back.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html>

use cloudlet_digest::{Algorithm, digest};
use cloudlet_engine::Ids;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{borrow::Cow, fmt};

/// The id of a version that has one; the null version has none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VersionId([u8; BYTES]);

const BYTES: usize = 24;
/// Those before the tag of the key.
const UNTAGGED: usize = 20;
const LENGTH: usize = 32;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";

impl VersionId {
    /// The id of a new version of a key: its number, combined with random bytes; these bytes; and a tag of the key.
    pub fn new(number: u64, key: &str, ids: &Ids) -> VersionId {
        let mut bytes = [0; BYTES];
        let random = ids.bytes::<12>();
        bytes.iter_mut().skip(8).zip(random).for_each(|(to, from)| *to = from);
        bytes.iter_mut().zip(number.to_be_bytes().into_iter().zip(random)).for_each(|(to, (number, random))| *to = number ^ random);
        let tag = tag(&bytes, key);
        bytes.iter_mut().skip(UNTAGGED).zip(tag).for_each(|(to, from)| *to = from);
        VersionId(bytes)
    }

    /// Whether a version of this key has, or had, this id.
    pub fn is_of(&self, key: &str) -> bool {
        self.0.iter().skip(UNTAGGED).copied().eq(tag(&self.0, key))
    }

    /// The number of the version, if the id is one that was given to any.
    pub fn number(&self) -> u64 {
        let (number, random) = self.0.split_at(8);
        number.iter().zip(random).fold(0, |whole, (number, random)| whole << 8 | u64::from(number ^ random))
    }

    pub fn parse(text: &str) -> Option<VersionId> {
        let mut bytes = [0; BYTES];
        if text.len() != LENGTH {
            return None;
        }
        for (to, four) in bytes.chunks_exact_mut(3).zip(text.as_bytes().chunks_exact(4)) {
            let mut bits = 0_u32;
            for character in four {
                let digit = ALPHABET.iter().position(|known| known == character)?;
                bits = bits << 6 | u32::try_from(digit).ok()?;
            }
            to.iter_mut().zip(bits.to_be_bytes().into_iter().skip(1)).for_each(|(to, from)| *to = from);
        }
        Some(VersionId(bytes))
    }
}

fn tag(bytes: &[u8; BYTES], key: &str) -> impl Iterator<Item = u8> + use<> {
    let untagged = bytes.iter().take(UNTAGGED).copied();
    let whole: Vec<u8> = untagged.chain(key.bytes()).collect();
    digest(Algorithm::Sha256, &whole).bytes().iter().take(BYTES - UNTAGGED).copied().collect::<Vec<u8>>().into_iter()
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(LENGTH);
        for three in self.0.chunks_exact(3) {
            let bits = three.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
            text.extend([18, 12, 6, 0].into_iter().filter_map(|shift| ALPHABET.get(bits >> shift & 63)).map(|byte| char::from(*byte)));
        }
        f.write_str(&text)
    }
}

impl fmt::Debug for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for VersionId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for VersionId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(from)?;
        VersionId::parse(&text).ok_or_else(|| D::Error::custom(format_args!("'{text}' is not a version id")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_text_of_32_characters_that_names_its_version() {
        let ids = Ids::seeded(1);
        for number in [0, 1, 1_764_000_000_500 << 20, u64::MAX] {
            let (id, other) = (VersionId::new(number, "a", &ids), VersionId::new(number, "a", &ids));
            assert!(id.is_of("a") && !id.is_of("b"));
            let text = id.to_string();
            assert_eq!((text.len(), VersionId::parse(&text), id.number()), (32, Some(id), number));
            assert_ne!(id, other);
            assert_eq!(serde_json::from_str::<VersionId>(&serde_json::to_string(&id).unwrap()).unwrap(), id);
        }
        for text in ["", "null", "abc", &"-".repeat(32), &"a".repeat(31), &"ä".repeat(16)] {
            assert_eq!(VersionId::parse(text), None, "{text}");
        }
    }
}
