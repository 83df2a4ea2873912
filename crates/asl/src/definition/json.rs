//! JSON with Jackson's messages, and the line and column of a location.

use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    pub message: String,
    pub line: usize,
    pub column: usize,
}

/// Reads a text. What is wrong with it is said as Jackson says it, where that is known.
pub fn parse_json(text: &str) -> Result<Value, JsonError> {
    serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line().max(1), error.column().max(1));
        JsonError { message: message(text, offset(text, line, column), &error), line, column }
    })
}

fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    before + column - 1
}

fn message(text: &str, offset: usize, error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "Unexpected end-of-input".to_owned();
    }
    let bytes = text.as_bytes();
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$');
    let mut start = offset.min(bytes.len().saturating_sub(1));
    while start > 0 && bytes.get(start).is_some_and(word) && bytes.get(start - 1).is_some_and(word) {
        start -= 1;
    }
    let rest = text.get(start..).unwrap_or_default();
    let token: String = rest.chars().take_while(|character| character.is_alphanumeric() || matches!(character, '_' | '$')).take(256).collect();
    let wants_name = error.to_string().starts_with("key must be a string");
    if !wants_name && token.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_') {
        return format!("Unrecognized token '{token}': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')");
    }
    let Some(character) = rest.chars().next() else { return "Unexpected end-of-input".to_owned() };
    let shown = format!("Unexpected character ('{character}' (code {}))", u32::from(character));
    match error.to_string() {
        text if wants_name || text.starts_with("trailing comma") => format!("{shown}: was expecting double-quote to start field name"),
        text if text.starts_with("expected `:`") => format!("{shown}: was expecting a colon to separate field name and value"),
        text if text.starts_with("expected `,` or `}`") => format!("{shown}: was expecting comma to separate Object entries"),
        text if text.starts_with("expected `,` or `]`") => format!("{shown}: was expecting comma to separate Array entries"),
        _ => format!("{shown}: expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"),
    }
}

/// Line and column of a location such as `/States/A/Catch[0]/Next`, or of the nearest place above it.
pub(super) fn position(text: &str, location: &str) -> (usize, usize) {
    let mut scanner = Scanner { bytes: text.as_bytes(), at: 0 };
    scanner.spaces();
    let mut found = scanner.at;
    let mut rest = location;
    while !rest.is_empty() {
        if let Some(index) = rest.strip_prefix('[') {
            let Some((index, behind)) = index.split_once(']') else { break };
            let Some(at) = index.parse().ok().and_then(|index| scanner.item(index)) else { break };
            (found, rest) = (at, behind);
        } else {
            // State names may hold slashes and brackets: the longest field that fits is taken.
            let name = rest.strip_prefix('/').unwrap_or(rest);
            let Some((key, value, length)) = scanner.field(name) else { break };
            (found, rest) = (key, name.get(length..).unwrap_or_default());
            scanner.at = value;
        }
    }
    let before = text.get(..found).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    (line, column)
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn spaces(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Goes behind a value.
    fn skip(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.string();
                    if depth == 0 {
                        return;
                    }
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' | b',' if depth == 0 => return,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        self.at += 1;
                        return;
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    fn string(&mut self) -> String {
        let start = self.at;
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                break;
            }
        }
        self.bytes.get(start..self.at).and_then(|text| serde_json::from_slice(text).ok()).unwrap_or_default()
    }

    /// Where the item of the array here starts; the scanner stands there.
    fn item(&mut self, index: usize) -> Option<usize> {
        (self.peek() == Some(b'[')).then(|| self.at += 1)?;
        for _ in 0..index {
            self.spaces();
            self.skip();
            self.spaces();
            (self.peek() == Some(b',')).then(|| self.at += 1)?;
        }
        self.spaces();
        Some(self.at)
    }

    /// Where key and value of the field that `names` starts with are, and how long its name is.
    fn field(&mut self, names: &str) -> Option<(usize, usize, usize)> {
        (self.peek() == Some(b'{')).then(|| self.at += 1)?;
        let mut best: Option<(usize, usize, usize)> = None;
        loop {
            self.spaces();
            if self.peek() != Some(b'"') {
                return best;
            }
            let key = self.at;
            let name = self.string();
            self.spaces();
            self.at += 1;
            self.spaces();
            let ends = |rest: &str| rest.is_empty() || rest.starts_with('/') || rest.starts_with('[');
            if names.strip_prefix(name.as_str()).is_some_and(ends) && best.is_none_or(|(_, _, length)| length < name.len()) {
                best = Some((key, self.at, name.len()));
            }
            self.skip();
            self.spaces();
            if self.peek() == Some(b',') {
                self.at += 1;
            }
        }
    }
}
