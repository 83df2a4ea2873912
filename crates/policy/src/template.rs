//! Texts of a policy that may hold wildcards and variables: `home/${aws:username}/*`.
//! The value of a variable is never a wildcard.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>

use crate::Keys;
use crate::wildcard::{Pattern, Symbol, Symbols, matches};

/// Whether `*` and `?` are wildcards in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wildcards {
    Live,
    Literal,
}

/// Whether `${…}` is a variable: not in documents of version 2008-10-17.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variables {
    Live,
    Literal,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Template {
    Fixed(Pattern),
    Variable(Box<[Piece]>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    Text(Box<str>),
    /// `?`
    One,
    /// `*`
    Many,
    Variable {
        key: Box<str>,
        default: Option<Box<str>>,
    },
}

impl Template {
    pub fn parse(text: &str, wildcards: Wildcards, variables: Variables) -> Template {
        let pieces = pieces(text, wildcards, variables);
        let mut symbols: Vec<Symbol> = Vec::with_capacity(text.len());
        for piece in &pieces {
            match piece {
                Piece::Text(text) => symbols.extend(text.chars().map(Symbol::Char)),
                Piece::One => symbols.push(Symbol::One),
                Piece::Many => symbols.push(Symbol::Many),
                Piece::Variable { .. } => return Template::Variable(pieces.into()),
            }
        }
        Template::Fixed(Pattern::of(symbols))
    }

    pub fn matches(&self, subject: &str, keys: &Keys) -> bool {
        match self {
            Template::Fixed(pattern) => pattern.matches(subject),
            Template::Variable(pieces) => pieces_match(pieces, subject, keys),
        }
    }

    /// As `matches`, without regard to case.
    pub fn matches_ignoring_case(&self, subject: &str, keys: &Keys) -> bool {
        let same = |text: &str| text.eq_ignore_ascii_case(subject) || lower(text).eq(lower(subject));
        match self {
            Template::Fixed(Pattern::Exact(text)) => same(text),
            Template::Fixed(_) => false,
            // Lower case may be of another length, but not of a wholly other one.
            Template::Variable(pieces) => resolve(pieces, keys, 4 * subject.len() + 16).is_some_and(|symbols| {
                let text: String = symbols.iter().filter_map(|symbol| if let Symbol::Char(c) = symbol { Some(*c) } else { None }).collect();
                same(&text)
            }),
        }
    }

    /// The text with its values, for the operators that read a short word.
    pub fn resolved(&self, keys: &Keys) -> Option<String> {
        let text = |symbols: &[Symbol]| {
            symbols
                .iter()
                .map(|symbol| match symbol {
                    Symbol::Char(c) => *c,
                    Symbol::One => '?',
                    Symbol::Many => '*',
                })
                .collect()
        };
        match self {
            Template::Fixed(Pattern::Exact(text)) => Some(text.to_string()),
            Template::Fixed(_) => None,
            Template::Variable(pieces) => resolve(pieces, keys, 64).map(|symbols| text(&symbols)),
        }
    }

    /// The keys that the variables read.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let pieces: &[Piece] = match self {
            Template::Fixed(_) => &[],
            Template::Variable(pieces) => pieces,
        };
        pieces.iter().filter_map(|piece| if let Piece::Variable { key, .. } = piece { Some(&**key) } else { None })
    }
}

fn lower(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}

/// Piece by piece up to the first `*`, which mostly is the last piece; the rest is matched in the general way.
fn pieces_match(pieces: &[Piece], subject: &str, keys: &Keys) -> bool {
    let mut rest = subject;
    for (at, piece) in pieces.iter().enumerate() {
        let behind = match piece {
            Piece::Text(text) => rest.strip_prefix(&**text),
            Piece::Variable { key, default } => value(key, default.as_deref(), keys).and_then(|text| rest.strip_prefix(text)),
            Piece::One => rest.chars().next().and_then(|c| rest.get(c.len_utf8()..)),
            Piece::Many => {
                let tail = pieces.get(at..).unwrap_or_default();
                return tail.len() == 1 || resolve(tail, keys, rest.len()).is_some_and(|symbols| matches(&symbols, rest));
            }
        };
        match behind {
            Some(behind) => rest = behind,
            None => return false,
        }
    }
    rest.is_empty()
}

/// A variable without a value, or with several, has no text: what holds it matches nothing.
/// AWS: "Policy variables with no value" on the page above.
fn value<'a>(key: &str, default: Option<&'a str>, keys: &'a Keys) -> Option<&'a str> {
    match keys.get(key) {
        Some([value]) => Some(value),
        None | Some([]) => default,
        Some(_) => None,
    }
}

/// The pieces with their values. `longest`: more characters than these could match nothing anyway, so that many variables
/// with long values cost no more than a subject is long.
fn resolve(pieces: &[Piece], keys: &Keys, longest: usize) -> Option<Symbols> {
    let mut symbols = Symbols::new();
    for piece in pieces {
        // Stars are as many as the policy has; only the others use up the subject.
        if symbols.len() > longest && symbols.iter().filter(|symbol| **symbol != Symbol::Many).count() > longest {
            return None;
        }
        match piece {
            Piece::Text(text) => symbols.extend(text.chars().map(Symbol::Char)),
            Piece::One => symbols.push(Symbol::One),
            Piece::Many => symbols.push(Symbol::Many),
            Piece::Variable { key, default } => symbols.extend(value(key, default.as_deref(), keys)?.chars().map(Symbol::Char)),
        }
    }
    Some(symbols)
}

fn pieces(text: &str, wildcards: Wildcards, variables: Variables) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (piece, behind) = match (variables, wildcards, c) {
            (Variables::Live, _, '$') => variable(rest).unzip(),
            (_, Wildcards::Live, '*') => (Some(Piece::Many), None),
            (_, Wildcards::Live, '?') => (Some(Piece::One), None),
            _ => (None, None),
        };
        rest = behind.or_else(|| rest.get(c.len_utf8()..)).unwrap_or_default();
        match piece {
            None => plain.push(c),
            Some(Piece::Text(text)) => plain.push_str(&text),
            Some(piece) => {
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain).into()));
                }
                pieces.push(piece);
            }
        }
    }
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain.into()));
    }
    pieces
}

/// `${key}`, `${key, 'default'}`, or one of the three escapes `${*}`, `${?}`, `${$}`.
fn variable(text: &str) -> Option<(Piece, &str)> {
    let (inner, behind) = text.strip_prefix("${")?.split_once('}')?;
    let piece = match inner {
        "*" | "?" | "$" => Piece::Text(inner.into()),
        _ => {
            let (key, default) = match inner.split_once(',') {
                Some((key, default)) => (key.trim(), Some(default.trim().strip_prefix('\'')?.strip_suffix('\'')?.into())),
                None => (inner.trim(), None),
            };
            if key.is_empty() || key.contains("${") {
                return None;
            }
            Piece::Variable { key: key.into(), default }
        }
    };
    Some((piece, behind))
}

/// Splits at colons that are not inside of a variable, into at most six parts.
pub(crate) fn arn_parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::with_capacity(6);
    let (mut start, mut depth) = (0, 0usize);
    for (at, c) in text.char_indices() {
        match c {
            '{' if text.get(..at).is_some_and(|before| before.ends_with('$')) => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ':' if depth == 0 && parts.len() < 5 => {
                parts.push(text.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
}

#[cfg(test)]
mod tests;
