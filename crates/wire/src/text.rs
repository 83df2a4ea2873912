//! Scalars as text, in headers, labels, queries, forms and XML.

use base64::{Engine, engine::general_purpose::STANDARD};
use cloudlet_shape::{Blob, Body, Document, Events, Mismatch, Read, Reader, Schema, Target, Timestamp, TimestampFormat};

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn unbase64(text: &str) -> Read<Blob> {
    STANDARD.decode(text.trim()).map(Blob::from).map_err(|_| wrong("base64", text))
}

/// The floats that no number is.
pub(crate) fn special_float(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// A float as text.
pub(crate) fn float_text(value: f64) -> String {
    match value {
        _ if value.is_nan() => "NaN".into(),
        f64::INFINITY => "Infinity".into(),
        f64::NEG_INFINITY => "-Infinity".into(),
        _ => ryu::Buffer::new().format_finite(value).to_owned(),
    }
}

fn wrong(wanted: &'static str, text: &str) -> Mismatch {
    let mut shown: String = text.chars().take(64).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    Mismatch::Wrong { wanted, at: shown }
}

pub(crate) fn read_boolean(text: &str) -> Read<bool> {
    // AWS: `True` comes from older clients and is taken.
    match text.trim() {
        yes if yes.eq_ignore_ascii_case("true") => Ok(true),
        no if no.eq_ignore_ascii_case("false") => Ok(false),
        other => Err(wrong("Boolean", other)),
    }
}

pub(crate) fn read_integer(text: &str) -> Read<i64> {
    let trimmed = text.trim();
    trimmed.parse().map_err(|_| wrong("Integer", trimmed))
}

pub(crate) fn read_float(text: &str) -> Read<f64> {
    let trimmed = text.trim();
    if let Some(value) = special_float(trimmed) {
        return Ok(value);
    }
    // Rust also takes `inf` and `nan`, which AWS does not know.
    let numeric = trimmed.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    trimmed.parse().ok().filter(|_| numeric).ok_or_else(|| wrong("Double", trimmed))
}

pub(crate) fn read_timestamp(text: &str, of: &Target, default: TimestampFormat) -> Read<Timestamp> {
    let text = text.trim();
    let format = of.timestamp.unwrap_or(default);
    // AWS: other formats than the modelled one are understood as well (S3 takes ISO dates in `If-Modified-Since`).
    Timestamp::parse(text, format).or_else(|| Timestamp::parse_any(text)).ok_or_else(|| wrong("Timestamp", text))
}

/// A value that is text.
pub(crate) struct Text<'a> {
    pub(crate) text: &'a str,
    pub(crate) timestamps: TimestampFormat,
}

impl Text<'_> {
    fn no<T>(&self, wanted: &'static str) -> Read<T> {
        Err(wrong(wanted, self.text))
    }
}

impl Reader for Text<'_> {
    fn boolean(&mut self) -> Read<bool> {
        read_boolean(self.text)
    }
    fn integer(&mut self) -> Read<i64> {
        read_integer(self.text)
    }
    fn float(&mut self) -> Read<f64> {
        read_float(self.text)
    }
    fn text(&mut self) -> Read<String> {
        Ok(self.text.to_owned())
    }
    fn blob(&mut self) -> Read<Blob> {
        unbase64(self.text)
    }
    fn timestamp(&mut self, of: &'static Target) -> Read<Timestamp> {
        read_timestamp(self.text, of, self.timestamps)
    }
    fn document(&mut self) -> Read<Document> {
        Ok(Document::String(self.text.to_owned()))
    }
    fn body(&mut self) -> Read<Body> {
        Ok(Body::whole(self.text.to_owned()))
    }
    fn events(&mut self) -> Read<Events> {
        self.no("event stream")
    }
    fn list(&mut self, _: &'static Target, each: &mut dyn FnMut(&mut dyn Reader) -> Read<()>) -> Read<()> {
        if self.text.is_empty() { Ok(()) } else { each(self) }
    }
    fn map(&mut self, _: &'static Target, _: &mut dyn FnMut(String, &mut dyn Reader) -> Read<()>) -> Read<()> {
        // AWS: an empty element is an empty map or structure.
        if self.text.trim().is_empty() { Ok(()) } else { self.no("Map") }
    }
    fn structure(&mut self, _: &'static Schema, _: &mut dyn FnMut(usize, &mut dyn Reader) -> Read<()>) -> Read<()> {
        if self.text.trim().is_empty() { Ok(()) } else { self.no("Structure") }
    }
    fn missing(&mut self, _: &'static Schema, _: usize) {}
}
