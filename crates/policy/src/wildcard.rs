//! Matching with `*` (any run of characters) and `?` (one character), in bounded time: a greedy pass decides nearly everything, and a
//! bit-parallel automaton takes over after too many retries.

use smallvec::SmallVec;
use std::collections::HashMap;

/// One element of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Symbol {
    Char(char),
    /// `?`
    One,
    /// `*`
    Many,
}

pub(crate) type Symbols = SmallVec<[Symbol; 96]>;

/// Whether a text matches a pattern in which `*` and `?` are wildcards.
pub fn fits(pattern: &str, text: &str) -> bool {
    Pattern::parse(pattern).matches(text)
}

/// A pattern, classified by the cheapest way to match it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Pattern {
    Any,
    Exact(Box<str>),
    Prefix(Box<str>),
    Suffix(Box<str>),
    General(Box<[Symbol]>),
}

impl Pattern {
    /// A text in which `*` and `?` are wildcards.
    pub fn parse(text: &str) -> Pattern {
        Pattern::of(text.chars().map(Symbol::wild))
    }

    pub fn of(symbols: impl IntoIterator<Item = Symbol>) -> Pattern {
        let mut symbols: Vec<Symbol> = symbols.into_iter().collect();
        symbols.dedup_by(|a, b| *a == Symbol::Many && *b == Symbol::Many);
        let fixed = |part: &[Symbol]| -> Option<Box<str>> {
            part.iter().map(|symbol| if let Symbol::Char(c) = symbol { Some(*c) } else { None }).collect::<Option<String>>().map(Into::into)
        };
        match symbols.as_slice() {
            [Symbol::Many] => return Pattern::Any,
            [head @ .., Symbol::Many] => {
                if let Some(prefix) = fixed(head) {
                    return Pattern::Prefix(prefix);
                }
            }
            [Symbol::Many, tail @ ..] => {
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
        Pattern::General(symbols.into())
    }

    pub fn matches(&self, subject: &str) -> bool {
        match self {
            Pattern::Any => true,
            Pattern::Exact(text) => **text == *subject,
            Pattern::Prefix(text) => subject.starts_with(&**text),
            Pattern::Suffix(text) => subject.ends_with(&**text),
            Pattern::General(symbols) => matches(symbols, subject),
        }
    }
}

impl Symbol {
    pub fn wild(c: char) -> Symbol {
        match c {
            '*' => Symbol::Many,
            '?' => Symbol::One,
            c => Symbol::Char(c),
        }
    }
}

/// Whether the whole subject is covered by the pattern.
pub(crate) fn matches(pattern: &[Symbol], subject: &str) -> bool {
    // Enough for a few retries at every character; patterns that need more get the automaton.
    let limit = 8 * (pattern.len() + subject.len()) + 64;
    greedy(pattern, subject, limit).unwrap_or_else(|| parallel(pattern, subject))
}

/// Takes `*` as short as possible, and one longer whenever that fails. `None`: too many steps.
fn greedy(pattern: &[Symbol], subject: &str, limit: usize) -> Option<bool> {
    let (mut at, mut rest) = (0, subject);
    // Where to continue when the current attempt fails: after the last `*`, one character further.
    let mut retry: Option<(usize, &str)> = None;
    let mut steps = 0;
    loop {
        steps += 1;
        if steps > limit {
            return None;
        }
        let next = rest.chars().next();
        let step = match (pattern.get(at), next) {
            (Some(Symbol::Many), _) => {
                retry = Some((at + 1, rest));
                at += 1;
                continue;
            }
            (None, None) => return Some(true),
            (Some(Symbol::One), Some(c)) => Some(c),
            (Some(Symbol::Char(wanted)), Some(c)) if *wanted == c => Some(c),
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
fn parallel(pattern: &[Symbol], subject: &str) -> bool {
    // State n: the first n consuming symbols have matched. A `*` before symbol n lets state n stay.
    let consuming: Vec<Symbol> = pattern.iter().copied().filter(|symbol| *symbol != Symbol::Many).collect();
    let words = consuming.len() / 64 + 1;
    let set = |bits: &mut [u64], n: usize| {
        if let Some(word) = bits.get_mut(n / 64) {
            *word |= 1 << (n % 64);
        }
    };
    let mut stays = vec![0u64; words];
    let mut n = 0;
    for symbol in pattern {
        if *symbol == Symbol::Many { set(&mut stays, n) } else { n += 1 }
    }
    let mut takes: HashMap<char, Vec<u64>> = HashMap::new();
    let mut takes_any = vec![0u64; words];
    for (n, symbol) in consuming.iter().enumerate() {
        match symbol {
            Symbol::Char(c) => set(takes.entry(*c).or_insert_with(|| vec![0; words]), n),
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
