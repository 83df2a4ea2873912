//! Receipt handles: opaque to clients, and enough for us to find the message again without a table.
//!
//! A handle names its queue, its message, and which receive of it it belongs to. Only the latest counts in a FIFO queue.

use crate::{
    faults,
    state::{Flight, Message, Place},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use cloudlet_aws::{Arn, Fault};

/// What AWS's handles begin with: `AQEB`.
const OPENING: [u8; 3] = [1, 1, 1];
const LENGTH: usize = 3 + 8 + 4 + 4 + 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub place: Place,
    pub receives: u32,
    mark: u32,
}

impl Receipt {
    pub fn new(place: Place, message: &Message, flight: &Flight) -> Receipt {
        Receipt { place, receives: flight.receives, mark: mark(message) }
    }

    pub fn is_of(&self, message: &Message) -> bool {
        self.mark == mark(message)
    }

    pub fn handle(&self, queue: &Arn) -> String {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend(OPENING);
        bytes.extend(self.place.0.to_be_bytes());
        bytes.extend(self.receives.to_be_bytes());
        bytes.extend(self.mark.to_be_bytes());
        bytes.extend(seal(&bytes, queue).to_be_bytes());
        BASE64_STANDARD.encode(bytes)
    }

    pub fn read(handle: &str, queue: &Arn) -> Result<Receipt, Fault> {
        let refused = |sentence: String| Err(faults::RECEIPT_HANDLE_IS_INVALID.says(sentence));
        match Receipt::parse(handle, queue) {
            Some((receipt, true)) => Ok(receipt),
            // AWS: <https://repost.aws/knowledge-center/sqs-receipt-handle-error>
            Some((_, false)) => refused(format!("The receipt handle \"{handle}\" is not valid for this queue.")),
            None => refused(format!("The input receipt handle \"{handle}\" is not a valid receipt handle.")),
        }
    }

    /// With whether it is a handle of this queue.
    fn parse(handle: &str, queue: &Arn) -> Option<(Receipt, bool)> {
        if handle.len() > 2 * LENGTH {
            return None;
        }
        let bytes = BASE64_STANDARD.decode(handle).ok()?;
        let (said, sealed) = bytes.split_last_chunk::<8>()?;
        let (opening, rest) = said.split_first_chunk::<3>()?;
        let (place, rest) = rest.split_first_chunk::<8>()?;
        let (receives, rest) = rest.split_first_chunk::<4>()?;
        let (mark, rest) = rest.split_first_chunk::<4>()?;
        let receipt = Receipt { place: Place(u64::from_be_bytes(*place)), receives: u32::from_be_bytes(*receives), mark: u32::from_be_bytes(*mark) };
        let of_queue = u64::from_be_bytes(*sealed) == seal(said, queue);
        (rest.is_empty() && *opening == OPENING).then_some((receipt, of_queue))
    }
}

fn mark(message: &Message) -> u32 {
    let hash = fnv(FNV_START, &message.id.bytes());
    u32::try_from(hash >> 32).unwrap_or_default()
}

/// Tells handles of this queue from all else. No secret: who may delete a message is decided elsewhere.
fn seal(said: &[u8], queue: &Arn) -> u64 {
    fnv(fnv(FNV_START, queue.as_str().as_bytes()), said)
}

const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a: <http://www.isthe.com/chongo/tech/comp/fnv/>
fn fnv(start: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
