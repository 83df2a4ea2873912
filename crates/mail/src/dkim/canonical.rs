//! The forms in which messages are signed.
//! <https://www.rfc-editor.org/rfc/rfc6376#section-3.4>

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Simple,
    Relaxed,
}

/// The fields of a message, and its body.
pub fn split(message: &[u8]) -> (&[u8], &[u8]) {
    if let Some(body) = message.strip_prefix(b"\r\n") {
        return (&[], body);
    }
    match message.windows(4).position(|window| window == b"\r\n\r\n") {
        Some(at) => {
            let (head, rest) = message.split_at(at + 2);
            (head, rest.get(2..).unwrap_or_default())
        }
        None => (message, &[]),
    }
}

/// A field as it stands in the message, without its last line end.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    pub name: &'a str,
    pub whole: &'a [u8],
}

pub fn fields(head: &[u8]) -> Vec<Field<'_>> {
    let mut fields = vec![];
    let mut start = 0;
    let mut at = 0;
    let mut add = |from: usize, to: usize| {
        let whole = head.get(from..to).unwrap_or_default();
        let whole = whole.strip_suffix(b"\r\n").unwrap_or(whole);
        let colon = whole.iter().position(|byte| *byte == b':');
        if let Some(name) = colon.and_then(|colon| std::str::from_utf8(whole.get(..colon)?).ok()) {
            fields.push(Field { name: name.trim(), whole });
        }
    };
    while let Some(length) = head.get(at..).and_then(|rest| rest.windows(2).position(|window| window == b"\r\n")) {
        at += length + 2;
        if !matches!(head.get(at), Some(b' ' | b'\t')) {
            add(start, at);
            start = at;
        }
    }
    if start < head.len() {
        add(start, head.len());
    }
    fields
}

/// A field, without its last line end.
pub fn field(whole: &[u8], method: Method) -> Vec<u8> {
    if method == Method::Simple {
        return whole.to_vec();
    }
    let colon = whole.iter().position(|byte| *byte == b':').unwrap_or(whole.len());
    let (name, value) = whole.split_at(colon);
    let mut out = name.trim_ascii().to_ascii_lowercase();
    out.push(b':');
    let mut blank = false;
    let begin = out.len();
    for byte in value.get(1..).unwrap_or_default() {
        match byte {
            b'\r' | b'\n' => {}
            b' ' | b'\t' => blank = true,
            byte => {
                if blank && out.len() > begin {
                    out.push(b' ');
                }
                blank = false;
                out.push(*byte);
            }
        }
    }
    out
}

pub fn body(text: &[u8], method: Method) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    match method {
        Method::Simple => out.extend_from_slice(text),
        Method::Relaxed => {
            for line in text.split_inclusive(|byte| *byte == b'\n') {
                let content = line.strip_suffix(b"\n").map(|line| line.strip_suffix(b"\r").unwrap_or(line)).unwrap_or(line);
                let mut blank = false;
                for byte in content {
                    if matches!(byte, b' ' | b'\t') {
                        blank = true;
                        continue;
                    }
                    if blank {
                        out.push(b' ');
                        blank = false;
                    }
                    out.push(*byte);
                }
                if line.ends_with(b"\n") {
                    out.extend_from_slice(b"\r\n");
                }
            }
        }
    }
    while out.ends_with(b"\r\n\r\n") {
        out.truncate(out.len() - 2);
    }
    if out == b"\r\n" && method == Method::Relaxed {
        out.clear();
    }
    if !out.is_empty() && !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    if out.is_empty() && method == Method::Simple {
        out.extend_from_slice(b"\r\n");
    }
    out
}
