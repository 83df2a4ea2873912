//! The text of a path to its steps.

use super::{Path, Root, Step, filter, functions::Function};
use serde_json::Value;
use std::fmt;

/// Longer paths are refused, so that a path cannot be deeper than the stack.
const LONGEST: usize = 4096;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathSyntaxError(pub String);

impl fmt::Display for PathSyntaxError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

fn wrong<T>(message: impl Into<String>) -> Result<T, PathSyntaxError> {
    Err(PathSyntaxError(message.into()))
}

pub(super) fn parse(text: &str) -> Result<Path, PathSyntaxError> {
    if text.len() > LONGEST {
        return wrong("The path is too long");
    }
    let mut reader = Reader::new(text);
    if !reader.take('$') {
        return wrong("Value is not a valid JSONPath");
    }
    let root = if reader.take('$') {
        Root::Context
    } else {
        let name = reader.while_some(|character| character.is_alphanumeric() || character == '_');
        if name.is_empty() { Root::Input } else { Root::Variable(name) }
    };
    let steps = steps(&mut reader, 0)?;
    if !reader.at_end() {
        return wrong(format!("Unexpected character at position {}", reader.position));
    }
    Ok(Path { text: text.to_owned(), root, steps })
}

/// The steps behind a root, up to the first character that cannot go on a path.
pub(super) fn steps(reader: &mut Reader, depth: usize) -> Result<Vec<Step>, PathSyntaxError> {
    let mut steps = Vec::new();
    loop {
        match reader.peek() {
            Some('.') => {
                reader.advance();
                if reader.take('.') {
                    steps.push(Step::Descend);
                    if reader.peek() == Some('[') {
                        continue;
                    }
                }
                steps.push(dotted(reader)?);
            }
            Some('[') => {
                reader.advance();
                steps.push(bracketed(reader, depth)?);
            }
            _ => break,
        }
    }
    let functions = steps.iter().rev().skip(1).any(|step| matches!(step, Step::Function(..)));
    if functions || matches!(steps.last(), Some(Step::Descend)) {
        return wrong("Path must not end with a '.' or '..', and a function must be its last part");
    }
    Ok(steps)
}

fn dotted(reader: &mut Reader) -> Result<Step, PathSyntaxError> {
    if reader.take('*') {
        return Ok(Step::Wildcard);
    }
    let name = reader.while_some(|character| {
        !matches!(character, '.' | '[' | ']' | '(' | ')' | ' ' | ',' | '=' | '!' | '<' | '>' | '&' | '|' | '\'' | '"' | '*' | '?' | '@' | '~')
    });
    if name.is_empty() {
        return wrong(format!("Path must not end with a '.' or '..' at position {}", reader.position));
    }
    if !reader.take('(') {
        return Ok(Step::Fields(vec![name]));
    }
    let Some(function) = Function::named(&name) else {
        return wrong(format!("Function with name: {name} does not exist."));
    };
    let mut arguments = Vec::new();
    reader.spaces();
    while !reader.take(')') {
        arguments.push(literal(reader)?);
        reader.spaces();
        if !reader.take(',') && reader.peek() != Some(')') {
            return wrong("Arguments to function are not closed");
        }
        reader.spaces();
    }
    Ok(Step::Function(function, arguments))
}

fn bracketed(reader: &mut Reader, depth: usize) -> Result<Step, PathSyntaxError> {
    reader.spaces();
    let step = match reader.peek() {
        Some('*') => {
            reader.advance();
            Step::Wildcard
        }
        Some('?') => {
            reader.advance();
            reader.spaces();
            Step::Filter(filter::parse(reader, depth)?)
        }
        Some('\'' | '"') => {
            let mut names = Vec::new();
            loop {
                reader.spaces();
                names.push(quoted(reader)?);
                reader.spaces();
                if !reader.take(',') {
                    break Step::Fields(names);
                }
            }
        }
        _ => indexes(reader)?,
    };
    reader.spaces();
    if reader.take(']') { Ok(step) } else { wrong(format!("Could not parse token starting at position {}", reader.position)) }
}

fn indexes(reader: &mut Reader) -> Result<Step, PathSyntaxError> {
    let text = reader.while_some(|character| character.is_ascii_digit() || matches!(character, '-' | ',' | ':' | ' '));
    let number = |text: &str| text.trim().parse::<i64>().map_err(|_| PathSyntaxError(format!("Failed to parse array index: [{text}]")));
    if let Some((from, to)) = text.split_once(':') {
        let bound = |text: &str| if text.trim().is_empty() { Ok(None) } else { number(text).map(Some) };
        return Ok(Step::Slice(bound(from)?, bound(to)?));
    }
    Ok(Step::Indexes(text.split(',').map(number).collect::<Result<_, _>>()?))
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
