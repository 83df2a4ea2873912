//! One frame: 116 bytes of header, the length of the payload, the payload. All numbers are big-endian.

use bytes::{BufMut, Bytes, BytesMut};
use sha2::{Digest, Sha256};
use std::fmt;

/// The value of the header's own length, which does not count the length of the payload after it.
const HEADER_LENGTH: u32 = 116;
/// Bytes before the payload.
pub const HEADER: usize = 120;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageType {
    InputStreamData,
    OutputStreamData,
    Acknowledge,
    ChannelClosed,
    StartPublication,
    PausePublication,
    AgentSessionState,
    // Of the control channel.
    InteractiveShell,
    AgentJob,
    AgentJobAck,
    AgentJobReply,
    AgentJobReplyAck,
    AgentTaskComplete,
    /// Nothing here.
    Other,
}

const NAMES: [(MessageType, &str); 13] = [
    (MessageType::InputStreamData, "input_stream_data"),
    (MessageType::OutputStreamData, "output_stream_data"),
    (MessageType::Acknowledge, "acknowledge"),
    (MessageType::ChannelClosed, "channel_closed"),
    (MessageType::StartPublication, "start_publication"),
    (MessageType::PausePublication, "pause_publication"),
    (MessageType::AgentSessionState, "agent_session_state"),
    (MessageType::InteractiveShell, "interactive_shell"),
    (MessageType::AgentJob, "agent_job"),
    (MessageType::AgentJobAck, "agent_job_ack"),
    (MessageType::AgentJobReply, "agent_job_reply"),
    (MessageType::AgentJobReplyAck, "agent_job_reply_ack"),
    (MessageType::AgentTaskComplete, "agent_task_complete"),
];

impl MessageType {
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    fn parse(text: &[u8]) -> MessageType {
        // Some clients pad it in front, and with zeros.
        let is_padding = |byte: &&u8| matches!(byte, 0 | b' ');
        let begin = text.iter().take_while(is_padding).count();
        let end = text.len() - text.iter().rev().take_while(is_padding).count();
        let text = text.get(begin..end).unwrap_or_default();
        NAMES.iter().find(|(_, name)| name.as_bytes() == text).map_or(MessageType::Other, |(kind, _)| *kind)
    }
}

/// What a payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadKind {
    Output,
    Error,
    Size,
    Parameter,
    HandshakeRequest,
    HandshakeResponse,
    HandshakeComplete,
    ChallengeRequest,
    ChallengeResponse,
    Flag,
    StandardError,
    ExitCode,
    /// Of an acknowledgement.
    None,
    Other(u32),
}

impl PayloadKind {
    pub fn number(self) -> u32 {
        match self {
            PayloadKind::None => 0,
            PayloadKind::Output => 1,
            PayloadKind::Error => 2,
            PayloadKind::Size => 3,
            PayloadKind::Parameter => 4,
            PayloadKind::HandshakeRequest => 5,
            PayloadKind::HandshakeResponse => 6,
            PayloadKind::HandshakeComplete => 7,
            PayloadKind::ChallengeRequest => 8,
            PayloadKind::ChallengeResponse => 9,
            PayloadKind::Flag => 10,
            PayloadKind::StandardError => 11,
            PayloadKind::ExitCode => 12,
            PayloadKind::Other(number) => number,
        }
    }

    fn of(number: u32) -> PayloadKind {
        match number {
            0 => PayloadKind::None,
            1 => PayloadKind::Output,
            2 => PayloadKind::Error,
            3 => PayloadKind::Size,
            4 => PayloadKind::Parameter,
            5 => PayloadKind::HandshakeRequest,
            6 => PayloadKind::HandshakeResponse,
            7 => PayloadKind::HandshakeComplete,
            8 => PayloadKind::ChallengeRequest,
            9 => PayloadKind::ChallengeResponse,
            10 => PayloadKind::Flag,
            11 => PayloadKind::StandardError,
            12 => PayloadKind::ExitCode,
            number => PayloadKind::Other(number),
        }
    }
}

/// The flag of the first frame.
pub const SYN: u64 = 1;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub message: MessageType,
    /// Milliseconds since 1970.
    pub created: u64,
    pub sequence: i64,
    pub flags: u64,
    /// A UUID.
    pub id: [u8; 16],
    pub kind: PayloadKind,
    pub payload: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAFrame {
    TooShort,
    /// A header of another length, or a payload of another length than it says.
    Length,
    /// Without a date.
    Date,
}

impl fmt::Display for NotAFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotAFrame::TooShort => "a frame is shorter than its header",
            NotAFrame::Length => "the lengths of a frame are wrong",
            NotAFrame::Date => "a frame has no date",
        })
    }
}

/// Takes numbers from the front.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], NotAFrame> {
        let (first, rest) = self.0.split_first_chunk::<N>().ok_or(NotAFrame::TooShort)?;
        self.0 = rest;
        Ok(*first)
    }

    fn u32(&mut self) -> Result<u32, NotAFrame> {
        self.take().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Result<u64, NotAFrame> {
        self.take().map(u64::from_be_bytes)
    }
}

/// A UUID travels with its less significant half first.
fn turned(id: [u8; 16]) -> [u8; 16] {
    let mut other = id;
    other.rotate_left(8);
    other
}

impl Frame {
    pub fn parse(bytes: &Bytes) -> Result<Frame, NotAFrame> {
        let mut fields = Fields(bytes);
        let header = fields.u32()?;
        if header != HEADER_LENGTH {
            return Err(NotAFrame::Length);
        }
        let message = MessageType::parse(&fields.take::<32>()?);
        let _schema = fields.u32()?;
        let created = fields.u64()?;
        let sequence = i64::from_be_bytes(fields.take()?);
        let flags = fields.u64()?;
        let id = turned(fields.take()?);
        // AWS: neither the plugin nor the agent compares it, and there are clients that send its first digits.
        let _digest: [u8; 32] = fields.take()?;
        let kind = PayloadKind::of(fields.u32()?);
        let length = fields.u32()?;
        if usize::try_from(length) != Ok(fields.0.len()) {
            return Err(NotAFrame::Length);
        }
        if created == 0 {
            return Err(NotAFrame::Date);
        }
        let payload = bytes.slice(HEADER..);
        Ok(Frame { message, created, sequence, flags, id, kind, payload })
    }

    pub fn write(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(HEADER + self.payload.len());
        bytes.put_u32(HEADER_LENGTH);
        let mut name = [b' '; 32];
        for (place, byte) in name.iter_mut().zip(self.message.name().bytes()) {
            *place = byte;
        }
        bytes.put_slice(&name);
        bytes.put_u32(1);
        bytes.put_u64(self.created);
        bytes.put_i64(self.sequence);
        bytes.put_u64(self.flags);
        bytes.put_slice(&turned(self.id));
        bytes.put_slice(&Sha256::digest(&self.payload));
        bytes.put_u32(self.kind.number());
        bytes.put_u32(u32::try_from(self.payload.len()).unwrap_or(u32::MAX));
        bytes.put_slice(&self.payload);
        bytes.freeze()
    }

    /// A UUID as text.
    pub fn id_text(&self) -> String {
        let hex: String = self.id.iter().map(|byte| format!("{byte:02x}")).collect();
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
        format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
    }
}

/// The payload of a flag.
pub fn payload(number: u32) -> Bytes {
    Bytes::copy_from_slice(&number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Frame {
        Frame {
            message: MessageType::InputStreamData,
            created: 1_700_000_000_000,
            sequence: 7,
            flags: 2,
            id: *b"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10",
            kind: PayloadKind::Output,
            payload: Bytes::from_static(b"ls\r"),
        }
    }

    #[test]
    fn a_frame_comes_back_as_it_was() {
        let written = frame().write();
        assert_eq!(Frame::parse(&written), Ok(frame()));
        assert_eq!(written.len(), HEADER + 3);
        // As the plugin lays it out.
        assert_eq!(&written[..4], &[0, 0, 0, 116]);
        assert_eq!(&written[4..36], b"input_stream_data               ");
        assert_eq!(&written[64..72], &[9, 10, 11, 12, 13, 14, 15, 16], "the less significant half first");
        assert_eq!(&written[116..120], &[0, 0, 0, 3]);
        assert_eq!(frame().id_text(), "01020304-0506-0708-090a-0b0c0d0e0f10");
    }

    #[test]
    fn what_is_no_frame_is_told() {
        let written = frame().write();
        for length in 0..written.len() {
            let outcome = Frame::parse(&written.slice(..length));
            assert!(matches!(outcome, Err(NotAFrame::TooShort | NotAFrame::Length)), "{length}: {outcome:?}");
        }
        let changed = |at: usize| {
            let mut bytes = written.to_vec();
            bytes[at] ^= 1;
            Frame::parse(&bytes.into())
        };
        assert_eq!(changed(3), Err(NotAFrame::Length));
        assert_eq!(changed(119), Err(NotAFrame::Length));
        assert_eq!(changed(5).map(|frame| frame.message), Ok(MessageType::Other));
        let mut padded = written.to_vec();
        padded[4..36].rotate_right(15);
        padded[4..19].fill(0);
        assert_eq!(Frame::parse(&padded.into()).map(|frame| frame.message), Ok(MessageType::InputStreamData));
    }
}
