//! smux, version 1: several connections in one stream of bytes. A frame has a version, a command, the length of its data, the number of its stream;
//! the numbers are little-endian. There are no windows: what holds a sender back is the stream below.
//! <https://github.com/xtaci/smux>

use bytes::{Buf, BufMut, Bytes, BytesMut};

const VERSION: u8 = 1;
const SYN: u8 = 0;
const FIN: u8 = 1;
const PUSH: u8 = 2;
const NOP: u8 = 3;
const HEADER: usize = 8;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MuxEvent {
    Opened(u32),
    Data(u32, Bytes),
    Finished(u32),
}

/// The stream cannot be read further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotSmux;

/// Takes a stream of bytes apart. It holds one frame at most, of 64 KiB.
#[derive(Default)]
pub struct Demux {
    left: BytesMut,
}

impl Demux {
    /// What these bytes bring.
    pub fn take(&mut self, bytes: &[u8], events: &mut Vec<MuxEvent>) -> Result<(), NotSmux> {
        self.left.extend_from_slice(bytes);
        loop {
            let mut header = self.left.as_ref();
            if header.len() < HEADER {
                return Ok(());
            }
            let (version, command) = (header.get_u8(), header.get_u8());
            let (length, stream) = (usize::from(header.get_u16_le()), header.get_u32_le());
            if version != VERSION || command > NOP {
                return Err(NotSmux);
            }
            if self.left.len() < HEADER + length {
                return Ok(());
            }
            let mut frame = self.left.split_to(HEADER + length);
            frame.advance(HEADER);
            match command {
                SYN => events.push(MuxEvent::Opened(stream)),
                FIN => events.push(MuxEvent::Finished(stream)),
                PUSH if length > 0 => events.push(MuxEvent::Data(stream, frame.freeze())),
                _ => {}
            }
        }
    }
}

fn frame(command: u8, stream: u32, data: &[u8], to: &mut BytesMut) {
    to.put_u8(VERSION);
    to.put_u8(command);
    to.put_u16_le(u16::try_from(data.len()).unwrap_or(u16::MAX));
    to.put_u32_le(stream);
    to.put_slice(data);
}

pub fn open(stream: u32, to: &mut BytesMut) {
    frame(SYN, stream, &[], to);
}

pub fn finish(stream: u32, to: &mut BytesMut) {
    frame(FIN, stream, &[], to);
}

/// A sign of life.
pub fn nothing(to: &mut BytesMut) {
    frame(NOP, 0, &[], to);
}

/// Data of any length.
pub fn push(stream: u32, data: &[u8], to: &mut BytesMut) {
    /// The largest that smux's own frames are.
    const LARGEST: usize = 32 << 10;
    for piece in data.chunks(LARGEST) {
        frame(PUSH, stream, piece, to);
    }
}

/// Room for a frame whose data, so many bytes at most, are read in where they are sent from.
pub fn push_buffer(most: usize) -> BytesMut {
    let mut buffer = BytesMut::with_capacity(HEADER + most.min(usize::from(u16::MAX)));
    buffer.put_bytes(0, HEADER);
    buffer
}

/// The frame, once its data are there.
pub fn pushed(stream: u32, mut buffer: BytesMut) -> Bytes {
    let length = u16::try_from(buffer.len().saturating_sub(HEADER)).unwrap_or(u16::MAX);
    if let Some(mut header) = buffer.get_mut(..HEADER) {
        header.put_u8(VERSION);
        header.put_u8(PUSH);
        header.put_u16_le(length);
        header.put_u32_le(stream);
    }
    buffer.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn frames_are_those_of_smux() {
        let mut bytes = BytesMut::new();
        open(3, &mut bytes);
        push(3, b"hi", &mut bytes);
        nothing(&mut bytes);
        finish(3, &mut bytes);
        assert_eq!(bytes[..], [1, 0, 0, 0, 3, 0, 0, 0, 1, 2, 2, 0, 3, 0, 0, 0, b'h', b'i', 1, 3, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 3, 0, 0, 0]);
        let mut events = Vec::new();
        assert_eq!(Demux::default().take(&bytes, &mut events), Ok(()));
        assert_eq!(events, [MuxEvent::Opened(3), MuxEvent::Data(3, "hi".into()), MuxEvent::Finished(3)]);
        let mut buffer = push_buffer(2);
        buffer.extend_from_slice(b"hi");
        let mut alike = BytesMut::new();
        push(3, b"hi", &mut alike);
        assert_eq!(pushed(3, buffer), alike);
        assert_eq!(Demux::default().take(&[2, 0, 0, 0, 0, 0, 0, 0], &mut events), Err(NotSmux));
    }

    proptest! {
        #[test]
        fn the_same_comes_out_however_it_arrives(data in proptest::collection::vec(any::<u8>(), 0..100_000), cuts in proptest::collection::vec(1..5_000_usize, 1..50)) {
            let mut bytes = BytesMut::new();
            push(9, &data, &mut bytes);
            let (mut demux, mut events, mut left, mut cuts) = (Demux::default(), Vec::new(), &bytes[..], cuts.iter().cycle());
            while !left.is_empty() {
                let (now, later) = left.split_at(left.len().min(*cuts.next().unwrap()));
                demux.take(now, &mut events).unwrap();
                prop_assert!(demux.left.len() <= HEADER + usize::from(u16::MAX));
                left = later;
            }
            let back: Vec<u8> = events.iter().flat_map(|event| match event { MuxEvent::Data(9, data) => data.to_vec(), _ => vec![] }).collect();
            prop_assert_eq!(back, data);
        }
    }
}
