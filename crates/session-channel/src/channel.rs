//! One side of a data channel: numbers what it sends, keeps it until it is acknowledged, sends it again; takes what arrives in order, and once.
//!
//! Times are milliseconds of any clock that only goes forward; dates are milliseconds since 1970.

use crate::{
    frame::{Frame, MessageType, NotAFrame, PayloadKind, SYN},
    messages::{Acknowledge, ChannelClosed},
};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};

/// Bytes that may be sent and not yet acknowledged: whoever sends more waits.
pub const WINDOW: usize = 1 << 20;
/// The same in frames.
const FRAMES: usize = 1_024;
/// What is held that came too early.
const EARLY_FRAMES: usize = 4_096;
const EARLY_BYTES: usize = 4 << 20;
/// Times, in milliseconds, and tries of the plugin and the agent.
const FIRST_TIMEOUT: f64 = 200.0;
const FIRST_ROUND_TRIP: f64 = 100.0;
const LONGEST_TIMEOUT: f64 = 1_000.0;
const GRANULARITY: f64 = 10.0;
const TRIES: u32 = 3_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The machine's side.
    Agent,
    Client,
}

impl Role {
    fn sends(self) -> MessageType {
        match self {
            Role::Agent => MessageType::OutputStreamData,
            Role::Client => MessageType::InputStreamData,
        }
    }

    fn takes(self) -> MessageType {
        match self {
            Role::Agent => MessageType::InputStreamData,
            Role::Client => MessageType::OutputStreamData,
        }
    }
}

/// What a frame brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arrived {
    /// To be sent at once.
    pub acknowledgement: Option<Bytes>,
    /// In order.
    pub data: Vec<(PayloadKind, Bytes)>,
    pub closed: Option<ChannelClosed>,
}

/// The other side does not acknowledge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyTries;

struct Sent {
    sequence: i64,
    frame: Bytes,
    at: u64,
    tries: u32,
    acknowledged: bool,
}

pub struct Channel {
    role: Role,
    next: i64,
    expected: i64,
    sent: VecDeque<Sent>,
    sent_bytes: usize,
    early: BTreeMap<i64, (PayloadKind, Bytes)>,
    early_bytes: usize,
    round_trip: f64,
    variation: f64,
    timeout: f64,
    paused: bool,
}

impl Channel {
    pub fn new(role: Role) -> Channel {
        Channel {
            role,
            next: 0,
            expected: 0,
            sent: VecDeque::new(),
            sent_bytes: 0,
            early: BTreeMap::new(),
            early_bytes: 0,
            round_trip: FIRST_ROUND_TRIP,
            variation: 0.0,
            timeout: FIRST_TIMEOUT,
            paused: false,
        }
    }

    /// Whether more may be sent now.
    pub fn may_send(&self) -> bool {
        !self.paused && self.sent_bytes < WINDOW && self.sent.len() < FRAMES
    }

    /// Whether all that was sent has been acknowledged.
    pub fn is_settled(&self) -> bool {
        self.sent.is_empty()
    }

    /// The frame of a payload.
    pub fn send(&mut self, now: u64, date: u64, id: [u8; 16], kind: PayloadKind, payload: Bytes) -> Bytes {
        let sequence = self.next;
        self.next += 1;
        // AWS: the agent marks its first frame, the plugin none.
        let flags = if sequence == 0 && self.role == Role::Agent { SYN } else { 0 };
        let frame = Frame { message: self.role.sends(), created: date, sequence, flags, id, kind, payload }.write();
        self.sent_bytes += frame.len();
        self.sent.push_back(Sent { sequence, frame: frame.clone(), at: now, tries: 0, acknowledged: false });
        frame
    }

    /// Takes a frame. `ready`: whether data can be taken now; else none is, silently, and it comes again.
    pub fn receive(&mut self, now: u64, date: u64, id: [u8; 16], bytes: &Bytes, ready: bool) -> Result<Arrived, NotAFrame> {
        let frame = Frame::parse(bytes)?;
        let mut arrived = Arrived::default();
        match frame.message {
            message if message == self.role.takes() => {
                self.paused = false;
                self.take(&frame, ready, &mut arrived);
                if let Some(acknowledgement) = &mut arrived.acknowledgement {
                    *acknowledgement = acknowledge(&frame, date, id);
                }
            }
            MessageType::Acknowledge => {
                self.paused = false;
                if let Ok(acknowledge) = serde_json::from_slice::<Acknowledge>(&frame.payload) {
                    self.acknowledged(now, acknowledge.sequence);
                }
            }
            MessageType::ChannelClosed => arrived.closed = Some(serde_json::from_slice(&frame.payload).unwrap_or_default()),
            MessageType::PausePublication => self.paused = true,
            MessageType::StartPublication => self.paused = false,
            _ => {}
        }
        Ok(arrived)
    }

    /// An empty acknowledgement stands for one to be made.
    fn take(&mut self, frame: &Frame, ready: bool, arrived: &mut Arrived) {
        if frame.sequence < self.expected {
            arrived.acknowledgement = Some(Bytes::new());
        } else if frame.sequence == self.expected {
            if !ready {
                return;
            }
            arrived.acknowledgement = Some(Bytes::new());
            arrived.data.push((frame.kind, frame.payload.clone()));
            self.expected += 1;
            while let Some(next) = self.early.remove(&self.expected) {
                self.early_bytes -= next.1.len();
                arrived.data.push(next);
                self.expected += 1;
            }
        } else if self.early.contains_key(&frame.sequence) {
            arrived.acknowledgement = Some(Bytes::new());
        } else if self.early.len() < EARLY_FRAMES && self.early_bytes + frame.payload.len() <= EARLY_BYTES {
            arrived.acknowledgement = Some(Bytes::new());
            self.early_bytes += frame.payload.len();
            self.early.insert(frame.sequence, (frame.kind, frame.payload.clone()));
        }
    }

    fn acknowledged(&mut self, now: u64, sequence: i64) {
        let Ok(place) = self.sent.binary_search_by_key(&sequence, |sent| sent.sequence) else { return };
        let Some(sent) = self.sent.get_mut(place).filter(|sent| !sent.acknowledged) else { return };
        sent.acknowledged = true;
        self.sent_bytes -= sent.frame.len();
        sent.frame = Bytes::new();
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a session")]
        let took = now.saturating_sub(sent.at) as f64;
        self.variation = self.variation * 0.75 + (self.round_trip - took).abs() * 0.25;
        self.round_trip = self.round_trip * 0.875 + took * 0.125;
        self.timeout = (self.round_trip + GRANULARITY.max(4.0 * self.variation)).min(LONGEST_TIMEOUT);
        while self.sent.front().is_some_and(|sent| sent.acknowledged) {
            self.sent.pop_front();
        }
    }

    /// When the oldest frame is to be sent again, if nothing comes before.
    pub fn due(&self) -> Option<u64> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most a second")]
        let timeout = self.timeout as u64;
        self.sent.front().filter(|_| !self.paused).map(|sent| sent.at.saturating_add(timeout.max(1)))
    }

    /// The frame that is due, again.
    pub fn resend(&mut self, now: u64) -> Result<Option<Bytes>, TooManyTries> {
        if self.due().is_none_or(|due| due > now) {
            return Ok(None);
        }
        let Some(sent) = self.sent.front_mut() else { return Ok(None) };
        if sent.tries >= TRIES {
            return Err(TooManyTries);
        }
        sent.tries += 1;
        sent.at = now;
        Ok(Some(sent.frame.clone()))
    }

    /// All that is not acknowledged, for a client that comes back.
    pub fn resend_all(&mut self, now: u64) -> Vec<Bytes> {
        self.paused = false;
        let left = self.sent.iter_mut().filter(|sent| !sent.acknowledged);
        left.map(|sent| {
            sent.at = now;
            sent.frame.clone()
        })
        .collect()
    }
}

fn acknowledge(frame: &Frame, date: u64, id: [u8; 16]) -> Bytes {
    let content =
        Acknowledge { message_type: frame.message.name().to_owned(), message_id: frame.id_text(), sequence: frame.sequence, is_sequential: true };
    let payload = serde_json::to_vec(&content).unwrap_or_default().into();
    // AWS: both flags, and no number of its own.
    Frame { message: MessageType::Acknowledge, created: date, sequence: 0, flags: 3, id, kind: PayloadKind::None, payload }.write()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: [u8; 16] = [7; 16];

    fn text(arrived: &Arrived) -> String {
        arrived.data.iter().map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).collect()
    }

    #[test]
    fn what_comes_early_waits_and_what_comes_twice_is_acknowledged_again() {
        let (mut client, mut agent) = (Channel::new(Role::Client), Channel::new(Role::Agent));
        let frames: Vec<Bytes> = ["a", "b", "c"].iter().map(|text| client.send(0, 1, ID, PayloadKind::Output, (*text).into())).collect();
        let mut take = |frame: &Bytes, ready| agent.receive(0, 1, ID, frame, ready).unwrap();
        // It is not ready yet, and says nothing.
        assert_eq!(take(&frames[0], false), Arrived::default());
        let early = take(&frames[2], true);
        assert!(early.acknowledgement.is_some() && early.data.is_empty());
        assert_eq!(text(&take(&frames[0], true)), "a");
        assert_eq!(text(&take(&frames[1], true)), "bc");
        let again = take(&frames[1], true);
        assert!(again.acknowledgement.is_some() && again.data.is_empty());
        let acknowledgement = again.acknowledgement.unwrap();
        let frame = Frame::parse(&acknowledgement).unwrap();
        assert_eq!((frame.message, frame.sequence, frame.flags), (MessageType::Acknowledge, 0, 3));
        assert!(String::from_utf8_lossy(&frame.payload).contains("\"AcknowledgedMessageSequenceNumber\":1"));
        client.receive(5, 1, ID, &acknowledgement, true).unwrap();
        assert!(!client.is_settled());
        assert_eq!(client.resend_all(6).len(), 2);
    }

    #[test]
    fn the_oldest_is_sent_again_when_its_time_has_come() {
        let mut agent = Channel::new(Role::Agent);
        let first = agent.send(0, 1, ID, PayloadKind::Output, "x".into());
        assert_eq!(Frame::parse(&first).unwrap().flags, SYN);
        assert_eq!(agent.due(), Some(200));
        assert_eq!(agent.resend(199), Ok(None));
        assert_eq!(agent.resend(200), Ok(Some(first.clone())));
        assert_eq!(agent.due(), Some(400));
        for tries in 1..u64::from(TRIES) {
            assert!(agent.resend(200 + tries * 200).unwrap().is_some());
        }
        assert_eq!(agent.resend(u64::MAX), Err(TooManyTries));
    }

    #[test]
    fn a_window_bounds_what_is_under_way() {
        let mut agent = Channel::new(Role::Agent);
        let mut count = 0;
        while agent.may_send() {
            agent.send(0, 1, ID, PayloadKind::Output, Bytes::from_static(&[0; 4_096]));
            count += 1;
        }
        assert!((200..=300).contains(&count), "{count}");
        // Nothing that a client says too early grows for ever.
        let mut other = Channel::new(Role::Agent);
        for sequence in 1..10_000 {
            let frame = Frame {
                message: MessageType::InputStreamData,
                created: 1,
                sequence,
                flags: 0,
                id: ID,
                kind: PayloadKind::Output,
                payload: Bytes::from_static(&[0; 4_096]),
            };
            other.receive(0, 1, ID, &frame.write(), true).unwrap();
        }
        assert!(other.early_bytes <= EARLY_BYTES && other.early.len() <= EARLY_FRAMES);
    }

    proptest! {
        /// Frames are lost, doubled and come in another order, both ways; what arrives is what was sent.
        #[test]
        fn nothing_is_lost_or_doubled(pieces in proptest::collection::vec("[a-z]{1,9}", 1..60), fates in proptest::collection::vec(0..6_u8, 1..400)) {
            let (mut client, mut agent) = (Channel::new(Role::Client), Channel::new(Role::Agent));
            let (mut arrived, mut now, mut fate) = (String::new(), 0, fates.iter().cycle());
            let mut under_way: VecDeque<Bytes> = pieces.iter().map(|piece| client.send(0, 1, ID, PayloadKind::Output, piece.clone().into())).collect();
            let mut rounds = 0;
            while !client.is_settled() {
                rounds += 1;
                // A fate may be the loss of everything: then it goes on as if nothing were lost.
                let mut next = || if rounds > 2_000 { 5 } else { *fate.next().unwrap() };
                if let Some(frame) = under_way.pop_front() {
                    match next() {
                        0 => {}
                        1 => under_way.push_back(frame),
                        kind => {
                            for _ in 0..if kind == 2 { 2 } else { 1 } {
                                let outcome = agent.receive(now, 1, ID, &frame, kind != 3).unwrap();
                                arrived.push_str(&text(&outcome));
                                if let Some(acknowledgement) = outcome.acknowledgement.filter(|_| next() != 0) {
                                    client.receive(now, 1, ID, &acknowledgement, true).unwrap();
                                }
                            }
                        }
                    }
                } else {
                    now += 1_000;
                    under_way.extend(client.resend(now).unwrap());
                }
            }
            prop_assert_eq!(arrived, pieces.concat());
        }
    }
}
