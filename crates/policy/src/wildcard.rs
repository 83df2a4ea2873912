//! Matching with `*` (any run of characters) and `?` (one character). No regular expressions, and no input for which the
//! work explodes: a greedy pass decides nearly everything, and hands over to a bit-parallel automaton when it has tried
//! too often.

use smallvec::SmallVec;
use std::collections::HashMap;

/// One place of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Glyph {
    Char(char),
    /// `?`
    One,
    /// `*`
    Many,
}

pub(crate) type Glyphs = SmallVec<[Glyph; 96]>;

/// Whether a text fits a pattern in which `*` and `?` are wildcards.
pub fn fits(pattern: &str, text: &str) -> bool {
    Pattern::parse(pattern).matches(text)
}

/// A pattern, sorted by how cheaply it can be answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Pattern {
    Any,
    Exact(Box<str>),
    Prefix(Box<str>),
    Suffix(Box<str>),
    General(Box<[Glyph]>),
}

impl Pattern {
    /// A text in which `*` and `?` are wildcards.
    pub fn parse(text: &str) -> Pattern {
        Pattern::of(text.chars().map(Glyph::wild))
    }

    pub fn of(glyphs: impl IntoIterator<Item = Glyph>) -> Pattern {
        let mut glyphs: Vec<Glyph> = glyphs.into_iter().collect();
        glyphs.dedup_by(|a, b| *a == Glyph::Many && *b == Glyph::Many);
        let fixed = |part: &[Glyph]| -> Option<Box<str>> {
            part.iter().map(|glyph| if let Glyph::Char(c) = glyph { Some(*c) } else { None }).collect::<Option<String>>().map(Into::into)
        };
        match glyphs.as_slice() {
            [Glyph::Many] => return Pattern::Any,
            [head @ .., Glyph::Many] => {
                if let Some(prefix) = fixed(head) {
                    return Pattern::Prefix(prefix);
                }
            }
            [Glyph::Many, tail @ ..] => {
                if let Some(suffix) = fixed(tail) {
                    return Pattern::Suffix(suffix);
                }
            }
            all => {
                if let Some(text) = fixed(all) {
                    return Pattern::Exact(text);
                }
            }
        }
        Pattern::General(glyphs.into())
    }

    pub fn matches(&self, subject: &str) -> bool {
        match self {
            Pattern::Any => true,
            Pattern::Exact(text) => **text == *subject,
            Pattern::Prefix(text) => subject.starts_with(&**text),
            Pattern::Suffix(text) => subject.ends_with(&**text),
            Pattern::General(glyphs) => matches(glyphs, subject),
        }
    }
}

impl Glyph {
    pub fn wild(c: char) -> Glyph {
        match c {
            '*' => Glyph::Many,
            '?' => Glyph::One,
            c => Glyph::Char(c),
        }
    }
}

/// Whether the whole subject is covered by the pattern.
pub(crate) fn matches(pattern: &[Glyph], subject: &str) -> bool {
    // Enough for a pattern that looks ahead a few times at every character; what needs more gets the automaton.
    let patience = 8 * (pattern.len() + subject.len()) + 64;
    greedy(pattern, subject, patience).unwrap_or_else(|| parallel(pattern, subject))
}

/// Takes `*` as short as possible, and one longer whenever that fails. `None`: out of patience.
fn greedy(pattern: &[Glyph], subject: &str, patience: usize) -> Option<bool> {
    let (mut at, mut rest) = (0, subject);
    // Where to go on when the current try fails: behind the last `*`, one character further.
    let mut retry: Option<(usize, &str)> = None;
    let mut steps = 0;
    loop {
        steps += 1;
        if steps > patience {
            return None;
        }
        let next = rest.chars().next();
        let step = match (pattern.get(at), next) {
            (Some(Glyph::Many), _) => {
                retry = Some((at + 1, rest));
                at += 1;
                continue;
            }
            (None, None) => return Some(true),
            (Some(Glyph::One), Some(c)) => Some(c),
            (Some(Glyph::Char(wanted)), Some(c)) if *wanted == c => Some(c),
            _ => None,
        };
        match (step, retry) {
            (Some(c), _) => {
                at += 1;
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
            }
            (None, Some((behind, from))) => {
                let Some(skipped) = from.chars().next() else { return Some(false) };
                rest = from.get(skipped.len_utf8()..).unwrap_or_default();
                retry = Some((behind, rest));
                at = behind;
            }
            (None, None) => return Some(false),
        }
    }
}

/// All states of the pattern at once, 64 to a word: characters times pattern length over 64, whatever the input.
fn parallel(pattern: &[Glyph], subject: &str) -> bool {
    // State n: the first n consuming glyphs have matched. A `*` before glyph n lets state n stay.
    let consuming: Vec<Glyph> = pattern.iter().copied().filter(|glyph| *glyph != Glyph::Many).collect();
    let words = consuming.len() / 64 + 1;
    let set = |bits: &mut [u64], n: usize| {
        if let Some(word) = bits.get_mut(n / 64) {
            *word |= 1 << (n % 64);
        }
    };
    let mut stays = vec![0u64; words];
    let mut n = 0;
    for glyph in pattern {
        if *glyph == Glyph::Many { set(&mut stays, n) } else { n += 1 }
    }
    let mut takes: HashMap<char, Vec<u64>> = HashMap::new();
    let mut takes_any = vec![0u64; words];
    for (n, glyph) in consuming.iter().enumerate() {
        match glyph {
            Glyph::Char(c) => set(takes.entry(*c).or_insert_with(|| vec![0; words]), n),
            _ => set(&mut takes_any, n),
        }
    }
    let mut now = vec![0u64; words];
    set(&mut now, 0);
    for c in subject.chars() {
        let own = takes.get(&c);
        let mut carry = 0;
        for (word, state) in now.iter_mut().enumerate() {
            let may = own.and_then(|bits| bits.get(word)).copied().unwrap_or(0) | takes_any.get(word).copied().unwrap_or(0);
            let moved = *state & may;
            let stayed = *state & stays.get(word).copied().unwrap_or(0);
            *state = (moved << 1) | carry | stayed;
            carry = moved >> 63;
        }
    }
    let end = consuming.len();
    now.get(end / 64).is_some_and(|word| word & (1 << (end % 64)) != 0)
}

#[cfg(test)]
mod tests;
