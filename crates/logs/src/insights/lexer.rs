//! The words and signs of a query.

use super::QueryError;

#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// A field, a function or a keyword.
    Word(String),
    /// A field in backticks.
    Field(String),
    Text(String),
    Regex(String),
    Number(f64),
    /// `5m`, in milliseconds.
    Duration(i64),
    Sign(&'static str),
}

#[derive(Clone, Debug)]
pub struct Lexed {
    pub token: Token,
    pub start: usize,
    pub end: usize,
}

/// The longer ones first.
const SIGNS: [&str; 19] = ["!=", "<=", ">=", "=~", "=", "<", ">", "(", ")", "[", "]", ",", "|", "+", "*", "/", "%", "^", "-"];

const UNITS: [(&str, i64); 28] = [
    ("ms", 1),
    ("msec", 1),
    ("msecs", 1),
    ("millisecond", 1),
    ("milliseconds", 1),
    ("s", 1_000),
    ("sec", 1_000),
    ("secs", 1_000),
    ("second", 1_000),
    ("seconds", 1_000),
    ("m", 60_000),
    ("min", 60_000),
    ("mins", 60_000),
    ("minute", 60_000),
    ("minutes", 60_000),
    ("h", 3_600_000),
    ("hr", 3_600_000),
    ("hrs", 3_600_000),
    ("hour", 3_600_000),
    ("hours", 3_600_000),
    ("d", 86_400_000),
    ("day", 86_400_000),
    ("days", 86_400_000),
    ("w", 7 * 86_400_000),
    ("week", 7 * 86_400_000),
    ("weeks", 7 * 86_400_000),
    // Months and years are not of one length; bins of them are.
    ("mo", 30 * 86_400_000),
    ("y", 365 * 86_400_000),
];

fn malformed(message: impl Into<String>, start: usize, end: usize) -> QueryError {
    QueryError::Malformed { message: message.into(), start, end }
}

/// Whether a slash begins a regular expression: after a word or a value it divides.
fn divides(last: Option<&Token>) -> bool {
    match last {
        Some(Token::Word(word)) => !["like", "parse", "and", "or", "not", "filter"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword)),
        Some(Token::Field(_) | Token::Number(_) | Token::Duration(_) | Token::Sign(")" | "]")) => true,
        _ => false,
    }
}

pub fn lex(text: &str) -> Result<Vec<Lexed>, QueryError> {
    let mut tokens: Vec<Lexed> = Vec::new();
    let mut at = 0;
    // `parse FIELD /…/`: a regular expression after a field.
    let mut in_parse = false;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(first) = rest.chars().next() else { break };
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        if first == '#' {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        let (token, length) = match first {
            '"' | '\'' => quoted(rest, first).ok_or_else(|| malformed("a quotation mark is not closed", at, text.len()))?,
            '`' => {
                let end = rest.get(1..).and_then(|inner| inner.find('`')).ok_or_else(|| malformed("a backtick is not closed", at, text.len()))?;
                (Token::Field(rest.get(1..=end).unwrap_or_default().to_owned()), end + 2)
            }
            '/' if in_parse || !divides(tokens.last().map(|lexed| &lexed.token)) => {
                regex(rest).ok_or_else(|| malformed("a regular expression is not closed", at, text.len()))?
            }
            c if c.is_ascii_digit() => number(rest),
            c if c.is_alphabetic() || c == '_' || c == '@' => {
                let belongs = |c: char| c.is_alphanumeric() || "_@.$".contains(c);
                let length = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
                (Token::Word(rest.get(..length).unwrap_or_default().to_owned()), length)
            }
            _ => {
                let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
                let sign = sign.ok_or_else(|| malformed(format!("unexpected symbol found {first}"), at, at + first.len_utf8()))?;
                (Token::Sign(sign), sign.len())
            }
        };
        match &token {
            Token::Sign("|") => in_parse = false,
            Token::Word(word) if tokens.last().is_none_or(|last| last.token == Token::Sign("|")) => in_parse = word.eq_ignore_ascii_case("parse"),
            _ => {}
        }
        tokens.push(Lexed { token, start: at, end: at + length });
        at += length;
    }
    Ok(tokens)
}

fn quoted(rest: &str, quote: char) -> Option<(Token, usize)> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => match chars.next()? {
                (_, c) if c == quote || c == '\\' => text.push(c),
                (_, 'n') => text.push('\n'),
                (_, 't') => text.push('\t'),
                (_, other) => text.extend(['\\', other]),
            },
            c if c == quote => return Some((Token::Text(text), at + 1)),
            c => text.push(c),
        }
    }
    None
}

fn regex(rest: &str) -> Option<(Token, usize)> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => match chars.next()? {
                (_, '/') => text.push('/'),
                (_, other) => text.extend(['\\', other]),
            },
            '/' => return Some((Token::Regex(text), at + 1)),
            c => text.push(c),
        }
    }
    None
}

fn number(rest: &str) -> (Token, usize) {
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let fraction = rest.get(digits..).filter(|rest| rest.starts_with('.')).map_or(0, |rest| {
        let digits = rest.get(1..).map_or(0, |rest| rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
        if digits == 0 { 0 } else { digits + 1 }
    });
    let length = digits + fraction;
    let value: f64 = rest.get(..length).and_then(|text| text.parse().ok()).unwrap_or(0.0);
    let after = rest.get(length..).unwrap_or_default();
    let unit = after.get(..after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len())).unwrap_or_default();
    match UNITS.iter().find(|(name, _)| *name == unit) {
        #[expect(clippy::cast_possible_truncation, reason = "a conversion of floats saturates")]
        Some((_, millis)) => (Token::Duration((value * *millis as f64) as i64), length + unit.len()),
        None => (Token::Number(value), length),
    }
}
