//! The grammar of a call: a name behind `States.`, and literals, paths and calls as arguments.

use super::call::{Argument, Function, Intrinsic};
use crate::jsonpath::Path;
use serde_json::{Number, Value};

/// AWS: up to ten calls within each other.
const DEEPEST: usize = 10;
const LONGEST: usize = 65_536;

impl Intrinsic {
    /// Reads a call. The error says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Intrinsic, String> {
        if text.len() > LONGEST {
            return Err("The intrinsic function is too long".to_owned());
        }
        let mut reader = Reader { text, position: 0 };
        let call = call(&mut reader, 1)?;
        reader.spaces();
        if reader.position != text.len() {
            return Err(format!("Unexpected text behind the intrinsic function: {}", reader.rest()));
        }
        Ok(call)
    }
}

struct Reader<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        if found {
            self.position += expected.len_utf8();
        }
        found
    }

    fn spaces(&mut self) {
        self.position += self.rest().len() - self.rest().trim_start().len();
    }

    fn while_some(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|character| !wanted(character)).unwrap_or(rest.len());
        self.position += end;
        rest.get(..end).unwrap_or_default()
    }
}

fn call(reader: &mut Reader<'_>, depth: usize) -> Result<Intrinsic, String> {
    if depth > DEEPEST {
        return Err("Intrinsic functions are nested too deeply".to_owned());
    }
    let start = reader.position;
    let name = reader.while_some(|character| character.is_ascii_alphanumeric() || character == '.');
    let function = name.strip_prefix("States.").and_then(Function::named);
    let function = function.ok_or_else(|| format!("Unknown intrinsic function: {name}"))?;
    reader.spaces();
    if !reader.take('(') {
        return Err(format!("Expected ( behind {name}"));
    }
    let mut arguments = Vec::new();
    reader.spaces();
    if !reader.take(')') {
        loop {
            reader.spaces();
            arguments.push(argument(reader, depth)?);
            reader.spaces();
            if reader.take(')') {
                break;
            }
            if !reader.take(',') {
                return Err(format!("Expected , or ) in {name}"));
            }
        }
    }
    let (fewest, most) = function.arity();
    if !(fewest..=most).contains(&arguments.len()) {
        return Err(format!("Invalid number of arguments for {name}"));
    }
    let numbers = matches!(function, Function::MathAdd | Function::MathRandom | Function::ArrayRange);
    if numbers && arguments.iter().any(|argument| matches!(argument, Argument::Literal(value) if !value.is_number())) {
        return Err(format!("The arguments of {name} must be numbers"));
    }
    let text = reader.text.get(start..reader.position).unwrap_or_default().to_owned();
    Ok(Intrinsic { text, function, arguments })
}

fn argument(reader: &mut Reader<'_>, depth: usize) -> Result<Argument, String> {
    match reader.peek() {
        Some('\'') => quoted(reader).map(|text| Argument::Literal(Value::String(text))),
        Some('$') => {
            let text = path_text(reader);
            Path::parse(text).map(Argument::Path).map_err(|error| error.0)
        }
        Some('S') => call(reader, depth + 1).map(Argument::Call),
        _ => {
            let word = reader.while_some(|character| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '+'));
            match word {
                "true" => Ok(Argument::Literal(Value::Bool(true))),
                "false" => Ok(Argument::Literal(Value::Bool(false))),
                "null" => Ok(Argument::Literal(Value::Null)),
                number => {
                    number.parse::<Number>().map(|number| Argument::Literal(Value::Number(number))).map_err(|_| format!("Invalid argument: {word}"))
                }
            }
        }
    }
}

/// A string in single quotes. `\'` and `\\` are escapes; `\{` and `\}` stay for Format to read.
fn quoted(reader: &mut Reader<'_>) -> Result<String, String> {
    reader.take('\'');
    let mut out = String::new();
    let mut characters = reader.rest().char_indices();
    while let Some((offset, character)) = characters.next() {
        match character {
            '\'' => {
                reader.position += offset + 1;
                return Ok(out);
            }
            '\\' => match characters.next() {
                Some((_, '\'')) => out.push('\''),
                Some((_, escaped @ ('\\' | '{' | '}'))) => out.extend(['\\', escaped]),
                Some((_, other)) => out.extend(['\\', other]),
                None => break,
            },
            other => out.push(other),
        }
    }
    Err("A string is not closed".to_owned())
}

/// The text of a path: up to a comma, a parenthesis or a space that is not inside its own brackets.
fn path_text<'a>(reader: &mut Reader<'a>) -> &'a str {
    let rest = reader.rest();
    let (mut brackets, mut parentheses) = (0_usize, 0_usize);
    let mut quote = None;
    let mut end = rest.len();
    for (offset, character) in rest.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') if brackets > 0 => quote = Some(character),
            (None, '[') => brackets += 1,
            (None, ']') => brackets = brackets.saturating_sub(1),
            (None, '(') => parentheses += 1,
            (None, ')') if parentheses > 0 => parentheses -= 1,
            (None, ')' | ',' | ' ' | '\n' | '\t' | '\r') if brackets == 0 && parentheses == 0 => {
                end = offset;
                break;
            }
            _ => {}
        }
    }
    reader.position += end;
    rest.get(..end).unwrap_or_default()
}
