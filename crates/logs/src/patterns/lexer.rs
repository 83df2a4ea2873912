//! Reads the text of a pattern from left to right.

use super::InvalidPattern;

pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Lexer<'t> {
        Lexer { text, at: 0 }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest().is_empty()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn skip_spaces(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// Takes a text if it is next.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let is_next = self.rest().starts_with(text);
        if is_next {
            self.at += text.len();
        }
        is_next
    }

    /// Takes a word in capitals or not, if it is next and ends there.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let Some(next) = self.rest().get(..word.len()) else { return false };
        let ends = self.rest().get(word.len()..).and_then(|rest| rest.chars().next()).is_none_or(|c| !c.is_alphanumeric() && c != '_');
        let is_next = ends && next.eq_ignore_ascii_case(word);
        if is_next {
            self.at += word.len();
        }
        is_next
    }

    pub(super) fn take_while(&mut self, mut belongs: impl FnMut(char) -> bool) -> &'t str {
        let rest = self.rest();
        let length = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// What is between two quotes; a quote inside is escaped. The first quote is next.
    pub(super) fn quoted(&mut self, quote: char) -> Result<String, InvalidPattern> {
        let mut chars = self.rest().char_indices().skip(1);
        let mut text = String::new();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => match chars.next() {
                    Some((_, escaped)) if escaped == quote || escaped == '\\' => text.push(escaped),
                    Some((_, other)) => text.extend(['\\', other]),
                    None => break,
                },
                c if c == quote => {
                    self.at += at + c.len_utf8();
                    return Ok(text);
                }
                c => text.push(c),
            }
        }
        Err(InvalidPattern::new("Invalid filter pattern: a quotation mark is not closed"))
    }

    /// What is between two percent signs. The first is next.
    pub(super) fn regex(&mut self) -> Result<&'t str, InvalidPattern> {
        let inner = self.rest().get(1..).unwrap_or_default();
        let end = inner.find('%').ok_or_else(|| InvalidPattern::new("Invalid filter pattern: a percent sign is not closed"))?;
        self.at += end + 2;
        Ok(inner.get(..end).unwrap_or_default())
    }
}
