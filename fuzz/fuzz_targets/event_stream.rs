//! Event-stream frames: raw bytes, and bytes with correct checksums, so that the inner parser is reached.
#![no_main]

use bytes::{BufMut, BytesMut};
use cloudlet_digest::{Algorithm, digest};
use cloudlet_wire::event_stream::Frame;
use libfuzzer_sys::fuzz_target;

fn crc32(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(digest(Algorithm::Crc32, bytes).bytes().try_into().unwrap())
}

fn read(mut from: BytesMut) {
    while let Ok(frame) = Frame::decode(&mut from) {
        let mut again = BytesMut::from(frame.encode().as_ref());
        assert_eq!(Frame::decode(&mut again).map(|frame| format!("{frame:?}")), Ok(format!("{frame:?}")));
        assert!(again.is_empty());
    }
}

fuzz_target!(|bytes: &[u8]| {
    read(BytesMut::from(bytes));
    let Some((length, rest)) = bytes.split_first() else { return };
    let mut whole = BytesMut::new();
    whole.put_u32(16 + rest.len() as u32);
    whole.put_u32(u32::from(*length));
    whole.put_u32(crc32(&whole));
    whole.put(rest);
    whole.put_u32(crc32(&whole));
    read(whole);
});
