//! multipart/form-data, read as it comes: parts, their bytes, the end. No I/O, and no more memory than a part's head needs.
//! <https://www.rfc-editor.org/rfc/rfc7578>

use bytes::{Buf, Bytes, BytesMut};
use cloudlet_aws::{Fault, FaultKind};
use memchr::memmem;
use percent_encoding::percent_decode_str;

/// The head of one part.
const MAX_HEAD: usize = 8 * 1024;
/// Everything before the file: <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html>
const MAX_FIELDS: usize = 20 * 1024;

#[derive(Debug, PartialEq)]
pub(super) enum Event {
    Part { name: String, file_name: Option<String> },
    Data(Bytes),
    PartEnd,
    End,
}

#[derive(Debug, PartialEq)]
enum State {
    /// Before a boundary: at the start, or after a part.
    Boundary,
    /// Behind a boundary: the head of a part, or the end.
    AfterBoundary,
    Head,
    Data,
    Over,
}

pub(super) struct Reader {
    /// A line break, two dashes, and the boundary.
    delimiter: Vec<u8>,
    buffer: BytesMut,
    state: State,
    fields: usize,
}

fn malformed() -> Fault {
    super::malformed()
}

/// The boundary that a Content-Type names.
pub(super) fn boundary(content_type: &str) -> Option<String> {
    let parameters = content_type.split(';').skip(1);
    let boundary = parameters.filter_map(|parameter| parameter.split_once('=')).find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))?.1;
    let boundary = boundary.trim().trim_matches('"');
    // RFC 2046, section 5.1.1: 70 characters at most; browsers keep to it, and nothing is gained by more.
    (1..=256).contains(&boundary.len()).then(|| boundary.to_owned())
}

impl Reader {
    pub fn new(boundary: &str) -> Reader {
        // A body that starts with its boundary has no line break before it: as if it had.
        Reader { delimiter: format!("\r\n--{boundary}").into_bytes(), buffer: BytesMut::from(&b"\r\n"[..]), state: State::Boundary, fields: 0 }
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Counts bytes of fields that precede the file.
    pub fn account(&mut self, bytes: usize) -> Result<(), Fault> {
        self.fields = self.fields.saturating_add(bytes);
        if self.fields > MAX_FIELDS {
            return Err(FaultKind::sender("MaxPostPreDataLengthExceededError", 400)
                .says("Your POST request fields preceding the upload file were too large."));
        }
        Ok(())
    }

    /// The next event; `None` when more bytes are needed.
    pub fn next(&mut self) -> Result<Option<Event>, Fault> {
        loop {
            match self.state {
                State::Over => return Ok(Some(Event::End)),
                State::Boundary => match memmem::find(&self.buffer, &self.delimiter) {
                    Some(at) => {
                        self.buffer.advance(at.saturating_add(self.delimiter.len()));
                        self.state = State::AfterBoundary;
                    }
                    // What precedes the first boundary is nobody's.
                    None => {
                        self.forget();
                        return Ok(None);
                    }
                },
                State::AfterBoundary => {
                    if self.buffer.starts_with(b"--") {
                        self.state = State::Over;
                    } else if let Some(at) = memmem::find(&self.buffer, b"\r\n") {
                        let padding = self.buffer.split_to(at.saturating_add(2));
                        if !padding.iter().all(u8::is_ascii_whitespace) {
                            return Err(malformed());
                        }
                        self.state = State::Head;
                    } else if self.buffer.len() > MAX_HEAD {
                        return Err(malformed());
                    } else {
                        return Ok(None);
                    }
                }
                State::Head => {
                    let Some(at) = memmem::find(&self.buffer, b"\r\n\r\n") else {
                        return if self.buffer.len() > MAX_HEAD { Err(malformed()) } else { Ok(None) };
                    };
                    let head = self.buffer.split_to(at);
                    self.buffer.advance(4);
                    self.account(head.len())?;
                    self.state = State::Data;
                    return part(std::str::from_utf8(&head).map_err(|_| malformed())?).map(Some);
                }
                State::Data => return Ok(self.data()),
            }
        }
    }

    /// The bytes of a part, as far as they cannot be the beginning of a delimiter.
    fn data(&mut self) -> Option<Event> {
        match memmem::find(&self.buffer, &self.delimiter) {
            Some(0) => {
                self.buffer.advance(self.delimiter.len());
                self.state = State::AfterBoundary;
                Some(Event::PartEnd)
            }
            Some(at) => Some(Event::Data(self.buffer.split_to(at).freeze())),
            None => {
                let certain = self.buffer.len().saturating_sub(self.delimiter.len().saturating_sub(1));
                (certain > 0).then(|| Event::Data(self.buffer.split_to(certain).freeze()))
            }
        }
    }

    fn forget(&mut self) {
        let certain = self.buffer.len().saturating_sub(self.delimiter.len().saturating_sub(1));
        self.buffer.advance(certain);
    }
}

/// What the head of a part says: `Content-Disposition: form-data; name="file"; filename="a.txt"`.
fn part(head: &str) -> Result<Event, Fault> {
    let disposition = head
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"))
        .ok_or_else(malformed)?
        .1;
    let parameter = |wanted: &str| parameters(disposition).find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value);
    let name = parameter("name").ok_or_else(malformed)?;
    let extended = parameter("filename*").and_then(|value| {
        let (charset, rest) = value.split_once('\'')?;
        let (_, text) = rest.split_once('\'')?;
        charset.eq_ignore_ascii_case("utf-8").then(|| percent_decode_str(text).decode_utf8().ok().map(Into::into))?
    });
    Ok(Event::Part { name, file_name: extended.or_else(|| parameter("filename")) })
}

/// The parameters behind a field's value, their quotes and escapes taken off.
fn parameters(field: &str) -> impl Iterator<Item = (&str, String)> {
    let mut rest = field.split_once(';').map_or("", |(_, rest)| rest);
    std::iter::from_fn(move || {
        let (name, after) = rest.split_once('=')?;
        let (value, left) = value(after.trim_start());
        rest = left.split_once(';').map_or("", |(_, left)| left);
        Some((name.trim().trim_start_matches(';').trim(), value))
    })
}

/// A value, quoted or not, and what follows it.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        let (value, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        return (value.trim_end().to_owned(), rest);
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, quoted.get(at.saturating_add(1)..).unwrap_or_default()),
            // Browsers escape a quote and nothing else; a backslash before another letter is a backslash (a Windows path).
            '\\' if quoted.get(at.saturating_add(1)..).is_some_and(|rest| rest.starts_with('"')) => {
                letters.next();
                value.push('"');
            }
            letter => value.push(letter),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "preamble\r\n--xyz\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\na/${filename}\r\n--xyz \r\nContent-Disposition: form-data; name=empty\r\n\r\n\r\n--xyz\r\ncontent-disposition: form-data; name=\"file\"; filename=\"C:\\dir\\a \\\"b\\\".txt\"\r\nContent-Type: text/plain\r\n\r\nfirst\r\n--xy\r\nlast\r\n--xyz--\r\nepilogue";

    fn read(form: &[u8], cut: usize) -> Result<Vec<Event>, Fault> {
        let mut reader = Reader::new("xyz");
        let mut events: Vec<Event> = Vec::new();
        for piece in form.chunks(cut) {
            reader.feed(piece);
            while let Some(event) = reader.next()? {
                match (events.last_mut(), event) {
                    (Some(Event::Data(data)), Event::Data(more)) => *data = [data.as_ref(), more.as_ref()].concat().into(),
                    (_, Event::End) => {
                        events.push(Event::End);
                        return Ok(events);
                    }
                    (_, event) => events.push(event),
                }
            }
        }
        Ok(events)
    }

    #[test]
    fn a_form_reads_the_same_however_it_is_cut() {
        let part = |name: &str, file_name: Option<&str>| Event::Part { name: name.into(), file_name: file_name.map(Into::into) };
        let data = |text: &'static str| Event::Data(Bytes::from(text));
        for cut in [1, 2, 3, 7, 64, 10_000] {
            assert_eq!(
                read(FORM.as_bytes(), cut).unwrap(),
                [
                    part("key", None),
                    data("a/${filename}"),
                    Event::PartEnd,
                    part("empty", None),
                    Event::PartEnd,
                    part("file", Some("C:\\dir\\a \"b\".txt")),
                    data("first\r\n--xy\r\nlast"),
                    Event::PartEnd,
                    Event::End,
                ]
            );
        }
    }

    #[test]
    fn a_file_name_may_be_in_the_extended_form() {
        let head = "Content-Disposition: form-data; name=\"file\"; filename=\"fallback\"; filename*=utf-8''%C3%BC.txt";
        assert_eq!(part(head).unwrap(), Event::Part { name: "file".into(), file_name: Some("ü.txt".into()) });
    }

    #[test]
    fn what_is_no_form_is_refused() {
        for form in ["--xyz junk\r\n", "--xyz\r\nContent-Type: text/plain\r\n\r\n", "--xyz\r\nContent-Disposition: form-data\r\n\r\n"] {
            assert_eq!(read(form.as_bytes(), 100).unwrap_err().code(), "MalformedPOSTRequest", "{form}");
        }
        let endless = format!("--xyz\r\nContent-Disposition: {}", "x".repeat(MAX_HEAD * 2));
        assert!(read(endless.as_bytes(), 1000).is_err());
    }

    #[test]
    fn a_content_type_names_its_boundary() {
        assert_eq!(boundary("multipart/form-data; boundary=abc"), Some("abc".into()));
        assert_eq!(boundary("multipart/form-data; charset=utf-8; Boundary=\"a b\""), Some("a b".into()));
        assert_eq!(boundary("multipart/form-data"), None);
        assert_eq!(boundary("multipart/form-data; boundary="), None);
    }
}
