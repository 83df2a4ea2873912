//! Receipt handles: opaque to clients, and enough to find the message again without a table.
//!
//! A handle names its queue, its message, and which receive of the message it belongs to.

use crate::{
    faults,
    ids::SequenceNumber,
    state::{Flight, Message},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use cloudlet_aws::{Arn, Fault};

/// AWS: handles begin with `AQEB`.
const PREFIX: [u8; 3] = [1, 1, 1];
const LENGTH: usize = 3 + 8 + 4 + 4 + 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiptHandle {
    pub number: SequenceNumber,
    pub receive_count: u32,
    message_hash: u32,
}

impl ReceiptHandle {
    pub fn new(number: SequenceNumber, message: &Message, flight: &Flight) -> ReceiptHandle {
        ReceiptHandle { number, receive_count: flight.receive_count, message_hash: message_hash(message) }
    }

    pub fn is_of(&self, message: &Message) -> bool {
        self.message_hash == message_hash(message)
    }

    pub fn encode(&self, queue: &Arn) -> String {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend(PREFIX);
        bytes.extend(self.number.0.to_be_bytes());
        bytes.extend(self.receive_count.to_be_bytes());
        bytes.extend(self.message_hash.to_be_bytes());
        bytes.extend(checksum(&bytes, queue).to_be_bytes());
        BASE64_STANDARD.encode(bytes)
    }

    pub fn parse(handle: &str, queue: &Arn) -> Result<ReceiptHandle, Fault> {
        let refused = |message: String| Err(faults::RECEIPT_HANDLE_IS_INVALID.says(message));
        match ReceiptHandle::decode(handle, queue) {
            Some((receipt_handle, true)) => Ok(receipt_handle),
            // AWS: <https://repost.aws/knowledge-center/sqs-receipt-handle-error>
            Some((_, false)) => refused(format!("The receipt handle \"{handle}\" is not valid for this queue.")),
            None => refused(format!("The input receipt handle \"{handle}\" is not a valid receipt handle.")),
        }
    }

    /// The handle, and whether it belongs to this queue.
    fn decode(handle: &str, queue: &Arn) -> Option<(ReceiptHandle, bool)> {
        if handle.len() > 2 * LENGTH {
            return None;
        }
        let bytes = BASE64_STANDARD.decode(handle).ok()?;
        let (content, given_checksum) = bytes.split_last_chunk::<8>()?;
        let (prefix, rest) = content.split_first_chunk::<3>()?;
        let (number, rest) = rest.split_first_chunk::<8>()?;
        let (receive_count, rest) = rest.split_first_chunk::<4>()?;
        let (message_hash, rest) = rest.split_first_chunk::<4>()?;
        let receipt_handle = ReceiptHandle {
            number: SequenceNumber(u64::from_be_bytes(*number)),
            receive_count: u32::from_be_bytes(*receive_count),
            message_hash: u32::from_be_bytes(*message_hash),
        };
        let of_queue = u64::from_be_bytes(*given_checksum) == checksum(content, queue);
        (rest.is_empty() && *prefix == PREFIX).then_some((receipt_handle, of_queue))
    }
}

fn message_hash(message: &Message) -> u32 {
    let hash = fnv(FNV_START, &message.id.bytes());
    u32::try_from(hash >> 32).unwrap_or_default()
}

/// Tells handles of this queue from others. It is no secret: whether a caller may delete a message is decided by policies.
fn checksum(content: &[u8], queue: &Arn) -> u64 {
    fnv(fnv(FNV_START, queue.as_str().as_bytes()), content)
}

const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a: <http://www.isthe.com/chongo/tech/comp/fnv/>
fn fnv(start: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
