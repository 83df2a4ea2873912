//! The little DER that KMS writes and reads itself.

pub const SEQUENCE: u8 = 0x30;
pub const INTEGER: u8 = 0x02;
pub const BIT_STRING: u8 = 0x03;
pub const OCTET_STRING: u8 = 0x04;
pub const OBJECT_IDENTIFIER: u8 = 0x06;

/// One value: tag, length, content.
pub fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 4);
    out.push(tag);
    let length = content.len();
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        Ok(byte) => out.extend([0x81, byte]),
        // Nothing that KMS writes is longer than 64 KiB.
        Err(_) => {
            out.push(0x82);
            out.extend(u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    out.extend_from_slice(content);
    out
}

/// SubjectPublicKeyInfo of an algorithm without parameters.
pub fn public_key_info(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let algorithm = value(SEQUENCE, &value(OBJECT_IDENTIFIER, algorithm));
    let bits = value(BIT_STRING, &[&[0], key].concat());
    value(SEQUENCE, &[algorithm, bits].concat())
}

/// The content of the value with this tag at the start of the bytes, and what follows it.
pub fn read(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = bytes.strip_prefix(&[tag])?;
    let (length, rest) = match rest.split_first()? {
        (&short @ 0..=0x7f, rest) => (usize::from(short), rest),
        (0x81, rest) => {
            let (byte, rest) = rest.split_first()?;
            (usize::from(*byte), rest)
        }
        (0x82, rest) => {
            let (bytes, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*bytes)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_every_length_are_read_back() {
        for length in [0, 1, 127, 128, 255, 256, 5_000] {
            let content = vec![7; length];
            let written = [value(OCTET_STRING, &content), vec![9]].concat();
            assert_eq!(read(OCTET_STRING, &written), Some((content.as_slice(), &[9][..])), "{length}");
            assert_eq!(read(SEQUENCE, &written), None);
            assert_eq!(read(OCTET_STRING, &written[..written.len() - 2]), None);
        }
    }
}
