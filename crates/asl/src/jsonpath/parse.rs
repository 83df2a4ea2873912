//! The text of a path to its steps.

use super::{
    path::{Function, Path, Root, Step},
    reader::{PathSyntaxError, Reader, literal, quoted, wrong},
};

/// Longer paths are refused, so that a path cannot be deeper than the stack.
const LONGEST: usize = 4096;

impl Path {
    pub fn parse(text: &str) -> Result<Path, PathSyntaxError> {
        if text.len() > LONGEST {
            return wrong("The path is too long");
        }
        // As Jayway does.
        let mut reader = Reader::new(text.trim());
        if !reader.take('$') {
            return wrong("Value is not a valid JSONPath");
        }
        let root = if reader.take('$') {
            Root::Context
        } else {
            let name = reader.while_some(|character| character.is_alphanumeric() || character == '_');
            if name.is_empty() { Root::Input } else { Root::Variable(name) }
        };
        let steps = reader.steps(0)?;
        if !reader.at_end() {
            return wrong(format!("Unexpected character at position {}", reader.position));
        }
        Ok(Path { text: text.to_owned(), root, steps })
    }
}

impl Reader {
    /// The steps behind a root, up to the first character that cannot go on a path.
    pub fn steps(&mut self, depth: usize) -> Result<Vec<Step>, PathSyntaxError> {
        let mut steps = Vec::new();
        loop {
            match self.peek() {
                Some('.') => {
                    self.advance();
                    if self.take('.') {
                        steps.push(Step::Descend);
                    }
                    // Jayway takes `$.[0]` and `$..[0]` alike.
                    if self.peek() == Some('[') {
                        continue;
                    }
                    steps.push(dotted(self)?);
                }
                Some('[') => {
                    self.advance();
                    steps.push(bracketed(self, depth)?);
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
            Step::Filter(reader.filter(depth)?)
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
