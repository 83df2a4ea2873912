//! `allowedPattern`: a regular expression of Java, which a whole value must satisfy.

use fancy_regex::{Regex, RegexBuilder};

const MOST_MEMORY: usize = 16 << 20;
const MOST_TRIES: usize = 100_000;
const LONGEST: usize = 4_096;

#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

/// Java's `\w`, `\d` and `\s` are of ASCII.
fn ascii(text: &str) -> String {
    let (mut out, mut escaped) = (String::with_capacity(text.len()), false);
    for character in text.chars() {
        match (escaped, character) {
            (true, 'w') => out.push_str("[0-9A-Za-z_]"),
            (true, 'd') => out.push_str("[0-9]"),
            (true, 's') => out.push_str(r"[ \t\n\x0B\x0C\r]"),
            (true, other) => out.extend(['\\', other]),
            (false, '\\') => {}
            (false, other) => out.push(other),
        }
        escaped = !escaped && character == '\\';
    }
    if escaped { out + "\\" } else { out }
}

impl Pattern {
    pub fn parse(text: &str) -> Option<Pattern> {
        if text.len() > LONGEST {
            return None;
        }
        let whole = format!(r"\A(?:{})\z", ascii(text));
        let built =
            RegexBuilder::new(&whole).delegate_size_limit(MOST_MEMORY).delegate_dfa_size_limit(MOST_MEMORY).backtrack_limit(MOST_TRIES).build();
        built.ok().map(|regex| Pattern { text: text.to_owned(), regex })
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Past the limit of tries a value does not match.
    pub fn matches(&self, value: &str) -> bool {
        self.regex.is_match(value).unwrap_or(false)
    }
}
