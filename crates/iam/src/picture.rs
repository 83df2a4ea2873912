//! A QR code as a PNG: what an authenticator app photographs when a virtual MFA device is set up.
//! <https://www.w3.org/TR/png/>

use crc_fast::{CrcAlgorithm, checksum};
use qrcode::{Color, QrCode};

/// Dots of the picture to a dot of the code, and dots of the code around it.
const SCALE: usize = 4;
const QUIET: usize = 4;

pub(crate) fn of(text: &str) -> Option<Vec<u8>> {
    let code = QrCode::new(text).ok()?;
    let width = code.width();
    let dots = code.to_colors();
    let side = (width + 2 * QUIET) * SCALE;
    // One grey byte a dot; each line begins with the number of its filter, which is none.
    let mut lines = Vec::with_capacity(side * (side + 1));
    for y in 0..side {
        lines.push(0);
        lines.extend((0..side).map(|x| {
            let inside = |at: usize| (at / SCALE).checked_sub(QUIET).filter(|at| *at < width);
            let dark = inside(x).zip(inside(y)).and_then(|(x, y)| dots.get(y * width + x)).is_some_and(|dot| *dot == Color::Dark);
            if dark { 0u8 } else { 255 }
        }));
    }
    let side = u32::try_from(side).ok()?.to_be_bytes();
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut png, b"IHDR", &[&side[..], &side[..], &[8, 0, 0, 0, 0]].concat());
    chunk(&mut png, b"IDAT", &stored(&lines));
    chunk(&mut png, b"IEND", &[]);
    Some(png)
}

fn chunk(png: &mut Vec<u8>, kind: &[u8; 4], content: &[u8]) {
    png.extend(u32::try_from(content.len()).unwrap_or_default().to_be_bytes());
    let body = [kind, content].concat();
    png.extend_from_slice(&body);
    png.extend(u32::try_from(checksum(CrcAlgorithm::Crc32IsoHdlc, &body)).unwrap_or_default().to_be_bytes());
}

/// A zlib stream that compresses nothing: blocks as they are.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let mut blocks = bytes.chunks(0xffff).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or_default();
        out.push(u8::from(blocks.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    let (mut a, mut b) = (1u32, 0u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    out.extend((b << 16 | a).to_be_bytes());
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_picture_begins_and_ends_as_a_png_does() {
        let png = super::of("otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ").unwrap();
        assert!(png.starts_with(b"\x89PNG\r\n\x1a\n") && png.ends_with(b"IEND\xae\x42\x60\x82"));
    }
}
