//! Texts of a policy that may hold wildcards and variables: `home/${aws:username}/*`.
//! What a variable brings is never a wildcard.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>

use crate::Keys;
use crate::wildcard::{Glyph, Glyphs, Pattern, matches};

/// Whether `*` and `?` mean something in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wildcards {
    Live,
    Literal,
}

/// Whether `${…}` means something: not in documents of version 2008-10-17.
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
    Glyph(Glyph),
    Variable { key: Box<str>, default: Option<Box<str>> },
}

impl Template {
    pub fn parse(text: &str, wildcards: Wildcards, variables: Variables) -> Template {
        let pieces = pieces(text, wildcards, variables);
        let glyphs: Option<Vec<Glyph>> = pieces.iter().map(|piece| if let Piece::Glyph(glyph) = piece { Some(*glyph) } else { None }).collect();
        match glyphs {
            Some(glyphs) => Template::Fixed(Pattern::of(glyphs)),
            None => Template::Variable(pieces.into()),
        }
    }

    pub fn matches(&self, subject: &str, keys: &Keys) -> bool {
        match self {
            Template::Fixed(pattern) => pattern.matches(subject),
            Template::Variable(pieces) => resolve(pieces, keys).is_some_and(|glyphs| matches(&glyphs, subject)),
        }
    }

    /// As `matches`, without regard to case.
    pub fn matches_ignoring_case(&self, subject: &str, keys: &Keys) -> bool {
        let same = |text: &str| text.eq_ignore_ascii_case(subject) || lower(text).eq(lower(subject));
        match self {
            Template::Fixed(Pattern::Exact(text)) => same(text),
            Template::Fixed(_) => false,
            Template::Variable(pieces) => resolve(pieces, keys).is_some_and(|glyphs| {
                let text: String = glyphs.iter().filter_map(|glyph| if let Glyph::Char(c) = glyph { Some(*c) } else { None }).collect();
                same(&text)
            }),
        }
    }

    /// The text when nothing is variable in it, for the operators that read more than text.
    pub fn resolved(&self, keys: &Keys) -> Option<String> {
        let text = |glyphs: &[Glyph]| {
            glyphs
                .iter()
                .map(|glyph| match glyph {
                    Glyph::Char(c) => *c,
                    Glyph::One => '?',
                    Glyph::Many => '*',
                })
                .collect()
        };
        match self {
            Template::Fixed(Pattern::Exact(text)) => Some(text.to_string()),
            Template::Fixed(_) => None,
            Template::Variable(pieces) => resolve(pieces, keys).map(|glyphs| text(&glyphs)),
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

/// A variable without a value, or with several, has no text: what holds it matches nothing.
/// AWS: "Policy variables with no value" on the page above.
fn resolve(pieces: &[Piece], keys: &Keys) -> Option<Glyphs> {
    let mut glyphs = Glyphs::new();
    for piece in pieces {
        match piece {
            Piece::Glyph(glyph) => glyphs.push(*glyph),
            Piece::Variable { key, default } => {
                let text = match keys.get(key) {
                    Some([value]) => value,
                    None | Some([]) => default.as_deref()?,
                    Some(_) => return None,
                };
                glyphs.extend(text.chars().map(Glyph::Char));
            }
        }
    }
    Some(glyphs)
}

fn pieces(text: &str, wildcards: Wildcards, variables: Variables) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if variables == Variables::Live
            && let Some((piece, behind)) = variable(rest)
        {
            pieces.push(piece);
            rest = behind;
            continue;
        }
        pieces.push(Piece::Glyph(if wildcards == Wildcards::Live { Glyph::wild(c) } else { Glyph::Char(c) }));
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    pieces
}

/// `${key}`, `${key, 'default'}`, or one of the three escapes `${*}`, `${?}`, `${$}`.
fn variable(text: &str) -> Option<(Piece, &str)> {
    let (inner, behind) = text.strip_prefix("${")?.split_once('}')?;
    let piece = match inner {
        "*" | "?" | "$" => Piece::Glyph(Glyph::Char(inner.chars().next()?)),
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
