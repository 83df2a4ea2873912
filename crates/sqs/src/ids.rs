//! Message ids, body digests and sequence numbers. They are stored as numbers and bytes, and shown to clients as text:
//! queues hold many messages, and two texts for each would be most of what a short message costs.

use cloudlet_aws::Timestamp;
use cloudlet_digest::{Algorithm, digest, hex_text};
use cloudlet_engine::Ids;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{borrow::Cow, fmt, sync::Arc};

/// The `MessageGroupId`: an ordered group in a FIFO queue, a tenant in a standard one.
pub type GroupId = Arc<str>;

/// `5fea7756-0ea4-451a-a703-a558b933e274`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageId(u128);

/// `fafb00f5732ab283681e124bf8747ed1`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Md5([u8; 16]);

impl MessageId {
    pub fn new(ids: &Ids) -> MessageId {
        MessageId(u128::from_be_bytes(ids.uuid_bytes()))
    }

    pub fn parse(text: &str) -> Option<MessageId> {
        let mut digits = 0;
        let number = text.bytes().filter(|byte| *byte != b'-').try_fold(0u128, |number, byte| {
            digits += 1;
            Some(number << 4 | u128::from(char::from(byte).to_digit(16)?))
        })?;
        (digits == 32 && text.len() == digits + 4).then_some(MessageId(number))
    }

    pub fn bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    pub fn text(self) -> String {
        cloudlet_engine::uuid_text(self.bytes())
    }
}

impl Md5 {
    pub fn of(body: &[u8]) -> Md5 {
        // An MD5 has sixteen bytes.
        Md5(digest(Algorithm::Md5, body).bytes().try_into().unwrap_or_default())
    }

    pub fn text(self) -> String {
        hex_text(&self.0)
    }
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
        MessageId::parse(&Cow::<'de, str>::deserialize(from)?).ok_or_else(|| D::Error::custom("not a message id"))
    }
}

/// The key of a message in its queue, in the order of sending. No number is given twice in a queue's life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SequenceNumber(pub u64);

/// The low bits count the messages of one millisecond, a million at most; the high bits are the milliseconds.
const COUNTER_BITS: u32 = 20;

impl SequenceNumber {
    pub fn first_of(instant: Timestamp) -> SequenceNumber {
        SequenceNumber(u64::try_from(instant.millis()).unwrap_or_default() << COUNTER_BITS)
    }

    pub fn last_of(instant: Timestamp) -> SequenceNumber {
        SequenceNumber(SequenceNumber::first_of(instant).0 | ((1 << COUNTER_BITS) - 1))
    }

    #[must_use]
    pub fn next(self) -> SequenceNumber {
        SequenceNumber(self.0 + 1)
    }
}

/// AWS: 20 digits that grow.
impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", 10_000_000_000_000_000_000_u128 + u128::from(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_digests_are_read_as_they_are_written() {
        let id = "0fea7756-0ea4-451a-a703-a558b933e274";
        assert_eq!(MessageId::parse(id).unwrap().text(), id);
        assert_eq!(serde_json::to_value(MessageId::parse(id)).unwrap(), id);
        for other in ["", "-", "0fea7756", "0fea77560ea4451aa703a558b933e274", "0fea7756-0ea4-451a-a703-a558b933e27g", "ü"] {
            assert_eq!(MessageId::parse(other), None, "{other}");
        }
        assert_eq!(Md5::of(b"This is a test message").text(), "fafb00f5732ab283681e124bf8747ed1");
    }
}
