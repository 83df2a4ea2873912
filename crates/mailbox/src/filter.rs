//! Which pieces a reader wants.

use crate::piece::{Channel, Mail, Number};

/// Selects mail.
#[derive(Clone, Debug, Default)]
pub struct MailFilter {
    pub to: Option<String>,
    pub channel: Option<Channel>,
    pub service: Option<String>,
    /// In the subject, the body, the sender or a recipient; without case.
    pub search: Option<String>,
    /// Only what came in before this one.
    pub before: Option<Number>,
}

impl MailFilter {
    /// What is looked for in a piece whose number and recipients are right.
    pub(crate) fn selector(&self) -> Selector<'_> {
        Selector { filter: self, search: self.search.as_deref().map(Search::new) }
    }
}

pub(crate) struct Selector<'a> {
    filter: &'a MailFilter,
    search: Option<Search>,
}

impl Selector<'_> {
    pub fn fits(&self, mail: &Mail) -> bool {
        self.filter.channel.is_none_or(|channel| channel == mail.channel)
            && self.filter.service.as_ref().is_none_or(|service| *service == mail.service)
            && self.search.as_ref().is_none_or(|search| search.finds(mail))
    }
}

/// A text without case.
struct Search {
    lower: String,
    /// Its first byte in both cases, if all of it is ASCII.
    first: Option<(u8, u8)>,
}

impl Search {
    fn new(text: &str) -> Search {
        let lower = text.to_lowercase();
        let first = lower.bytes().next().filter(|_| lower.is_ascii()).map(|byte| (byte, byte.to_ascii_uppercase()));
        Search { lower, first }
    }

    fn finds(&self, mail: &Mail) -> bool {
        mail.subject.as_deref().is_some_and(|subject| self.is_in(subject))
            || self.is_in(&mail.body)
            || mail.html.as_deref().is_some_and(|html| self.is_in(html))
            || self.is_in(&mail.from)
            || mail.to.iter().any(|to| self.is_in(to))
    }

    /// Most texts are ASCII, and looked through as they are.
    fn is_in(&self, text: &str) -> bool {
        if self.lower.is_empty() {
            return true;
        }
        if !text.is_ascii() {
            return text.to_lowercase().contains(&self.lower);
        }
        let (Some((lower, upper)), text) = (self.first, text.as_bytes()) else { return false };
        let begins = |at: usize| text.get(at..at + self.lower.len()).is_some_and(|found| found.eq_ignore_ascii_case(self.lower.as_bytes()));
        memchr::memchr2_iter(lower, upper, text).any(begins)
    }
}

#[cfg(test)]
mod tests {
    use super::Search;

    #[test]
    fn a_text_is_found_without_case_in_every_script() {
        for (search, text) in [("", ""), ("HeLLo", "say hello"), ("ö", "GRÖSSE"), ("k", "a \u{212a}elvin"), ("END", "the end"), ("aab", "aaab")] {
            assert!(Search::new(search).is_in(text), "{search} in {text}");
        }
        for (search, text) in [("hello", "hell"), ("ö", "plain"), ("endless", "the end"), ("x", "")] {
            assert!(!Search::new(search).is_in(text), "{search} in {text}");
        }
    }
}
