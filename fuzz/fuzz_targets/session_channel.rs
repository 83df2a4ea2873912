//! The data channel of Session Manager: frames of any kind, in any order, are taken or refused, and what is held has bounds; smux the same.
#![no_main]

use bytes::Bytes;
use cloudlet_session_channel::{Channel, Cipher, Demux, Frame, HandshakeResponse, MuxEvent, PayloadKind, Role, WINDOW, is_at_least};
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

fuzz_target!(|bytes: &[u8]| {
    let Some((how, rest)) = bytes.split_first() else { return };
    match how % 3 {
        0 => channel(rest),
        1 => {
            let (whole, fine) = demux(rest, rest.len().max(1));
            let (parts, also) = demux(rest, usize::from(how / 3) + 1);
            assert_eq!((whole, fine), (parts, also));
        }
        _ => {
            let _ = serde_json::from_slice::<HandshakeResponse>(rest);
            let _ = is_at_least(&String::from_utf8_lossy(rest), [1, 1, 70, 0]);
            let cipher = Cipher::of_agent(&[7; 64], [0; 12]);
            assert!(cipher.is_some_and(|cipher| cipher.decrypt(rest).is_err()));
        }
    }
});
