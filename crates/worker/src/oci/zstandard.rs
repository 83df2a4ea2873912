//! zstd as a stream: frames one after the other, of which some hold nothing of it.
//! <https://www.rfc-editor.org/rfc/rfc8878>

use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};
use std::io::{self, Read};

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Of a frame that holds nothing of the stream: all but the last digit of its first byte.
const PASSED_OVER: [u8; 4] = [0x50, 0x2a, 0x4d, 0x18];
/// How far a frame may refer back, which is held in memory: as far as `zstd` itself does unless it is told otherwise.
const WINDOW: u64 = 128 << 20;

/// Whether bytes begin as a frame does.
pub fn is_frame(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC) || matches!(bytes, [first, rest @ ..] if first & 0xf0 == PASSED_OVER[0] && rest.starts_with(&PASSED_OVER[1..]))
}

pub struct Frames<R> {
    source: R,
    decoder: FrameDecoder,
    is_within: bool,
}

impl<R: Read> Frames<R> {
    pub fn of(source: R) -> Frames<R> {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW);
        Frames { source, decoder, is_within: false }
    }

    /// Begins the next frame. False: there is none.
    fn begin(&mut self) -> io::Result<bool> {
        loop {
            let mut magic = Vec::with_capacity(MAGIC.len());
            (&mut self.source).take(MAGIC.len() as u64).read_to_end(&mut magic)?;
            if magic.is_empty() {
                return Ok(false);
            }
            match self.decoder.init(magic.as_slice().chain(&mut self.source)) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let length = u64::from(length);
                    if io::copy(&mut (&mut self.source).take(length), &mut io::sink())? < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.is_within {
                while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                    self.decoder.decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1)).map_err(io::Error::other)?;
                }
                let count = self.decoder.read(buffer)?;
                if count > 0 || buffer.is_empty() {
                    return Ok(count);
                }
            }
            self.is_within = self.begin()?;
            if !self.is_within {
                return Ok(0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    fn unpacked(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        Frames::of(bytes).read_to_end(&mut all).map(|_| all)
    }

    fn passed_over(content: &[u8]) -> Vec<u8> {
        [&PASSED_OVER, &u32::try_from(content.len()).unwrap().to_le_bytes()[..], content].concat()
    }

    #[test]
    fn frames_follow_each_other() {
        let [first, second] = [vec![7; 300_000], b"and more".to_vec()];
        let frame = |bytes: &[u8]| compress_to_vec(bytes, CompressionLevel::Fastest);
        let all = [passed_over(b"of somebody else"), frame(&first), passed_over(b""), frame(b""), frame(&second), passed_over(&[1; 9])].concat();
        assert!(is_frame(&all) && is_frame(&frame(b"")) && !is_frame(b"\x1f\x8b") && !is_frame(b""));
        assert!(unpacked(&all).unwrap() == [first, second].concat());
        assert_eq!(unpacked(b"").unwrap(), b"");
    }

    #[test]
    fn what_is_cut_off_or_something_else_is_an_error() {
        let whole = compress_to_vec(&b"one after the other, one after the other"[..], CompressionLevel::Fastest);
        for length in 1..whole.len() {
            assert!(unpacked(whole.get(..length).unwrap()).is_err(), "{length}");
        }
        assert!(unpacked(b"something else").is_err());
        assert!(unpacked(passed_over(b"too short").get(..12).unwrap()).is_err());
        // A window of 2^41 bytes.
        assert!(unpacked(&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xff, 0x01, 0, 0]).is_err());
    }
}
