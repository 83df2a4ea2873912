//! The channels of Session Manager: frames of any kind, in any order, are taken or refused, and what is held has bounds; smux the same; and what agents and
//! the service tell each other over the control channel.
#![no_main]

use bytes::Bytes;
use cloudlet_session_channel::{
    Channel, Cipher, Demux, Frame, HandshakeResponse, MessageType, MuxEvent, PayloadKind, Role, WINDOW,
    control::{FromAgent, OpenControlChannel, Reply, ToAgent, control_frame, parts_of_job},
    is_at_least,
};
use libfuzzer_sys::fuzz_target;

/// Pieces, each with its length before it.
fn pieces(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut pieces = vec![];
    while let Some((length, rest)) = bytes.split_first() {
        let (piece, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

fn channel(bytes: &[u8]) {
    let mut agent = Channel::new(Role::Agent);
    let (mut now, mut sent) = (0, 0);
    for piece in pieces(bytes) {
        now += piece.len() as u64 * 40;
        let frame = Bytes::copy_from_slice(piece);
        if let Ok(parsed) = Frame::parse(&frame) {
            assert_eq!(Frame::parse(&parsed.write()).map(|again| again.payload), Ok(parsed.payload));
        }
        let _ = agent.receive(now, 1, [1; 16], &frame, now % 3 != 0);
        if agent.may_send() {
            sent += agent.send(now, 1, [2; 16], PayloadKind::Output, frame).len();
        }
        let _ = agent.resend(now);
    }
    assert!(sent <= WINDOW || !agent.may_send() || agent.is_settled() || sent > 0);
    let again: usize = agent.resend_all(now).iter().map(Bytes::len).sum();
    assert!(again <= WINDOW + 1_024);
}

fn demux(bytes: &[u8], size: usize) -> (Vec<MuxEvent>, bool) {
    let (mut demux, mut events) = (Demux::default(), vec![]);
    let fine = bytes.chunks(size).all(|piece| demux.take(piece, &mut events).is_ok());
    (events, fine)
}

/// Any JSON under any name is read or passed over, and what was read is written as it was read.
fn control(bytes: &[u8]) {
    let raw = Bytes::copy_from_slice(bytes);
    let _ = (FromAgent::read(&raw), ToAgent::read(&raw));
    let _ = serde_json::from_slice::<OpenControlChannel>(bytes);
    let text = String::from_utf8_lossy(bytes);
    let _ = parts_of_job(&text);
    if let Ok(reply) = serde_json::from_slice::<Reply>(bytes) {
        let again: Reply = serde_json::from_str(&serde_json::to_string(&reply).unwrap()).unwrap();
        assert_eq!(again.runtime_status, reply.runtime_status);
    }
    let Ok(content) = serde_json::from_slice::<serde_json::Value>(bytes) else { return };
    for message in [MessageType::AgentJob, MessageType::AgentJobAck, MessageType::AgentJobReply, MessageType::AgentTaskComplete, MessageType::InteractiveShell] {
        let (frame, _) = control_frame(message, 1, [3; 16], &content);
        match FromAgent::read(&frame) {
            FromAgent::Acknowledged(read) => assert_eq!(FromAgent::read(&control_frame(message, 1, [3; 16], &read).0), FromAgent::Acknowledged(read)),
            FromAgent::Completed(read) => assert_eq!(FromAgent::read(&control_frame(message, 1, [3; 16], &read).0), FromAgent::Completed(read)),
            FromAgent::Replied(..) | FromAgent::Other => {}
        }
        let _ = ToAgent::read(&frame);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((how, rest)) = bytes.split_first() else { return };
    match how % 4 {
        0 => channel(rest),
        1 => {
            let (whole, fine) = demux(rest, rest.len().max(1));
            let (parts, also) = demux(rest, usize::from(how / 3) + 1);
            assert_eq!((whole, fine), (parts, also));
        }
        2 => control(rest),
        _ => {
            let _ = serde_json::from_slice::<HandshakeResponse>(rest);
            let _ = is_at_least(&String::from_utf8_lossy(rest), "1.1.70");
            let cipher = Cipher::of_agent(&[7; 64], [0; 12]);
            assert!(cipher.is_some_and(|cipher| cipher.decrypt(rest).is_err()));
        }
    }
});
