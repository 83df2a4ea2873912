//! Bytes as a gzip file. They are stored, not compressed: readers take either.
//! <https://www.rfc-editor.org/rfc/rfc1952>

use cloudlet_digest::{Algorithm, digest};

/// A stored block holds 65,535 bytes.
const BLOCK: usize = 0xffff;

pub fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / BLOCK * 5 + 32);
    // Magic, deflate, no flags, no time, no hints, an unknown system.
    out.extend([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
    let count = bytes.len().div_ceil(BLOCK).max(1);
    for index in 0..count {
        let block = bytes.get(index * BLOCK..bytes.len().min((index + 1) * BLOCK)).unwrap_or_default();
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(u8::from(index + 1 == count));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    let crc = digest(Algorithm::Crc32, bytes);
    out.extend(crc.bytes().iter().rev());
    out.extend(u32::try_from(bytes.len() & 0xffff_ffff).unwrap_or(u32::MAX).to_le_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_file_is_the_one_that_gzip_reads() {
        let file = stored(b"123456789");
        assert_eq!(&file[10..15], [1, 9, 0, 0xf6, 0xff]);
        assert_eq!(&file[24..], [0x26, 0x39, 0xf4, 0xcb, 9, 0, 0, 0]);
        assert_eq!(stored(&vec![0; 200_000]).len(), 10 + 200_000 + 4 * 5 + 8);
    }
}
