//! Terms: all that are required, none that are excluded, and one of the optional ones.

use super::{InvalidPattern, lexer::Lexer, values::regex};
use memchr::memmem::Finder;
use regex::Regex;

#[derive(Debug)]
enum Term {
    Text(Box<Finder<'static>>),
    Regex(Regex),
}

impl Term {
    #[inline]
    fn is_in(&self, message: &str) -> bool {
        match self {
            Term::Text(finder) => finder.find(message.as_bytes()).is_some(),
            Term::Regex(regex) => regex.is_match(message),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Terms {
    required: Vec<Term>,
    excluded: Vec<Term>,
    optional: Vec<Term>,
}

impl Terms {
    pub(super) fn parse(text: &str) -> Result<Terms, InvalidPattern> {
        let mut lexer = Lexer::new(text);
        let mut terms = Terms::default();
        loop {
            lexer.skip_spaces();
            let Some(first) = lexer.peek() else { break };
            let list = match first {
                '?' => {
                    lexer.take("?");
                    &mut terms.optional
                }
                '-' => {
                    lexer.take("-");
                    &mut terms.excluded
                }
                _ => &mut terms.required,
            };
            list.push(term(&mut lexer)?);
        }
        // AWS: beside other terms, those with a question mark are ignored.
        if !terms.required.is_empty() || !terms.excluded.is_empty() {
            terms.optional.clear();
        }
        Ok(terms)
    }

    #[inline]
    pub(super) fn matches(&self, message: &str) -> bool {
        self.required.iter().all(|term| term.is_in(message))
            && !self.excluded.iter().any(|term| term.is_in(message))
            && (self.optional.is_empty() || self.optional.iter().any(|term| term.is_in(message)))
    }

    pub(super) fn regexes(&self) -> usize {
        let all = self.required.iter().chain(&self.excluded).chain(&self.optional);
        all.filter(|term| matches!(term, Term::Regex(_))).count()
    }
}

fn term(lexer: &mut Lexer<'_>) -> Result<Term, InvalidPattern> {
    match lexer.peek() {
        Some('"') => {
            let phrase = lexer.quoted('"')?;
            Ok(Term::Text(Box::new(Finder::new(&phrase).into_owned())))
        }
        Some('%') => Ok(Term::Regex(regex(lexer.regex()?)?)),
        _ => {
            let word = lexer.take_while(|c| !c.is_whitespace());
            // AWS: other characters must be in quotes.
            match word.chars().all(|c| c.is_alphanumeric() || c == '_') && !word.is_empty() {
                true => Ok(Term::Text(Box::new(Finder::new(word).into_owned()))),
                false => Err(InvalidPattern::new(format!("Invalid character(s) in term '{word}'"))),
            }
        }
    }
}
