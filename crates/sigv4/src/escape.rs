//! Percent-encoding as signatures prescribe it: RFC 3986's unreserved characters stay, all others become `%XX`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use std::borrow::Cow;

const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const PATH: &AsciiSet = &COMPONENT.remove(b'/');

pub fn push_component(bytes: &[u8], out: &mut String) {
    out.extend(percent_encode(bytes, COMPONENT));
}

/// The same, but slashes stay.
pub fn push_path(bytes: &[u8], out: &mut String) {
    out.extend(percent_encode(bytes, PATH));
}

pub fn component(text: &str) -> Cow<'_, str> {
    percent_encode(text.as_bytes(), COMPONENT).into()
}

/// A parameter's value as text; bytes that are not UTF-8 become replacement characters, which match nothing.
pub fn decode(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

/// A path decoded, and encoded again.
pub fn push_path_anew(path: &str, out: &mut String) {
    let bytes: Cow<'_, [u8]> = percent_decode_str(path).into();
    push_path(&bytes, out);
}

/// A name or value of a query in canonical form. Most clients send it in that form, and then nothing is copied.
/// AWS: a plus sign is a space, as in forms; a signer that means a plus writes `%2B`.
pub fn canonical_component(raw: &str) -> Cow<'_, str> {
    if is_canonical(raw.as_bytes()) {
        return Cow::Borrowed(raw);
    }
    let spaces: Cow<'_, str> = if raw.contains('+') { Cow::Owned(raw.replace('+', "%20")) } else { Cow::Borrowed(raw) };
    let bytes: Cow<'_, [u8]> = percent_decode_str(&spaces).into();
    let mut out = String::with_capacity(raw.len() + 8);
    push_component(&bytes, &mut out);
    Cow::Owned(out)
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~')
}

fn is_canonical(mut rest: &[u8]) -> bool {
    loop {
        match rest {
            [] => return true,
            [b'%', high, low, tail @ ..] => {
                let capital = |digit: &u8| digit.is_ascii_digit() || (b'A'..=b'F').contains(digit);
                if !capital(high) || !capital(low) {
                    return false;
                }
                let mut byte = [0];
                let _ = ::hex::decode_to_slice([*high, *low], &mut byte);
                let [byte] = byte;
                if is_unreserved(byte) {
                    return false;
                }
                rest = tail;
            }
            [byte, tail @ ..] if is_unreserved(*byte) => rest = tail,
            _ => return false,
        }
    }
}
