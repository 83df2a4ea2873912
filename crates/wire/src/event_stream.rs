//! Event streams: `application/vnd.amazon.eventstream` frames, written and read.
//! <https://smithy.io/2.0/aws/amazon-eventstream.html>

use crate::{
    json::{JsonWriter, Names},
    xml::XmlWriter,
};
use bytes::{BufMut, Bytes, BytesMut};
use cloudlet_shape::{Body, BodyError, Document, Events, Flags, Kind, Member, Struct, Target, Timestamp, TimestampFormat, Value, Writer};
use crc_fast::CrcAlgorithm;
use futures_util::{StreamExt, stream};

pub(crate) const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";
/// <https://smithy.io/2.0/aws/amazon-eventstream.html#prelude>: the whole message, and its headers.
const MOST_BYTES: usize = 24 * 1024 * 1024;
const MOST_HEADER_BYTES: usize = 128 * 1024;

/// How a protocol writes the structures inside of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payloads {
    Json,
    Xml,
}

/// One frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame {
    pub headers: Vec<(String, Header)>,
    pub payload: Bytes,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Header {
    Boolean(bool),
    Byte(i8),
    Short(i16),
    Integer(i32),
    Long(i64),
    Bytes(Bytes),
    Text(String),
    Timestamp(Timestamp),
    Uuid([u8; 16]),
}

/// Why bytes are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// More bytes are needed.
    Short,
    TooLarge,
    Checksum,
    Headers,
}

impl Frame {
    pub fn header(&self, name: &str) -> Option<&Header> {
        self.headers.iter().find(|(field, _)| field == name).map(|(_, value)| value)
    }

    fn with(mut self, name: &str, value: &str) -> Frame {
        self.headers.push((name.to_owned(), Header::Text(value.to_owned())));
        self
    }

    /// The bytes of the frame.
    pub fn encode(&self) -> Bytes {
        let mut headers = BytesMut::new();
        for (name, value) in &self.headers {
            put_name(&mut headers, name);
            put_header(&mut headers, value);
        }
        let total = 16 + headers.len() + self.payload.len();
        let mut out = BytesMut::with_capacity(total);
        out.put_u32(total as u32);
        out.put_u32(headers.len() as u32);
        out.put_u32(crc32(&out));
        out.put(headers);
        out.put(self.payload.as_ref());
        out.put_u32(crc32(&out));
        out.freeze()
    }

    /// Takes one frame off the front of a buffer.
    pub fn decode(from: &mut BytesMut) -> Result<Frame, FrameError> {
        let word = |at: usize| from.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes).ok_or(FrameError::Short);
        let (total, length, prelude) = (word(0)? as usize, word(4)? as usize, word(8)?);
        if crc32(from.get(..8).unwrap_or_default()) != prelude {
            return Err(FrameError::Checksum);
        }
        if total > MOST_BYTES || length > MOST_HEADER_BYTES || length + 16 > total {
            return Err(FrameError::TooLarge);
        }
        let checksum = word(total - 4)?;
        let mut whole = from.split_to(total).freeze();
        whole.truncate(total - 4);
        if crc32(&whole) != checksum {
            return Err(FrameError::Checksum);
        }
        let mut rest = whole.slice(12..12 + length);
        let mut headers = Vec::new();
        while !rest.is_empty() {
            headers.push(take_header(&mut rest).ok_or(FrameError::Headers)?);
        }
        Ok(Frame { headers, payload: whole.slice(12 + length..) })
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    // CRC-32 of ISO HDLC has 32 bits: nothing is cut off.
    crc_fast::checksum(CrcAlgorithm::Crc32IsoHdlc, bytes) as u32
}

fn put_name(out: &mut BytesMut, name: &str) {
    let name = name.as_bytes().get(..255).unwrap_or(name.as_bytes());
    out.put_u8(name.len() as u8);
    out.put(name);
}

fn put_header(out: &mut BytesMut, value: &Header) {
    match value {
        Header::Boolean(yes) => out.put_u8(u8::from(!*yes)),
        Header::Byte(value) => {
            out.put_u8(2);
            out.put_i8(*value);
        }
        Header::Short(value) => {
            out.put_u8(3);
            out.put_i16(*value);
        }
        Header::Integer(value) => {
            out.put_u8(4);
            out.put_i32(*value);
        }
        Header::Long(value) => {
            out.put_u8(5);
            out.put_i64(*value);
        }
        Header::Bytes(value) => put_bytes(out, 6, value),
        Header::Text(value) => put_bytes(out, 7, value.as_bytes()),
        Header::Timestamp(value) => {
            out.put_u8(8);
            out.put_i64(value.millis());
        }
        Header::Uuid(value) => {
            out.put_u8(9);
            out.put(value.as_slice());
        }
    }
}

fn put_bytes(out: &mut BytesMut, kind: u8, bytes: &[u8]) {
    // A header's value has at most 32,767 bytes.
    let bytes = bytes.get(..32_767).unwrap_or(bytes);
    out.put_u8(kind);
    out.put_u16(bytes.len() as u16);
    out.put(bytes);
}

fn take_header(from: &mut Bytes) -> Option<(String, Header)> {
    fn fixed<const N: usize>(from: &mut Bytes) -> Option<[u8; N]> {
        (from.len() >= N).then(|| from.split_to(N))?.as_ref().try_into().ok()
    }
    fn sized(from: &mut Bytes) -> Option<Bytes> {
        let length = usize::from(u16::from_be_bytes(fixed(from)?));
        (from.len() >= length).then(|| from.split_to(length))
    }
    let length = usize::from(u8::from_be_bytes(fixed(from)?));
    let name = (from.len() >= length).then(|| from.split_to(length))?;
    let name = String::from_utf8(name.to_vec()).ok()?;
    let value = match u8::from_be_bytes(fixed(from)?) {
        0 => Header::Boolean(true),
        1 => Header::Boolean(false),
        2 => Header::Byte(i8::from_be_bytes(fixed(from)?)),
        3 => Header::Short(i16::from_be_bytes(fixed(from)?)),
        4 => Header::Integer(i32::from_be_bytes(fixed(from)?)),
        5 => Header::Long(i64::from_be_bytes(fixed(from)?)),
        6 => Header::Bytes(sized(from)?),
        7 => Header::Text(String::from_utf8(sized(from)?.to_vec()).ok()?),
        8 => Header::Timestamp(Timestamp::from_millis(i64::from_be_bytes(fixed(from)?))),
        9 => Header::Uuid(fixed(from)?),
        _ => return None,
    };
    Some((name, value))
}

/// The body of an answer whose output has a stream of events. `initial`: the first event of RPC protocols.
pub(crate) fn body(output: &dyn Struct, payloads: Payloads, initial: Option<Vec<u8>>) -> Body {
    let mut found = Found(None);
    for (index, member) in output.schema().members.iter().enumerate() {
        if member.of.kind == Kind::Events {
            output.get(index).write(&mut found, member.of);
        }
    }
    let first = initial.map(|payload| {
        let frame = Frame { headers: Vec::new(), payload: payload.into() };
        Ok(frame.with(":message-type", "event").with(":event-type", "initial-response").with(":content-type", "application/json").encode())
    });
    let first = stream::iter(first);
    match found.0.and_then(|events| events.take()) {
        Some(events) => Body::stream(Box::pin(first.chain(events.map(move |event| Ok(frame(event, payloads).encode())))), None),
        None => Body::stream(Box::pin(first), None),
    }
}

/// The frame of an event, or of the fault that ends a stream.
pub fn frame(event: Result<Box<dyn Struct>, BodyError>, payloads: Payloads) -> Frame {
    match event {
        Ok(event) => event_frame(event.as_ref(), payloads),
        // AWS: S3 Select ends its streams with errors, the JSON services with modelled exceptions.
        Err(BodyError::Refused(fault)) if payloads == Payloads::Xml => {
            let frame = Frame::default().with(":message-type", "error");
            frame.with(":error-code", fault.code()).with(":error-message", fault.message())
        }
        Err(BodyError::Refused(fault)) => {
            let mut writer = JsonWriter::new(Names::Wire);
            writer.error(&[("message", fault.message())], &[]);
            let frame = Frame { headers: Vec::new(), payload: writer.into_bytes().into() };
            frame.with(":message-type", "exception").with(":exception-type", fault.name()).with(":content-type", "application/json")
        }
        Err(BodyError::Broken(_)) => Frame::default()
            .with(":message-type", "error")
            .with(":error-code", "InternalError")
            .with(":error-message", "We encountered an internal error. Please try again."),
    }
}

/// An event is the union with its one member set: the member's name is the event's type.
fn event_frame(union: &dyn Struct, payloads: Payloads) -> Frame {
    let members = union.schema().members;
    let Some((index, member)) = members.iter().enumerate().find(|(index, _)| !union.get(*index).is_absent()) else {
        return Frame::default();
    };
    let mut event = EventWriter { frame: Frame::default(), payloads, name: member.name, place: EventPart::Event, content_type: None };
    union.get(index).write(&mut event, member.of);
    let content_type = event.content_type;
    let frame = event.frame.with(":message-type", "event").with(":event-type", member.name);
    match content_type {
        Some(content_type) => frame.with(":content-type", content_type),
        None => frame,
    }
}

/// Picks the stream out of an output.
struct Found(Option<Events>);

/// Writes one event: some members become headers, one may be the payload, or all are the payload together.
struct EventWriter {
    frame: Frame,
    payloads: Payloads,
    name: &'static str,
    place: EventPart,
    content_type: Option<&'static str>,
}

enum EventPart {
    Event,
    Header(&'static Member),
    Payload,
}

impl EventWriter {
    fn header(&mut self, value: Header) {
        if let EventPart::Header(member) = self.place {
            self.frame.headers.push((member.wire.to_owned(), value));
        }
    }

    fn document(&mut self, value: &dyn Struct, root: &str, wanted: &mut dyn FnMut(&Member) -> bool) {
        self.frame.payload = match self.payloads {
            Payloads::Json => {
                self.content_type = Some("application/json");
                let mut writer = JsonWriter::new(Names::Wire);
                writer.object(value, wanted);
                writer.into_bytes().into()
            }
            Payloads::Xml => {
                self.content_type = Some("text/xml");
                let mut writer = XmlWriter::new(TimestampFormat::DateTime);
                writer.element(root, "", |writer| writer.members(value, wanted));
                writer.into_bytes().into()
            }
        };
    }
}

impl Writer for EventWriter {
    fn boolean(&mut self, value: bool) {
        self.header(Header::Boolean(value));
    }
    fn integer(&mut self, value: i64) {
        // AWS: the header's type follows the model (byte, short, integer, long), which the schema does not tell apart.
        self.header(i32::try_from(value).map_or(Header::Long(value), Header::Integer));
    }
    fn text(&mut self, value: &str) {
        if matches!(self.place, EventPart::Payload) {
            self.frame.payload = Bytes::copy_from_slice(value.as_bytes());
            self.content_type = Some("text/plain");
        } else {
            self.header(Header::Text(value.to_owned()));
        }
    }
    fn blob(&mut self, value: &[u8]) {
        if matches!(self.place, EventPart::Payload) {
            self.frame.payload = Bytes::copy_from_slice(value);
            self.content_type = Some("application/octet-stream");
        } else {
            self.header(Header::Bytes(Bytes::copy_from_slice(value)));
        }
    }
    fn timestamp(&mut self, value: Timestamp, _: &'static Target) {
        self.header(Header::Timestamp(value));
    }
    crate::partial::ignores!(float document body events list map);

    fn structure(&mut self, value: &dyn Struct) {
        if matches!(self.place, EventPart::Payload) {
            let name = value.schema().name;
            return self.document(value, name, &mut |_| true);
        }
        let members = value.schema().members;
        let mut whole = false;
        let mut plain = false;
        for (index, member) in members.iter().enumerate() {
            if member.flags.has(Flags::EVENT_HEADER) {
                self.place = EventPart::Header(member);
                value.get(index).write(self, member.of);
            } else if member.flags.has(Flags::EVENT_PAYLOAD) {
                whole = true;
                self.place = EventPart::Payload;
                value.get(index).write(self, member.of);
            } else {
                plain = true;
            }
        }
        if plain && !whole {
            let name = self.name;
            self.document(value, name, &mut |member| !member.flags.has(Flags::EVENT_HEADER));
        }
    }
}

impl Writer for Found {
    fn events(&mut self, value: &Events) {
        self.0 = Some(value.clone());
    }
    crate::partial::ignores!(boolean integer float text blob timestamp document body list map structure);
}
