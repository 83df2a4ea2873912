//! Entity tags: the MD5 of the object, or the MD5 of the MD5s of its parts, followed by the number of parts.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html>

use cloudlet_digest::{Algorithm, Sum};
use cloudlet_engine::Ids;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{borrow::Cow, fmt};

#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ETag {
    md5: u128,
    /// Zero for an object of one PutObject.
    parts: u32,
}

/// An entity tag without its quotes.
pub fn unquoted(etag: &str) -> &str {
    let etag = etag.trim();
    etag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(etag)
}

impl ETag {
    pub fn of(md5: &Sum) -> ETag {
        ETag { md5: number(md5), parts: 0 }
    }

    /// Of a body whose entity tag is not its MD5.
    pub fn random(ids: &Ids) -> ETag {
        ETag { md5: u128::from_be_bytes(ids.bytes()), parts: 0 }
    }

    pub fn of_parts<'a>(parts: impl ExactSizeIterator<Item = &'a ETag>) -> ETag {
        let count = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        let mut digest = cloudlet_digest::Digest::new(Algorithm::Md5);
        for part in parts {
            digest.update(&part.md5.to_be_bytes());
        }
        ETag { md5: number(&digest.finish()), parts: count }
    }

    pub fn parse(text: &str) -> Option<ETag> {
        let (hex, parts) = text.split_once('-').unwrap_or((text, "0"));
        let well_formed = hex.len() == 32 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if well_formed { Some(ETag { md5: u128::from_str_radix(hex, 16).ok()?, parts: parts.parse().ok()? }) } else { None }
    }

    /// As in headers and lists.
    pub fn quoted(&self) -> String {
        let mut text = String::with_capacity(42);
        text.push('"');
        self.write(&mut text);
        text.push('"');
        text
    }

    fn write(&self, out: &mut String) {
        // Faster than formatting a u128, and needed for nearly every answer.
        let mut digits = [b'0'; 32];
        let _ = hex::encode_to_slice(self.md5.to_be_bytes(), &mut digits);
        out.push_str(str::from_utf8(&digits).unwrap_or_default());
        if self.parts > 0 {
            out.push('-');
            out.push_str(&self.parts.to_string());
        }
    }

    /// Compares with a text, which may be quoted.
    pub fn is(&self, text: &str) -> bool {
        ETag::parse(unquoted(text)) == Some(*self)
    }

    pub fn md5(&self) -> Option<Sum> {
        if self.parts == 0 { Sum::from_bytes(Algorithm::Md5, &self.md5.to_be_bytes()).ok() } else { None }
    }
}

fn number(md5: &Sum) -> u128 {
    md5.bytes().iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(40);
        self.write(&mut text);
        f.write_str(&text)
    }
}

impl fmt::Debug for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ETag {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ETag {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(from)?;
        ETag::parse(&text).ok_or_else(|| D::Error::custom(format_args!("'{text}' is not an entity tag")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloudlet_digest::digest;

    #[test]
    fn the_entity_tag_of_a_multipart_object_is_as_aws_computes_it() {
        let first = ETag::of(&digest(Algorithm::Md5, &vec![b'a'; 5 << 20]));
        let second = ETag::of(&digest(Algorithm::Md5, b"b"));
        assert_eq!(ETag::of_parts([first, second].iter()).to_string(), "e5a8c5272b26fc10581a21089559b006-2");
    }

    #[test]
    fn valid_entity_tags_are_parsed_and_others_are_not() {
        let tag = ETag::of(&digest(Algorithm::Md5, b""));
        assert_eq!(tag.quoted(), "\"d41d8cd98f00b204e9800998ecf8427e\"");
        assert!(tag.is("d41d8cd98f00b204e9800998ecf8427e") && tag.is("\"d41d8cd98f00b204e9800998ecf8427e\""));
        assert_eq!(serde_json::from_str::<ETag>(&serde_json::to_string(&tag).unwrap()).unwrap(), tag);
        for text in ["", "x", "D41D8CD98F00B204E9800998ECF8427E", "d41d8cd98f00b204e9800998ecf8427e-x", "d41d8cd98f00b204e9800998ecf8427e-"] {
            assert_eq!(ETag::parse(text), None, "{text}");
        }
    }
}
