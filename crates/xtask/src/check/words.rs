//! Plain words: the terms of the field instead of the metaphors this project once used. The table is in crates/README.md.
//!
//! Three rules, since most of the old words are ordinary English as well. `ANYWHERE` must not occur at all, also not as a part of an
//! identifier. `PHRASES` must not occur at all. `NAMES` may be used in a sentence, but nothing in Rust code may be called so.

use super::{findings::outcome, tokens, tracked};
use crate::project::Outcome;
use std::{collections::BTreeMap, path::Path};

/// Words that the project has no use for, each with what to write instead.
const ANYWHERE: &[(&str, &str)] = &[
    ("agenda", "scheduler"),
    ("agendas", "scheduler"),
    ("bury", "dead-letter"),
    ("buries", "dead-letters"),
    ("buried", "dead-lettered"),
    ("courier", "HTTP client"),
    ("couriers", "HTTP client"),
    ("desk", "its term"),
    ("desks", "its term"),
    ("door", "gateway, or dispatcher"),
    ("doors", "gateway, or dispatcher"),
    ("grave", "dead-letter queue"),
    ("graves", "dead-letter queues"),
    ("house", "server, or test cloud"),
    ("houses", "server, or test cloud"),
    ("keeper", "backend"),
    ("keepers", "backend"),
    ("paper", "public file"),
    ("papers", "public files"),
    ("road", "request pipeline"),
    ("roads", "request pipeline"),
    ("rooms", "admin API, or modules"),
    ("seat", "its term"),
    ("seats", "its term"),
    ("seated", "its term"),
    ("shelf", "store map"),
    ("shelved", "in a store map"),
    ("shelves", "store maps"),
    ("storey", "layer"),
    ("storeys", "layers"),
    ("stranger", "anonymous caller, other account, or other user"),
    ("strangers", "anonymous callers, other accounts, or other users"),
    ("traveller", "request"),
    ("travellers", "requests"),
];

const PHRASES: &[(&str, &str)] = &[
    ("the world", "what is meant: the network, everybody, the file system"),
    ("front door", "gateway"),
    ("inner door", "internal dispatch"),
    ("whoever asks", "the caller"),
    ("who asks", "the caller"),
];

/// Names that say nothing: nothing is called so but local variables.
const NAMES: &[&str] = &[
    "Agenda",
    "Also",
    "Arrival",
    "Ask",
    "Asks",
    "Attempt",
    "Bell",
    "Beyond",
    "Books",
    "Broken",
    "Circumstances",
    "Decided",
    "Ear",
    "Extra",
    "Extras",
    "Fit",
    "Fresh",
    "Front",
    "Glyph",
    "Inside",
    "Kept",
    "Ledger",
    "Letter",
    "Letters",
    "Life",
    "Logged",
    "Lost",
    "Manners",
    "Odd",
    "Outside",
    "Place",
    "Room",
    "Speech",
    "Spelling",
    "Standing",
    "Thing",
    "Told",
    "Treatment",
    "Twin",
    "Visit",
    "Visitor",
    "Voice",
    "Want",
    "Wanted",
    "Written",
    "asks",
    "hang",
    "inter",
    "kept",
    "later",
    "letter",
    "letters",
    "stands_at",
];

/// Files that are not written by the project, or that list the words.
const EXEMPT: &[&str] = &["crates/api/", "LICENSE", "NOTICE", "crates/xtask/src/check/words.rs", "fuzz/seeds/"];
const EXEMPT_ENDINGS: &[&str] = &["Cargo.lock", "package-lock.json", ".jsonl", ".tsv"];

pub fn check(root: &Path) -> Outcome {
    let anywhere: BTreeMap<&str, &str> = ANYWHERE.iter().copied().collect();
    let mut found = Vec::new();
    for (path, text) in tracked::files(root)? {
        if EXEMPT.iter().any(|start| path.starts_with(start)) || EXEMPT_ENDINGS.iter().any(|end| path.ends_with(end)) {
            continue;
        }
        let mut lines = words(&path, &anywhere).map(|found| format!("{path}: its path has {found}")).collect::<Vec<_>>();
        lines.extend(findings(&path, &text, &anywhere));
        found.extend(lines);
    }
    outcome(&found, "plain words are missing (crates/xtask/src/check/words.rs says why):")
}

fn findings(path: &str, text: &str, anywhere: &BTreeMap<&str, &str>) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let number = number + 1;
        found.extend(words(line, anywhere).map(|word| format!("{path}:{number}: {word}")));
        let line = line.to_lowercase();
        let phrases = PHRASES.iter().filter(|(phrase, _)| line.match_indices(phrase).any(|(at, _)| whole(&line, at, phrase.len())));
        found.extend(phrases.map(|(phrase, instead)| format!("{path}:{number}: “{phrase}”: write {instead}")));
    }
    if path.ends_with(".rs") {
        let tokens = tokens::of(text);
        for (at, token) in tokens.iter().enumerate() {
            if NAMES.contains(&token.text) && defines(&tokens, at) {
                found.push(format!("{path}:{}: `{}` is no name: say what it is", token.line, token.text));
            }
        }
    }
    found
}

/// The words of a line that must not be anywhere. Identifiers are taken apart: `frontDoor`, `FrontDoor` and `FRONT_DOOR` have two words.
fn words<'a>(line: &'a str, anywhere: &'a BTreeMap<&str, &str>) -> impl Iterator<Item = String> + 'a {
    let runs = line.split(|c: char| !c.is_ascii_alphabetic());
    runs.flat_map(humps)
        .filter_map(|word| anywhere.get_key_value(word.to_ascii_lowercase().as_str()).map(|(word, instead)| (*word, *instead)))
        .map(|(word, instead)| format!("“{word}”: write {instead}"))
}

/// The parts of an identifier in camel case; a run of capitals is one.
fn humps(run: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut small) = (0, false);
    for (at, c) in run.char_indices() {
        if c.is_ascii_uppercase() && small {
            parts.push(run.get(start..at).unwrap_or(""));
            start = at;
        }
        small = c.is_ascii_lowercase();
    }
    parts.push(run.get(start..).unwrap_or(""));
    parts
}

fn whole(line: &str, at: usize, length: usize) -> bool {
    let inside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    !inside(line.get(..at).and_then(|before| before.chars().next_back())) && !inside(line.get(at + length..).and_then(|rest| rest.chars().next()))
}

/// Whether the identifier is being defined: after a keyword that defines, or before one colon (a field, a parameter).
fn defines(tokens: &[tokens::Token<'_>], at: usize) -> bool {
    let text = |at: Option<usize>| at.and_then(|at| tokens.get(at)).map_or("", |token| token.text);
    let before = at.checked_sub(1);
    let keyword = ["struct", "enum", "trait", "type", "union", "fn", "mod", "const", "static"].contains(&text(before));
    keyword || (text(Some(at + 1)) == ":" && text(Some(at + 2)) != ":" && text(before) != ":")
}

#[cfg(test)]
mod tests {
    use super::{ANYWHERE, findings};

    fn count(path: &str, text: &str) -> usize {
        findings(path, text, &ANYWHERE.iter().copied().collect()).len()
    }

    #[test]
    fn a_word_is_found_in_text_and_in_identifiers() {
        assert_eq!(count("README.md", "The front door."), 2);
        assert_eq!(count("README.md", "Behind doors, a Stranger."), 2);
        assert_eq!(count("a.rs", "let inner_door = TheHouse::of(x);"), 2);
        assert_eq!(count("a.rs", "// warehouse, indoors, gravel, interface"), 0);
        assert_eq!(count("a.py", "def hello(): return 'world'"), 0);
    }

    #[test]
    fn ordinary_words_are_no_names() {
        assert_eq!(count("a.rs", "struct Letter { kept: bool }"), 2);
        assert_eq!(count("a.rs", "/// A letter that is kept for later.\nlet dead_letter = Letter::new();"), 0);
        assert_eq!(count("a.rs", "fn f(letter: char) { let later = 1; self.asks() }"), 1);
        assert_eq!(count("a.rs", "match a { Self::Lost => letters::of(x) }"), 0);
    }
}
