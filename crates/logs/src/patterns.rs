//! Filter patterns: terms, regular expressions, space-delimited events, JSON. A pattern is parsed once and then asked about many messages.
//! Deliberately no I/O, no clock, and nothing of groups or streams.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html>

mod columns;
mod json;
mod lexer;
mod terms;
#[cfg(test)]
mod tests;
mod values;

use columns::Columns;
use json::JsonPattern;
use std::collections::BTreeMap;
use terms::Terms;

/// Regular expressions in a pattern of space-delimited events or JSON.
const MOST_REGEXES: usize = 2;

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidPattern(pub String);

impl InvalidPattern {
    fn new(why: impl Into<String>) -> InvalidPattern {
        InvalidPattern(why.into())
    }
}

#[derive(Debug)]
pub struct Pattern(Kind);

#[derive(Debug)]
enum Kind {
    Everything,
    Terms(Terms),
    Columns(Columns),
    Json(JsonPattern),
}

impl Pattern {
    pub fn parse(text: &str) -> Result<Pattern, InvalidPattern> {
        let trimmed = text.trim();
        let kind = match trimmed.as_bytes() {
            [] => Kind::Everything,
            [b'{', ..] => Kind::Json(JsonPattern::parse(trimmed)?),
            [b'[', ..] => Kind::Columns(Columns::parse(trimmed)?),
            _ => Kind::Terms(Terms::parse(trimmed)?),
        };
        let pattern = Pattern(kind);
        if !matches!(pattern.0, Kind::Terms(_)) && pattern.regexes() > MOST_REGEXES {
            return Err(InvalidPattern::new(format!("Invalid filter pattern: there may be at most {MOST_REGEXES} regular expressions")));
        }
        Ok(pattern)
    }

    #[inline]
    pub fn matches(&self, message: &str) -> bool {
        match &self.0 {
            Kind::Everything => true,
            Kind::Terms(terms) => terms.matches(message),
            Kind::Columns(columns) => columns.matches(message),
            Kind::Json(json) => json.matches(message),
        }
    }

    /// What it finds in a message, by name: fields of space-delimited events (`$ip`), properties (`$.a`). `None`: it does not match.
    pub fn extract(&self, message: &str) -> Option<BTreeMap<String, String>> {
        match &self.0 {
            Kind::Columns(columns) => columns.extract(message),
            Kind::Json(json) => json.extract(message),
            Kind::Everything | Kind::Terms(_) => self.matches(message).then(BTreeMap::new),
        }
    }

    /// How many regular expressions it has.
    pub fn regexes(&self) -> usize {
        match &self.0 {
            Kind::Everything => 0,
            Kind::Terms(terms) => terms.regexes(),
            Kind::Columns(columns) => columns.regexes(),
            Kind::Json(json) => json.regexes(),
        }
    }
}
