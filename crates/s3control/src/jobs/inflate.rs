//! Reads gzip files: those of inventory reports.
//! <https://www.rfc-editor.org/rfc/rfc1951>, <https://www.rfc-editor.org/rfc/rfc1952>

/// Why a file cannot be read: it is damaged, or larger than what is read of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    Damaged,
    TooLarge,
}

type Read<T> = Result<T, Unreadable>;

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    buffer: u64,
    count: u32,
}

impl Bits<'_> {
    fn bits(&mut self, wanted: u32) -> Read<u32> {
        while self.count < wanted {
            let byte = *self.bytes.get(self.at).ok_or(Unreadable::Damaged)?;
            self.at += 1;
            self.buffer |= u64::from(byte) << self.count;
            self.count += 8;
        }
        let value = self.buffer & ((1u64 << wanted) - 1);
        self.buffer >>= wanted;
        self.count -= wanted;
        u32::try_from(value).map_err(|_| Unreadable::Damaged)
    }

    /// The bytes from the next whole one on.
    fn whole_bytes(&mut self, count: usize) -> Read<&[u8]> {
        self.at -= usize::try_from(self.count / 8).unwrap_or_default();
        self.buffer = 0;
        self.count = 0;
        let end = self.at.checked_add(count).ok_or(Unreadable::Damaged)?;
        let bytes = self.bytes.get(self.at..end).ok_or(Unreadable::Damaged)?;
        self.at = end;
        Ok(bytes)
    }
}

/// A Huffman code: how many codes each length has, and the symbols in the order of their codes.
struct Huffman {
    counts: [u16; 16],
    symbols: Vec<u16>,
}

impl Huffman {
    fn of(lengths: &[u8]) -> Huffman {
        let mut counts = [0u16; 16];
        for length in lengths {
            if let Some(count) = counts.get_mut(usize::from(*length)) {
                *count += 1;
            }
        }
        counts[0] = 0;
        let mut symbols = vec![];
        for wanted in 1..16u8 {
            let of_length = lengths.iter().enumerate().filter(|(_, length)| **length == wanted);
            symbols.extend(of_length.filter_map(|(symbol, _)| u16::try_from(symbol).ok()));
        }
        Huffman { counts, symbols }
    }

    fn decode(&self, bits: &mut Bits<'_>) -> Read<u16> {
        let (mut code, mut first, mut index) = (0i32, 0i32, 0i32);
        for count in self.counts.iter().skip(1) {
            code |= i32::try_from(bits.bits(1)?).unwrap_or_default();
            let count = i32::from(*count);
            if code - count < first {
                let at = usize::try_from(index + (code - first)).map_err(|_| Unreadable::Damaged)?;
                return self.symbols.get(at).copied().ok_or(Unreadable::Damaged);
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        Err(Unreadable::Damaged)
    }
}

const LENGTHS: [u16; 29] = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
const LENGTH_BITS: [u8; 29] = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCES: [u16; 30] =
    [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577];
const DISTANCE_BITS: [u8; 30] = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];

/// The bytes of a gzip file, if they are no more than `most`.
pub fn gunzip(file: &[u8], most: usize) -> Read<Vec<u8>> {
    let header = file.get(..10).ok_or(Unreadable::Damaged)?;
    if !header.starts_with(&[0x1f, 0x8b, 8]) {
        return Err(Unreadable::Damaged);
    }
    let flags = *header.get(3).ok_or(Unreadable::Damaged)?;
    let mut at = 10;
    if flags & 4 != 0 {
        let length = file.get(at..at + 2).and_then(|length| <[u8; 2]>::try_from(length).ok()).ok_or(Unreadable::Damaged)?;
        at += 2 + usize::from(u16::from_le_bytes(length));
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            let text = file.get(at..).ok_or(Unreadable::Damaged)?;
            at += text.iter().position(|byte| *byte == 0).ok_or(Unreadable::Damaged)? + 1;
        }
    }
    if flags & 2 != 0 {
        at += 2;
    }
    inflate(file.get(at..).ok_or(Unreadable::Damaged)?, most)
}

fn inflate(bytes: &[u8], most: usize) -> Read<Vec<u8>> {
    let mut bits = Bits { bytes, at: 0, buffer: 0, count: 0 };
    let mut out = vec![];
    loop {
        let last = bits.bits(1)? == 1;
        match bits.bits(2)? {
            0 => stored(&mut bits, &mut out, most)?,
            1 => {
                let mut lengths = [8u8; 288];
                lengths.iter_mut().take(256).skip(144).for_each(|length| *length = 9);
                lengths.iter_mut().take(280).skip(256).for_each(|length| *length = 7);
                compressed(&mut bits, &Huffman::of(&lengths), &Huffman::of(&[5; 30]), &mut out, most)?;
            }
            2 => {
                let (literals, distances) = codes(&mut bits)?;
                compressed(&mut bits, &literals, &distances, &mut out, most)?;
            }
            _ => return Err(Unreadable::Damaged),
        }
        if last {
            return Ok(out);
        }
    }
}

fn stored(bits: &mut Bits<'_>, out: &mut Vec<u8>, most: usize) -> Read<()> {
    let header = bits.whole_bytes(4)?;
    let number = |at: usize| header.get(at..at + 2).and_then(|bytes| <[u8; 2]>::try_from(bytes).ok()).map(u16::from_le_bytes);
    let (Some(length), Some(inverse)) = (number(0), number(2)) else { return Err(Unreadable::Damaged) };
    if length != !inverse {
        return Err(Unreadable::Damaged);
    }
    let bytes = bits.whole_bytes(usize::from(length))?;
    if out.len() + bytes.len() > most {
        return Err(Unreadable::TooLarge);
    }
    out.extend_from_slice(bytes);
    Ok(())
}

/// The codes of a block that brings its own.
fn codes(bits: &mut Bits<'_>) -> Read<(Huffman, Huffman)> {
    const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    let size = |bits: u32| usize::try_from(bits).unwrap_or_default();
    let (literals, distances, count) = (size(bits.bits(5)?) + 257, size(bits.bits(5)?) + 1, size(bits.bits(4)?) + 4);
    if literals > 286 || distances > 30 {
        return Err(Unreadable::Damaged);
    }
    let mut lengths = [0u8; 19];
    for place in ORDER.into_iter().take(count) {
        let length = u8::try_from(bits.bits(3)?).unwrap_or_default();
        if let Some(slot) = lengths.get_mut(place) {
            *slot = length;
        }
    }
    let code = Huffman::of(&lengths);
    let mut lengths: Vec<u8> = Vec::with_capacity(literals + distances);
    while lengths.len() < literals + distances {
        let (value, times) = match code.decode(bits)? {
            symbol @ 0..=15 => (u8::try_from(symbol).unwrap_or_default(), 1),
            16 => (*lengths.last().ok_or(Unreadable::Damaged)?, 3 + size(bits.bits(2)?)),
            17 => (0, 3 + size(bits.bits(3)?)),
            _ => (0, 11 + size(bits.bits(7)?)),
        };
        lengths.extend(std::iter::repeat_n(value, times));
    }
    if lengths.len() != literals + distances {
        return Err(Unreadable::Damaged);
    }
    let (of_literals, of_distances) = lengths.split_at(literals);
    Ok((Huffman::of(of_literals), Huffman::of(of_distances)))
}

fn compressed(bits: &mut Bits<'_>, literals: &Huffman, distances: &Huffman, out: &mut Vec<u8>, most: usize) -> Read<()> {
    loop {
        let symbol = literals.decode(bits)?;
        match symbol {
            0..=255 => {
                if out.len() >= most {
                    return Err(Unreadable::TooLarge);
                }
                out.push(u8::try_from(symbol).unwrap_or_default());
            }
            256 => return Ok(()),
            _ => {
                let index = usize::from(symbol - 257);
                let (base, extra) = LENGTHS.get(index).zip(LENGTH_BITS.get(index)).ok_or(Unreadable::Damaged)?;
                let length = usize::from(*base) + usize::try_from(bits.bits(u32::from(*extra))?).unwrap_or_default();
                let index = usize::from(distances.decode(bits)?);
                let (base, extra) = DISTANCES.get(index).zip(DISTANCE_BITS.get(index)).ok_or(Unreadable::Damaged)?;
                let distance = usize::from(*base) + usize::try_from(bits.bits(u32::from(*extra))?).unwrap_or_default();
                if out.len() + length > most {
                    return Err(Unreadable::TooLarge);
                }
                let start = out.len().checked_sub(distance).ok_or(Unreadable::Damaged)?;
                for at in start..start + length {
                    let byte = *out.get(at).ok_or(Unreadable::Damaged)?;
                    out.push(byte);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_fixed_and_dynamic_blocks_are_read() {
        const STORED: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 1, 3, 0, 0xfc, 0xff, b'a', b'b', b'c', 0, 0, 0, 0, 3, 0, 0, 0];
        assert_eq!(gunzip(STORED, 10).unwrap(), b"abc");
        assert_eq!(gunzip(STORED, 2), Err(Unreadable::TooLarge));
        // `printf aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa | gzip`: a fixed block.
        const FIXED: &[u8] = &[
            0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x4b, 0x4c, 0xc4, 0x07, 0x00, 0xc1, 0xd3, 0xc1, 0x6b, 0x1e, 0x00, 0x00, 0x00,
        ];
        assert_eq!(gunzip(FIXED, 100).unwrap(), [b'a'; 30]);
        for file in [&b""[..], b"abc", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0], &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, 7, 7]] {
            assert_eq!(gunzip(file, 10), Err(Unreadable::Damaged));
        }
    }

    #[test]
    fn a_file_of_gzip_is_read() {
        let file: &[u8] = include_bytes!("inflate/sample.csv.gz");
        let text = String::from_utf8(gunzip(file, 1 << 20).unwrap()).unwrap();
        assert_eq!(text.lines().count(), 500);
        assert_eq!(text.lines().nth(123), Some("\"bucket\",\"folder/object-123.txt\",\"15129\""));
    }
}
