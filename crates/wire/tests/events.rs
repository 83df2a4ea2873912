//! Event streams on the wire.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use bytes::BytesMut;
use cloudlet_aws::FaultKind;
use cloudlet_shape::{Blob, BodyContent, BodyError, Events, OperationSchema, Shape, Struct};
use cloudlet_wire::{
    Answer, Ids, codec,
    event_stream::{Frame, FrameError, Header},
};
use futures_util::{StreamExt, stream};

#[derive(Shape, Clone, Default)]
#[shape(event)]
struct Records {
    #[shape(event_payload)]
    payload: Option<Blob>,
    #[shape(event_header)]
    sequence: Option<i64>,
}

#[derive(Shape, Clone, Default)]
struct Details {
    bytes_scanned: Option<i64>,
}

#[derive(Shape, Clone, Default)]
#[shape(event)]
struct Stats {
    #[shape(event_payload)]
    details: Option<Details>,
}

#[derive(Shape, Clone, Default)]
#[shape(event)]
struct Update {
    text: Option<String>,
}

#[derive(Shape, Clone, Default)]
#[shape(event)]
struct End {}

#[derive(Shape, Clone, Default)]
#[shape(union)]
struct Stream {
    records: Option<Records>,
    stats: Option<Stats>,
    update: Option<Update>,
    end: Option<End>,
}

#[derive(Shape, Clone, Default)]
struct Output {
    id: Option<String>,
    stream: Option<Events>,
}

static JSON_OUTPUT: OperationSchema = OperationSchema::new("Tail", &cloudlet_api_logs::SERVICE, Output::SCHEMA, Output::SCHEMA);
static XML_OUTPUT: OperationSchema = OperationSchema::new("Select", &cloudlet_api_s3::SERVICE, Output::SCHEMA, Output::SCHEMA);

fn events() -> Vec<Result<Box<dyn Struct>, BodyError>> {
    let event = |stream: Stream| -> Result<Box<dyn Struct>, BodyError> { Ok(Box::new(stream)) };
    vec![
        event(Stream { records: Some(Records { payload: Some("a,b\n".into()), sequence: Some(7) }), ..Stream::default() }),
        event(Stream { stats: Some(Stats { details: Some(Details { bytes_scanned: Some(4) }) }), ..Stream::default() }),
        event(Stream { update: Some(Update { text: Some("x".into()) }), ..Stream::default() }),
        event(Stream { end: Some(End {}), ..Stream::default() }),
    ]
}

async fn frames(operation: &'static OperationSchema, events: Vec<Result<Box<dyn Struct>, BodyError>>) -> Vec<Frame> {
    let output = Output { id: Some("i".into()), stream: Some(Events::new(Box::pin(stream::iter(events)))) };
    let answer: Answer = codec(operation.service.protocol).encode(operation, &output, &Ids { request_id: "r", extended_id: "x" });
    assert_eq!(answer.header("content-type"), Some("application/vnd.amazon.eventstream"));
    let BodyContent::Stream(mut stream) = answer.body.take() else { panic!("no stream") };
    let mut buffer = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        buffer.extend_from_slice(&chunk.unwrap());
    }
    let mut frames = Vec::new();
    while !buffer.is_empty() {
        frames.push(Frame::decode(&mut buffer).unwrap());
    }
    frames
}

fn word<'f>(frame: &'f Frame, name: &str) -> &'f str {
    match frame.header(name) {
        Some(Header::Text(text)) => text,
        _ => "",
    }
}

fn shown(frame: &Frame) -> (String, String) {
    (format!("{} {}", word(frame, ":message-type"), word(frame, ":event-type")), String::from_utf8(frame.payload.to_vec()).unwrap())
}

#[tokio::test]
async fn json_events_follow_the_first_answer() {
    let frames = frames(&JSON_OUTPUT, events()).await;
    let shown: Vec<(String, String)> = frames.iter().map(shown).collect();
    let expected = [
        ("event initial-response", r#"{"Id":"i"}"#),
        ("event Records", "a,b\n"),
        ("event Stats", r#"{"BytesScanned":4}"#),
        ("event Update", r#"{"Text":"x"}"#),
        ("event End", ""),
    ];
    assert_eq!(shown, expected.map(|(head, payload)| (head.to_owned(), payload.to_owned())));
    assert_eq!(frames[1].header("Sequence"), Some(&Header::Integer(7)));
    assert_eq!(word(&frames[1], ":content-type"), "application/octet-stream");
}

#[tokio::test]
async fn xml_events_have_no_first_answer() {
    let frames = frames(&XML_OUTPUT, events()).await;
    let shown: Vec<(String, String)> = frames.iter().map(shown).collect();
    assert_eq!(shown[0].0, "event Records");
    assert_eq!(shown[1].1, "<Details><BytesScanned>4</BytesScanned></Details>");
    assert_eq!((shown[3].0.as_str(), shown.len()), ("event End", 4));
}

#[tokio::test]
async fn a_fault_ends_a_stream_in_the_protocols_way() {
    let refused = || vec![Err(BodyError::Refused(FaultKind::sender("SessionTimeoutException", 400).says("over")))];
    let json = frames(&JSON_OUTPUT, refused()).await;
    assert_eq!((word(&json[1], ":message-type"), word(&json[1], ":exception-type")), ("exception", "SessionTimeoutException"));
    let xml = frames(&XML_OUTPUT, refused()).await;
    assert_eq!(
        (word(&xml[0], ":message-type"), word(&xml[0], ":error-code"), word(&xml[0], ":error-message")),
        ("error", "SessionTimeoutException", "over")
    );
}

/// <https://smithy.io/2.0/aws/amazon-eventstream.html>: the empty message, and one with a header and a payload.
#[test]
fn the_published_frames_are_ours() {
    let empty = [0, 0, 0, 0x10, 0, 0, 0, 0, 5, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff];
    assert_eq!(Frame::default().encode().as_ref(), empty);
    let json = Frame { headers: vec![("content-type".into(), Header::Text("application/json".into()))], payload: "{'foo':'bar'}".into() };
    let encoded = json.encode();
    assert_eq!(encoded.get(..12).unwrap(), [0, 0, 0, 0x3d, 0, 0, 0, 0x20, 7, 0xfd, 0x83, 0x96]);
    assert_eq!(encoded.get(encoded.len() - 4..).unwrap(), [0x8d, 0x9c, 0x08, 0xb1]);
}

#[test]
fn every_kind_of_header_is_read_as_it_was_written() {
    let headers = [
        Header::Boolean(true),
        Header::Boolean(false),
        Header::Byte(-1),
        Header::Short(-2),
        Header::Integer(-3),
        Header::Long(-4),
        Header::Bytes("b".into()),
        Header::Text("t".into()),
        Header::Timestamp(cloudlet_shape::Timestamp(5)),
        Header::Uuid([6; 16]),
    ];
    let frame =
        Frame { headers: headers.into_iter().enumerate().map(|(index, header)| (format!("h{index}"), header)).collect(), payload: "p".into() };
    let mut buffer = BytesMut::from(frame.encode().as_ref());
    assert_eq!(Frame::decode(&mut buffer), Ok(frame));
}

#[test]
fn broken_frames_are_told_apart() {
    let whole = Frame { headers: vec![("a".into(), Header::Text("b".into()))], payload: "p".into() }.encode();
    for cut in 0..whole.len() {
        assert_eq!(Frame::decode(&mut BytesMut::from(whole.get(..cut).unwrap())), Err(FrameError::Short), "{cut}");
    }
    for at in 0..whole.len() {
        let mut bytes = BytesMut::from(whole.as_ref());
        bytes[at] ^= 1;
        assert_eq!(Frame::decode(&mut bytes), Err(FrameError::Checksum), "{at}");
    }
}
