//! JSON, token by token, with the error messages and columns of the parser that AWS uses, since clients see them.
//! There is no tree: the caller decides on each token.
//! <https://github.com/FasterXML/jackson-core> (the behaviour of its version 2.17)

use std::{borrow::Cow, fmt::Write};

#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    StartObject,
    EndObject,
    StartArray,
    EndArray,
    Field(String),
    Text(String),
    /// As it is written.
    Number(String),
    True,
    False,
    Null,
    /// Nothing follows.
    End,
}

impl Token {
    /// The token as the parser prints it.
    pub fn text(&self) -> &str {
        match self {
            Token::StartObject => "{",
            Token::EndObject => "}",
            Token::StartArray => "[",
            Token::EndArray => "]",
            Token::Field(text) | Token::Text(text) | Token::Number(text) => text,
            Token::True => "true",
            Token::False => "false",
            Token::Null => "null",
            Token::End => "",
        }
    }

    pub fn is_number(&self) -> bool {
        matches!(self, Token::Number(_))
    }
}

/// Text that is no JSON: AWS's message for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError(pub String);

/// Whether the location in a message quotes the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Quoted,
    Redacted,
}

/// Characters of the text that a message quotes.
const QUOTED: usize = 500;
const MAX_DEPTH: usize = 1_000;
/// Characters of an unknown word that a message quotes.
const MAX_WORD: usize = 256;
const LITERALS: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

pub struct Tokenizer<'a> {
    text: &'a str,
    source: Source,
    /// Bytes that are read.
    position: usize,
    /// Bytes up to where the parser says it stands: a string counts up to its opening quote until its text is wanted.
    reported: usize,
    open: Vec<Container>,
    /// The value after a field's name, which the parser reads together with it.
    value: Option<(Token, usize, usize)>,
}

struct Container {
    is_object: bool,
    start: usize,
    is_empty: bool,
}

impl Container {
    fn name(&self) -> &'static str {
        if self.is_object { "Object" } else { "Array" }
    }
}

impl<'a> Tokenizer<'a> {
    pub fn new(text: &'a str, source: Source) -> Tokenizer<'a> {
        Tokenizer { text, source, position: 0, reported: 0, open: vec![], value: None }
    }

    /// A message with the location where the parser stands.
    pub fn located(&self, message: &str) -> String {
        format!("{message}\n at {}", self.location(self.reported))
    }

    /// The text of the string that was read last is wanted.
    pub fn finish_string(&mut self) {
        if self.value.is_none() {
            self.reported = self.position;
        }
    }

    fn location(&self, offset: usize) -> String {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let row = before.rfind('\n').map_or(0, |end| end + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.get(row..).unwrap_or_default().encode_utf16().count() + 1;
        let mut out = String::from("[Source: ");
        match self.source {
            Source::Redacted => out.push_str("REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)"),
            Source::Quoted => {
                let length = self.text.chars().count();
                out.push_str("(String)\"");
                out.extend(self.text.chars().take(QUOTED));
                out.push('"');
                if length > QUOTED {
                    let _ = write!(out, "[truncated {} chars]", length - QUOTED);
                }
            }
        }
        let _ = write!(out, "; line: {line}, column: {column}]");
        out
    }

    /// An error whose location is behind what was read.
    fn error(&mut self, message: impl AsRef<str>) -> JsonError {
        self.error_at(self.position, message)
    }

    fn error_at(&mut self, offset: usize, message: impl AsRef<str>) -> JsonError {
        self.reported = offset;
        JsonError(self.located(message.as_ref()))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    fn skip_space(&mut self) -> Result<(), JsonError> {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => self.position += 1,
                0..=0x1f => {
                    self.position += 1;
                    let code = format!("(CTRL-CHAR, code {byte})");
                    return Err(self.error(format!("Illegal character ({code}): only regular white space (\\r, \\n, \\t) is allowed between tokens")));
                }
                _ => break,
            }
        }
        Ok(())
    }

    pub fn next(&mut self) -> Result<Token, JsonError> {
        if let Some((token, position, reported)) = self.value.take() {
            (self.position, self.reported) = (position, reported);
            return Ok(token);
        }
        self.skip_space()?;
        let Some(byte) = self.peek() else {
            return match self.open.last() {
                None => Ok(self.emit(Token::End)),
                Some(container) => {
                    let (name, start) = (container.name(), self.location(container.start));
                    Err(self.error(format!("Unexpected end-of-input: expected close marker for {name} (start marker at {start})")))
                }
            };
        };
        if matches!(byte, b'}' | b']') {
            return self.close(byte);
        }
        let Some(container) = self.open.last_mut() else { return self.read_value("root") };
        let (name, is_object, is_first) = (container.name(), container.is_object, container.is_empty);
        container.is_empty = false;
        if !is_first {
            if byte != b',' {
                return Err(self.unexpected(&format!("was expecting comma to separate {name} entries")));
            }
            self.position += 1;
            self.skip_space()?;
        }
        if is_object { self.read_field() } else { self.read_value(name) }
    }

    fn close(&mut self, marker: u8) -> Result<Token, JsonError> {
        let (expected, name, start) = match self.open.last() {
            Some(container) => (if container.is_object { b'}' } else { b']' }, container.name(), Some(container.start)),
            None => (if marker == b'}' { b']' } else { b'}' }, "root", None),
        };
        match start {
            Some(_) if marker == expected => {
                self.position += 1;
                self.open.pop();
                Ok(self.emit(if marker == b'}' { Token::EndObject } else { Token::EndArray }))
            }
            _ => {
                let start = self.location(start.unwrap_or_default());
                let (marker, expected) = (char::from(marker), char::from(expected));
                let message = format!("Unexpected close marker '{marker}': expected '{expected}' (for {name} starting at {start})");
                Err(self.error(message))
            }
        }
    }

    /// A field's name. The parser reads the beginning of the value with it.
    fn read_field(&mut self) -> Result<Token, JsonError> {
        match self.peek() {
            None => return Err(self.end_between("Object")),
            Some(b'"') => {}
            Some(_) => return Err(self.unexpected("was expecting double-quote to start field name")),
        }
        let name = self.read_string(" in field name", "name")?;
        self.skip_space()?;
        match self.peek() {
            None => return Err(self.end_between("Object")),
            Some(b':') => self.position += 1,
            Some(_) => return Err(self.unexpected("was expecting a colon to separate field name and value")),
        }
        self.skip_space()?;
        let value = self.read_value("Object")?;
        self.value = Some((value, self.position, self.reported));
        Ok(Token::Field(name))
    }

    fn emit(&mut self, token: Token) -> Token {
        self.reported = self.position;
        token
    }

    fn open(&mut self, is_object: bool) -> Result<Token, JsonError> {
        if self.open.len() >= MAX_DEPTH {
            let depth = MAX_DEPTH + 1;
            return Err(self.error(format!(
                "Document nesting depth ({depth}) exceeds the maximum allowed ({MAX_DEPTH}, from `StreamReadConstraints.getMaxNestingDepth()`)"
            )));
        }
        self.open.push(Container { is_object, start: self.position, is_empty: true });
        self.position += 1;
        Ok(self.emit(if is_object { Token::StartObject } else { Token::StartArray }))
    }

    fn read_value(&mut self, container: &str) -> Result<Token, JsonError> {
        match self.peek() {
            None => Err(self.end_between(container)),
            Some(b'{') => self.open(true),
            Some(b'[') => self.open(false),
            Some(b'}') => Err(self.unexpected("expected a value")),
            Some(b'"') => {
                let quote = self.position + 1;
                let text = self.read_string(": was expecting closing quote for a string value", "string value")?;
                self.reported = quote;
                Ok(Token::Text(text))
            }
            Some(b'-' | b'0'..=b'9') => self.read_number(),
            Some(_) => self.read_word(),
        }
    }

    fn read_word(&mut self) -> Result<Token, JsonError> {
        let rest = self.text.get(self.position..).unwrap_or_default();
        let is_word = |character: char| character.is_alphanumeric() || matches!(character, '_' | '$');
        if !rest.starts_with(|character: char| is_word(character) && !character.is_ascii_digit()) {
            return Err(self.unexpected(&format!("expected a valid value {LITERALS}")));
        }
        let word = rest.get(..rest.find(|character| !is_word(character)).unwrap_or(rest.len())).unwrap_or_default();
        let token = match word {
            "true" => Token::True,
            "false" => Token::False,
            "null" => Token::Null,
            _ => {
                let quoted = word.char_indices().nth(MAX_WORD).and_then(|(end, _)| word.get(..end));
                self.position += quoted.unwrap_or(word).len();
                let quoted: Cow<'_, str> = quoted.map_or(word.into(), |start| [start, "..."].concat().into());
                return Err(self.error(format!("Unrecognized token '{quoted}': was expecting {LITERALS}")));
            }
        };
        self.position += word.len();
        Ok(self.emit(token))
    }

    fn read_number(&mut self) -> Result<Token, JsonError> {
        let start = self.position;
        if self.peek() == Some(b'-') {
            self.position += 1;
        }
        match self.digits() {
            0 => return Err(self.unexpected_in_number("Expected digit (0-9) to follow minus sign, for valid numeric value")),
            count if count > 1 && self.text.as_bytes().get(self.position - count) == Some(&b'0') => {
                self.position -= count - 2;
                return Err(self.error("Invalid numeric value: Leading zeroes not allowed"));
            }
            _ => {}
        }
        if self.peek() == Some(b'.') {
            self.position += 1;
            if self.digits() == 0 {
                return Err(self.unexpected_in_number("Decimal point not followed by a digit"));
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.position += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.position += 1;
            }
            if self.digits() == 0 {
                return Err(self.unexpected_in_number("Exponent indicator not followed by a digit"));
            }
        }
        if self.open.is_empty() && self.peek().is_some_and(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
            return Err(self.unexpected("Expected space separating root-level values"));
        }
        let text = self.text.get(start..self.position).unwrap_or_default().to_owned();
        Ok(self.emit(Token::Number(text)))
    }

    fn digits(&mut self) -> usize {
        let start = self.position;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.position += 1;
        }
        self.position - start
    }

    /// A string, from quote to quote.
    fn read_string(&mut self, end_of_input: &str, what: &str) -> Result<String, JsonError> {
        let start = self.position;
        self.position += 1;
        loop {
            match self.peek() {
                None => {
                    self.position = self.text.len();
                    return Err(self.error(format!("Unexpected end-of-input{end_of_input}")));
                }
                Some(b'"') => break,
                Some(b'\\') => self.position += 2,
                Some(byte) if byte < 0x20 => {
                    let code = format!("(CTRL-CHAR, code {byte})");
                    return Err(
                        self.error(format!("Illegal unquoted character ({code}): has to be escaped using backslash to be included in {what}"))
                    );
                }
                Some(_) => self.position += 1,
            }
        }
        self.position += 1;
        let quoted = self.text.get(start..self.position).unwrap_or_default();
        serde_json::from_str(quoted).map_err(|_| self.error("Unrecognized character escape"))
    }

    fn end_between(&mut self, container: &str) -> JsonError {
        self.error(format!("Unexpected end-of-input within/between {container} entries"))
    }

    /// The location is that of the character.
    fn unexpected(&mut self, why: &str) -> JsonError {
        let character = self.character();
        self.error(format!("Unexpected character ({character}): {why}"))
    }

    fn unexpected_in_number(&mut self, why: &str) -> JsonError {
        match self.peek() {
            Some(_) => {
                let character = self.character();
                self.error(format!("Unexpected character ({character}) in numeric value: {why}"))
            }
            None => self.error("Unexpected end-of-input in a Number value"),
        }
    }

    fn character(&self) -> String {
        let Some(character) = self.text.get(self.position..).and_then(|rest| rest.chars().next()) else { return String::new() };
        match u32::from(character) {
            code if character.is_control() => format!("(CTRL-CHAR, code {code})"),
            code if code > 255 => format!("'{character}' (code {code} / 0x{code:x})"),
            code => format!("'{character}' (code {code})"),
        }
    }
}

/// A JSON object, or AWS's message for why the text is none.
pub fn object(text: &str) -> Result<serde_json::Map<String, serde_json::Value>, String> {
    normalized(text)?;
    match serde_json::Deserializer::from_str(text).into_iter().next() {
        Some(Ok(serde_json::Value::Object(map))) => Ok(map),
        // AWS: unverified message.
        _ => Err("failed to parse JSON. An object is expected".to_owned()),
    }
}

/// A container whose members are being read: as text, with the names of fields.
#[derive(Default)]
struct Level {
    field: Option<String>,
    members: Vec<(Option<String>, String)>,
}

impl Level {
    /// Of two equal names the last value counts, in the place of the first.
    fn add(&mut self, value: String) {
        let field = self.field.take();
        match self.members.iter_mut().find(|(known, _)| field.is_some() && *known == field) {
            Some((_, there)) => *there = value,
            None => self.members.push((field, value)),
        }
    }

    fn close(self, [open, close]: [&str; 2]) -> String {
        let members = self.members.iter().map(|(field, value)| match field {
            Some(name) => [&quoted(name), ":", value].concat(),
            None => value.clone(),
        });
        [open, &members.collect::<Vec<_>>().join(","), close].concat()
    }
}

/// The text as AWS writes it again once it has read it: without white space. An error is AWS's message, its location redacted.
pub fn normalized(text: &str) -> Result<String, String> {
    let mut tokens = Tokenizer::new(text, Source::Redacted);
    let mut levels = vec![Level::default()];
    loop {
        let token = tokens.next().map_err(|error| format!("failed to parse JSON. {}", error.0))?;
        let value = match token {
            Token::StartObject | Token::StartArray => {
                levels.push(Level::default());
                continue;
            }
            Token::Field(name) => {
                if let Some(level) = levels.last_mut() {
                    level.field = Some(name);
                }
                continue;
            }
            Token::EndObject => levels.pop().unwrap_or_default().close(["{", "}"]),
            Token::EndArray => levels.pop().unwrap_or_default().close(["[", "]"]),
            Token::Text(text) => quoted(&text),
            Token::Number(text) => number(&text),
            Token::True | Token::False | Token::Null => token.text().to_owned(),
            Token::End => return Err("failed to parse JSON. No content to map due to end-of-input".to_owned()),
        };
        match levels.as_mut_slice() {
            // What follows the first value is not read.
            [] | [_] => return Ok(value),
            [.., level] => level.add(value),
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A number as Java prints it: a whole number as it is, another as a double.
fn number(text: &str) -> String {
    if !text.contains(['.', 'e', 'E']) {
        return if text == "-0" { "0".to_owned() } else { text.to_owned() };
    }
    let value: f64 = text.parse().unwrap_or_default();
    if value == 0.0 || (1e-3..1e7).contains(&value.abs()) {
        return format!("{value:?}");
    }
    let shown = format!("{value:e}");
    let (digits, exponent) = shown.split_once('e').unwrap_or((&shown, "0"));
    format!("{digits}{}E{exponent}", if digits.contains('.') { "" } else { ".0" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const REDACTED: &str = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: ";

    #[test]
    fn what_is_no_json_is_described_as_jackson_does() {
        for (text, expected, location) in [
            ("invalid", &format!("Unrecognized token 'invalid': was expecting {LITERALS}")[..], "1, column: 8"),
            ("{invalid", "Unexpected character ('i' (code 105)): was expecting double-quote to start field name", "1, column: 2"),
            ("{'a': 1}", "Unexpected character (''' (code 39)): was expecting double-quote to start field name", "1, column: 2"),
            ("{\n \"a\" 1}", "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value", "2, column: 6"),
            ("[1 2]", "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries", "1, column: 4"),
            ("{\"a\":1,", "Unexpected end-of-input within/between Object entries", "1, column: 8"),
            ("{\"a\": }", "Unexpected character ('}' (code 125)): expected a value", "1, column: 7"),
            ("{\"a\": \"b", "Unexpected end-of-input: was expecting closing quote for a string value", "1, column: 9"),
            ("{\"a", "Unexpected end-of-input in field name", "1, column: 4"),
            (
                "[-x]",
                "Unexpected character ('x' (code 120)) in numeric value: Expected digit (0-9) to follow minus sign, for valid numeric value",
                "1, column: 3",
            ),
            ("[\u{20ac}]", &format!("Unexpected character ('€' (code 8364 / 0x20ac)): expected a valid value {LITERALS}"), "1, column: 2"),
        ] {
            assert_eq!(normalized(text).unwrap_err(), format!("failed to parse JSON. {expected}\n at {REDACTED}{location}]"), "{text}");
        }
        let (start, end) = (format!("{REDACTED}1, column: 2]"), format!("{REDACTED}1, column: 3]"));
        let expected = format!("failed to parse JSON. Unexpected close marker '}}': expected ']' (for Array starting at {start})\n at {end}");
        assert_eq!(normalized(" [}").unwrap_err(), expected);
        let expected = format!("failed to parse JSON. Unexpected end-of-input: expected close marker for Array (start marker at {start})\n at {end}");
        assert_eq!(normalized(" [").unwrap_err(), expected);
    }

    #[test]
    fn a_normalized_text_has_no_white_space_and_no_name_twice() {
        for (text, expected) in [
            ("{ \"b\" : [ 1 , true ] , \"a\" : { } }", r#"{"b":[1,true],"a":{}}"#),
            ("{\"a\":1,\"b\":2,\"a\":3}", r#"{"a":3,"b":2}"#),
            ("[1e3, 3.015e2, 0.50, 12345678.9, 1e-7, -0, 1e21]", "[1000.0,301.5,0.5,1.23456789E7,1.0E-7,0,1.0E21]"),
            ("{} }", "{}"),
            (r#"["\u0041\/\"\n"]"#, r#"["A/\"\n"]"#),
        ] {
            assert_eq!(normalized(text).unwrap(), expected, "{text}");
        }
        assert!(normalized(&"[".repeat(2_000)).unwrap_err().contains("nesting depth (1001)"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,60}") {
            let _ = normalized(&text);
        }

        #[test]
        fn nearly_json_is_read_or_refused(text in r#"(\{|\}|\[|\]|,|:|"a"|"|\\|-|0|1|\.|e|tru|true| ){0,25}"#) {
            let read = normalized(&text);
            if let Ok(written) = &read {
                prop_assert!(serde_json::from_str::<serde_json::Value>(written).is_ok(), "{:?}", text);
            }
            prop_assert!(read.is_ok() || serde_json::from_str::<serde_json::Value>(&text).is_err(), "{:?}", text);
        }
    }
}
