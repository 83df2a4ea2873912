//! What a field or a property is compared with.

use super::{InvalidPattern, lexer::Lexer};
use regex::{Regex, RegexBuilder};

/// How large a compiled regular expression may be, in bytes.
const REGEX_BYTES: usize = 1 << 20;

/// AWS: letters, digits, a few symbols and operators; no parentheses.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/regex-expressions.html>
pub(super) fn regex(text: &str) -> Result<Regex, InvalidPattern> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || ":_#=@/;,-^$?[]{}|\\*+.".contains(c);
    if text.is_empty() || !text.chars().all(is_allowed) {
        return Err(InvalidPattern::new("Invalid filter pattern: unsupported character in a regular expression"));
    }
    let built = RegexBuilder::new(text).size_limit(REGEX_BYTES).dfa_size_limit(REGEX_BYTES).build();
    built.map_err(|_| InvalidPattern::new("Invalid filter pattern: invalid regular expression"))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    pub(super) fn read(lexer: &mut Lexer<'_>) -> Option<Comparison> {
        // The longer ones first.
        let signs = [
            ("!=", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("=", Comparison::Equal),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        signs.into_iter().find(|(sign, _)| lexer.take(sign)).map(|(_, comparison)| comparison)
    }
}

#[derive(Debug)]
pub(super) enum Operand {
    Number {
        value: f64,
        text: String,
    },
    /// Its parts between asterisks.
    Text(Vec<String>),
    Regex(Regex),
}

impl Operand {
    pub(super) fn read(lexer: &mut Lexer<'_>, ends: &str) -> Result<Operand, InvalidPattern> {
        lexer.skip_spaces();
        match lexer.peek() {
            Some('"') => Ok(Operand::text(&lexer.quoted('"')?)),
            Some('%') => Ok(Operand::Regex(regex(lexer.regex()?)?)),
            _ => {
                let word = lexer.take_while(|c| !c.is_whitespace() && !ends.contains(c));
                if word.is_empty() {
                    return Err(InvalidPattern::new("Invalid filter pattern: a value is missing"));
                }
                let is_number = word.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
                match word.parse::<f64>().ok().filter(|value| is_number && value.is_finite()) {
                    Some(value) => Ok(Operand::Number { value, text: word.to_owned() }),
                    None => Ok(Operand::text(word)),
                }
            }
        }
    }

    fn text(text: &str) -> Operand {
        Operand::Text(text.split('*').map(str::to_owned).collect())
    }

    /// What a field is as a number, where that counts.
    pub(super) fn number_of(&self, field: &str) -> Option<f64> {
        match self {
            Operand::Number { .. } if field.starts_with(|first: char| first.is_ascii_digit() || "+-.infINF".contains(first)) => field.parse().ok(),
            Operand::Number { .. } | Operand::Text(_) | Operand::Regex(_) => None,
        }
    }

    /// The longest text that every text that equals it has in it.
    pub(super) fn needle(&self) -> Option<&str> {
        match self {
            Operand::Text(parts) => parts.iter().map(String::as_str).max_by_key(|part| part.len()),
            Operand::Number { .. } | Operand::Regex(_) => None,
        }
    }

    pub(super) fn is_regex(&self) -> bool {
        matches!(self, Operand::Regex(_))
    }

    fn equals(&self, text: &str, number: Option<f64>) -> bool {
        match self {
            Operand::Number { value, text: written } => number.map_or(text == written, |number| number == *value),
            Operand::Text(parts) => is_like(parts, text),
            Operand::Regex(regex) => regex.is_match(text),
        }
    }

    /// Whether a value, which is a number where it reads as one, compares so.
    pub(super) fn holds(&self, comparison: Comparison, text: &str, number: Option<f64>) -> bool {
        let ordered = |decide: fn(&f64, &f64) -> bool| match (self, number) {
            (Operand::Number { value, .. }, Some(number)) => decide(&number, value),
            _ => false,
        };
        match comparison {
            Comparison::Equal => self.equals(text, number),
            Comparison::NotEqual => !self.equals(text, number),
            Comparison::Less => ordered(f64::lt),
            Comparison::LessOrEqual => ordered(f64::le),
            Comparison::Greater => ordered(f64::gt),
            Comparison::GreaterOrEqual => ordered(f64::ge),
        }
    }
}

/// Whether a text is these parts with anything between them.
fn is_like(parts: &[String], text: &str) -> bool {
    let [first, middle @ .., last] = parts else { return parts.first().is_some_and(|only| only == text) };
    let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
    for part in middle {
        let Some(at) = memchr::memmem::find(rest.as_bytes(), part.as_bytes()) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.len() >= last.len() && rest.ends_with(last.as_str())
}
