//! What a message is known by, in sixteen bytes each: its id and the digest of its body. Clients and the journal see text.
//! Queues hold many messages; two texts for each would be most of what a short message costs.

use cloudlet_digest::{Algorithm, digest};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{borrow::Cow, fmt};

/// `5fea7756-0ea4-451a-a703-a558b933e274`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageId(u128);

/// `fafb00f5732ab283681e124bf8747ed1`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Md5(u128);

impl MessageId {
    pub fn read(text: &str) -> Option<MessageId> {
        read(text, 4).map(MessageId)
    }

    pub fn bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    pub fn text(self) -> String {
        uuid::Uuid::from_u128(self.0).to_string()
    }
}

impl Md5 {
    pub fn of(body: &[u8]) -> Md5 {
        Md5(digest(Algorithm::Md5, body).bytes().iter().fold(0, |number, byte| number << 8 | u128::from(*byte)))
    }

    pub fn text(self) -> String {
        hex::encode(self.0.to_be_bytes())
    }
}

fn read(text: &str, dashes: usize) -> Option<u128> {
    let mut digits = 0;
    let number = text.bytes().filter(|byte| *byte != b'-').try_fold(0u128, |number, byte| {
        digits += 1;
        Some(number << 4 | u128::from(char::from(byte).to_digit(16)?))
    })?;
    (digits == 32 && text.len() == digits + dashes).then_some(number)
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl Serialize for MessageId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        MessageId::read(&Cow::<'de, str>::deserialize(from)?).ok_or_else(|| D::Error::custom("no message id"))
    }
}

impl Serialize for Md5 {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for Md5 {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        read(&Cow::<'de, str>::deserialize(from)?, 0).map(Md5).ok_or_else(|| D::Error::custom("no MD5"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_digests_are_read_as_they_are_written() {
        let id = "0fea7756-0ea4-451a-a703-a558b933e274";
        assert_eq!(MessageId::read(id).unwrap().text(), id);
        assert_eq!(serde_json::to_value(MessageId::read(id)).unwrap(), id);
        for other in ["", "-", "0fea7756", "0fea77560ea4451aa703a558b933e274", "0fea7756-0ea4-451a-a703-a558b933e27g", "ü"] {
            assert_eq!(MessageId::read(other), None, "{other}");
        }
        let md5 = Md5::of(b"This is a test message");
        assert_eq!(md5.text(), "fafb00f5732ab283681e124bf8747ed1");
        assert_eq!(serde_json::from_value::<Md5>(serde_json::to_value(md5).unwrap()).unwrap(), md5);
    }
}
