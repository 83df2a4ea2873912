//! The QR code of a virtual MFA device, as a PNG for authenticator apps.
//! <https://www.w3.org/TR/png/>

use crc_fast::{CrcAlgorithm, checksum};
use qrcode::{Color, QrCode};

/// Pixels for each module of the code.
const SCALE: usize = 4;
/// The quiet zone around the code, in modules.
const QUIET_ZONE: usize = 4;

pub(crate) fn png_of(text: &str) -> Option<Vec<u8>> {
    let code = QrCode::new(text).ok()?;
    let width = code.width();
    let modules = code.to_colors();
    let side = (width + 2 * QUIET_ZONE) * SCALE;
    // One byte of grey for each pixel; each line begins with its filter type, none.
    let mut lines = Vec::with_capacity(side * (side + 1));
    for y in 0..side {
        lines.push(0);
        lines.extend((0..side).map(|x| {
            let inside = |at: usize| (at / SCALE).checked_sub(QUIET_ZONE).filter(|at| *at < width);
            let dark = inside(x).zip(inside(y)).and_then(|(x, y)| modules.get(y * width + x)).is_some_and(|module| *module == Color::Dark);
            if dark { 0u8 } else { 255 }
        }));
    }
    let side = u32::try_from(side).ok()?.to_be_bytes();
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut png, b"IHDR", &[&side[..], &side[..], &[8, 0, 0, 0, 0]].concat());
    chunk(&mut png, b"IDAT", &zlib_stored(&lines));
    chunk(&mut png, b"IEND", &[]);
    Some(png)
}

fn chunk(png: &mut Vec<u8>, kind: &[u8; 4], content: &[u8]) {
    png.extend(u32::try_from(content.len()).unwrap_or_default().to_be_bytes());
    let body = [kind, content].concat();
    png.extend_from_slice(&body);
    png.extend(u32::try_from(checksum(CrcAlgorithm::Crc32IsoHdlc, &body)).unwrap_or_default().to_be_bytes());
}

/// A zlib stream of stored blocks, without compression.
fn zlib_stored(bytes: &[u8]) -> Vec<u8> {
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
    fn the_code_is_a_png() {
        let png = super::png_of("otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ").unwrap();
        assert!(png.starts_with(b"\x89PNG\r\n\x1a\n") && png.ends_with(b"IEND\xae\x42\x60\x82"));
    }
}
