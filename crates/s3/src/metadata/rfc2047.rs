//! RFC 2047 encoded words, as S3 reads and writes user-defined metadata that is not ASCII.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>

use base64::{Engine, prelude::BASE64_STANDARD};
use std::fmt::Write;

/// The maximum length of an encoded text (RFC 2047, section 2).
const MAX_LENGTH: usize = 68 - "UTF-8".len();

/// Returns plain text as it is, and other text as encoded words.
/// AWS: the choice between Q and B, and what Q escapes, are recorded.
pub fn encode(text: &str) -> String {
    let plain = text.encode_utf16().filter(|unit| is_plain(*unit)).count();
    let other = text.encode_utf16().count().saturating_sub(plain);
    if other == 0 {
        return text.to_owned();
    }
    let mut words = Vec::new();
    if plain > other {
        split(text, quoted_length, &mut |piece| words.push(quoted(piece)))
    } else {
        split(text, base64_length, &mut |piece| words.push(base64(piece)))
    }
    words.join(" ")
}

/// Encodes any text so that `decode` returns the same text.
pub fn encode_reversibly(text: &str) -> String {
    if !text.contains("=?") {
        return encode(text);
    }
    let mut words = Vec::new();
    split(text, base64_length, &mut |piece| words.push(base64(piece)));
    words.join(" ")
}

fn is_plain(unit: u16) -> bool {
    matches!(unit, 0x09 | 0x0a | 0x0d | 0x20..=0x7e)
}

/// Halves text until each piece fits into an encoded word.
fn split(text: &str, length: fn(&str) -> usize, each: &mut dyn FnMut(&str)) {
    let characters = text.chars().count();
    let middle = text.char_indices().nth(characters / 2).map(|(at, _)| at);
    match middle.and_then(|at| text.split_at_checked(at)) {
        Some((left, right)) if length(text) > MAX_LENGTH && characters > 1 => {
            split(left, length, each);
            split(right, length, each);
        }
        _ => each(text),
    }
}

fn base64_length(text: &str) -> usize {
    text.len().div_ceil(3) * 4
}

fn base64(text: &str) -> String {
    format!("=?UTF-8?B?{}?=", BASE64_STANDARD.encode(text))
}

fn quoted_length(text: &str) -> usize {
    text.bytes().map(|byte| if needs_quoting(byte) { 3 } else { 1 }).sum()
}

fn needs_quoting(byte: u8) -> bool {
    !matches!(byte, 0x20..=0x7e) || matches!(byte, b'=' | b'_' | b'?')
}

fn quoted(text: &str) -> String {
    let mut word = String::from("=?UTF-8?Q?");
    for byte in text.bytes() {
        match byte {
            b' ' => word.push('_'),
            byte if needs_quoting(byte) => {
                // Writing into a String cannot fail.
                let _ = write!(word, "={byte:02X}");
            }
            byte => word.push(char::from(byte)),
        }
    }
    word.push_str("?=");
    word
}

/// Decodes encoded words. Everything else stays as it is.
pub fn decode(header: &str) -> String {
    if !header.contains("=?") {
        return header.to_owned();
    }
    let mut text = String::with_capacity(header.len());
    let mut rest = header;
    let mut after_word = false;
    while let Some(at) = rest.find("=?") {
        let (before, from) = rest.split_at(at);
        let Some((decoded, left)) = encoded_word(from) else {
            // Not an encoded word: the two characters are text.
            let (taken, left) = rest.split_at(at.saturating_add(2));
            text.push_str(taken);
            rest = left;
            after_word = false;
            continue;
        };
        // White space between two encoded words is not part of the text.
        if !(after_word && before.bytes().all(|byte| matches!(byte, b' ' | b'\t'))) {
            text.push_str(before);
        }
        text.push_str(&decoded);
        rest = left;
        after_word = true;
    }
    text.push_str(rest);
    text
}

/// The encoded word at the start of a text, decoded, and the rest of the text.
fn encoded_word(text: &str) -> Option<(String, &str)> {
    let (charset, rest) = text.strip_prefix("=?")?.split_once('?')?;
    let (encoding, rest) = rest.split_once('?')?;
    let (payload, rest) = rest.split_once("?=")?;
    let bytes = match encoding {
        "B" | "b" => BASE64_STANDARD.decode(payload).ok()?,
        "Q" | "q" => unquote(payload)?,
        _ => return None,
    };
    let charset = charset.split('*').next().unwrap_or_default();
    let text = if ["utf-8", "utf8", "us-ascii"].iter().any(|known| charset.eq_ignore_ascii_case(known)) {
        String::from_utf8(bytes).ok()?
    } else if charset.eq_ignore_ascii_case("iso-8859-1") {
        bytes.into_iter().map(char::from).collect()
    } else {
        return None;
    };
    Some((text, rest))
}

fn unquote(payload: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(payload.len());
    let mut rest = payload.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'_' => b' ',
            b'=' => {
                let (high, low) = (char::from(rest.next()?).to_digit(16)?, char::from(rest.next()?).to_digit(16)?);
                u8::try_from(high << 4 | low).ok()?
            }
            byte => byte,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_encoded_as_aws_recorded_it() {
        for (text, header) in [
            ("plain ~!\t", "plain ~!\t"),
            ("test_—_file%E2%80%94_é_2?.pdf", "=?UTF-8?Q?test=5F=E2=80=94=5Ffile%E2%80%94=5F=C3=A9=5F2=3F.pdf?="),
            ("ÄMÄZÕÑ S3", "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?="),
            ("\u{0}\u{1}\u{2}\u{3}", "=?UTF-8?B?AAECAw==?="),
            ("\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}", "=?UTF-8?B?77+977+977+977+977+977+977+9?="),
            ("test_—_file%E2%80%94_é_2👑.pdf", "=?UTF-8?Q?test=5F=E2=80=94=5Ffile%E2%80%94=5F=C3=A9=5F2=F0=9F=91=91.pdf?="),
        ] {
            assert_eq!(encode(text), header);
            assert_eq!(decode(header), text);
        }
    }

    #[test]
    fn encoded_words_are_decoded_within_text() {
        assert_eq!(decode("=?UTF-8?Q?actually-ascii?="), "actually-ascii");
        assert_eq!(decode("=?UTF-8?B?YWJj?="), "abc");
        assert_eq!(decode("a =?utf-8?q?b_c?= =?iso-8859-1?Q?=E9?= d"), "a b cé d");
        for text in ["=?", "=?UTF-8?X?abc?=", "=?UTF-8?B?***?=", "=?UTF-8?Q?=Z?=", "=?UTF-8?Q?abc", "a=?b"] {
            assert_eq!(decode(text), text);
        }
    }

    #[test]
    fn reversibly_encoded_text_is_decoded_to_itself() {
        for text in ["plain", "é", "=?UTF-8?B?YWJj?=", &"=?UTF-8?Q?a?= ".repeat(30)] {
            assert_eq!(decode(&encode_reversibly(text)), text);
        }
    }

    #[test]
    fn long_text_becomes_several_encoded_words() {
        let long = "é and some words ".repeat(40);
        let header = encode(&long);
        assert!(header.split(' ').all(|word| word.len() <= 75));
        assert_eq!(decode(&header), long);
    }
}
