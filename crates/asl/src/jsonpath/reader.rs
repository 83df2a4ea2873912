//! Reads the text of a path character by character.

use serde_json::Value;
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathSyntaxError(pub String);

impl fmt::Display for PathSyntaxError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

pub(super) fn wrong<T>(message: impl Into<String>) -> Result<T, PathSyntaxError> {
    Err(PathSyntaxError(message.into()))
}

/// A string in single or double quotes, with backslash escapes.
pub(super) fn quoted(reader: &mut Reader) -> Result<String, PathSyntaxError> {
    let Some(quote @ ('\'' | '"')) = reader.peek() else { return wrong("Property must be in quotes") };
    reader.advance();
    let mut out = String::new();
    loop {
        match reader.next() {
            None => return wrong("Property has not been closed - missing closing quote"),
            Some('\\') => match reader.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some(character) => out.push(character),
                None => return wrong("Property has not been closed - missing closing quote"),
            },
            Some(character) if character == quote => return Ok(out),
            Some(character) => out.push(character),
        }
    }
}

/// A number, string, boolean, null or array of them.
pub(super) fn literal(reader: &mut Reader) -> Result<Value, PathSyntaxError> {
    match reader.peek() {
        Some('\'' | '"') => quoted(reader).map(Value::String),
        Some('[') => {
            reader.advance();
            let mut items = Vec::new();
            reader.spaces();
            while !reader.take(']') {
                if reader.peek() == Some('[') {
                    return wrong("Nested arrays are not supported in a filter");
                }
                items.push(literal(reader)?);
                reader.spaces();
                if !reader.take(',') && reader.peek() != Some(']') {
                    return wrong("Expected a list of values");
                }
                reader.spaces();
            }
            Ok(Value::Array(items))
        }
        _ => {
            let word = reader.while_some(|character| character.is_ascii_alphanumeric() || matches!(character, '-' | '+' | '.'));
            serde_json::from_str(&word).map_err(|_| PathSyntaxError(format!("Could not parse value at position {}", reader.position)))
        }
    }
}

pub(super) struct Reader {
    characters: Vec<char>,
    pub position: usize,
}

impl Reader {
    pub fn new(text: &str) -> Reader {
        Reader { characters: text.chars().collect(), position: 0 }
    }

    pub fn peek(&self) -> Option<char> {
        self.characters.get(self.position).copied()
    }

    pub fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.position += usize::from(next.is_some());
        next
    }

    pub fn advance(&mut self) {
        self.next();
    }

    pub fn at_end(&self) -> bool {
        self.peek().is_none()
    }

    pub fn take(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        self.position += usize::from(found);
        found
    }

    pub fn take_text(&mut self, expected: &str) -> bool {
        let found = expected.chars().enumerate().all(|(offset, character)| self.characters.get(self.position + offset) == Some(&character));
        if found {
            self.position += expected.chars().count();
        }
        found
    }

    pub fn spaces(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.position += 1;
        }
    }

    pub fn while_some(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let mut out = String::new();
        while let Some(character) = self.peek().filter(|character| wanted(*character)) {
            out.push(character);
            self.position += 1;
        }
        out
    }
}
