//! `Filter.N`: each names values of a resource, and one of them must match one of its own, with `*` and `?`.

use crate::{faults, state::At, state::FilterOf, tags::Tags};
use cloudlet_api_ec2::Filter;
use cloudlet_aws::Fault;

/// AWS's limit of filters and values together.
const MOST: usize = 200;

/// The filters of a request, whose names are known.
pub struct Filters<R: 'static>(Vec<(Selector<R>, Vec<Pattern>)>);

enum Selector<R: 'static> {
    Tag(String),
    TagKey,
    Value(fn(&R, &At<'_>) -> Vec<String>),
}

impl<R> Filters<R> {
    pub fn read(given: Option<Vec<Filter>>, known: &[FilterOf<R>]) -> Result<Filters<R>, Fault> {
        let given = given.unwrap_or_default();
        if given.iter().map(|filter| filter.values.as_ref().map_or(0, Vec::len)).sum::<usize>() > MOST {
            // AWS: unverified wording.
            return Err(faults::refuse("FilterLimitExceeded", "The maximum number of filter values specified on a single call is 200"));
        }
        let read = |filter: Filter| {
            let name = filter.name.unwrap_or_default();
            let selector = match name.strip_prefix("tag:") {
                Some(key) => Selector::Tag(key.to_owned()),
                None if name == "tag-key" => Selector::TagKey,
                None => match known.iter().find(|(known, _)| *known == name) {
                    Some((_, values)) => Selector::Value(*values),
                    None => return Err(faults::invalid_value(format!("The filter '{name}' is invalid"))),
                },
            };
            let patterns: Vec<Pattern> = filter.values.into_iter().flatten().map(|text| Pattern::of(&text)).collect();
            // AWS: unverified wording.
            if patterns.is_empty() { Err(faults::invalid_value(format!("The filter '{name}' needs a value"))) } else { Ok((selector, patterns)) }
        };
        given.into_iter().map(read).collect::<Result<Vec<_>, Fault>>().map(Filters)
    }

    /// Whether a resource passes all filters.
    pub fn pass(&self, row: &R, at: &At<'_>, tags: Option<&Tags>) -> bool {
        self.0.iter().all(|(selector, patterns)| {
            let any = |value: &str| patterns.iter().any(|pattern| pattern.matches(value));
            match selector {
                Selector::Tag(key) => tags.and_then(|tags| tags.get(key)).is_some_and(|value| any(value)),
                Selector::TagKey => tags.is_some_and(|tags| tags.keys().any(|key| any(key))),
                Selector::Value(values) => values(row, at).iter().any(|value| any(value)),
            }
        })
    }
}

/// Of one operation whose resources are no rows: regions, zones.
pub fn pass_plain(filters: Option<&Vec<Filter>>, values: impl Fn(&str) -> Option<Vec<String>>) -> Result<bool, Fault> {
    for filter in filters.into_iter().flatten() {
        let name = filter.name.as_deref().unwrap_or_default();
        let own = values(name).ok_or_else(|| faults::invalid_value(format!("The filter '{name}' is invalid")))?;
        if !filter.values.iter().flatten().any(|text| own.iter().any(|value| Pattern::of(text).matches(value))) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A value of a filter. Most have no star.
enum Pattern {
    Text(String),
    Wild(Vec<Token>),
}

#[derive(PartialEq)]
enum Token {
    Any,
    One,
    Is(char),
}

impl Pattern {
    /// A backslash takes the meaning from what follows.
    fn of(text: &str) -> Pattern {
        if !text.contains(['*', '?', '\\']) {
            return Pattern::Text(text.to_owned());
        }
        let (mut tokens, mut chars) = (Vec::new(), text.chars());
        while let Some(next) = chars.next() {
            tokens.push(match next {
                '*' => Token::Any,
                '?' => Token::One,
                '\\' => Token::Is(chars.next().unwrap_or('\\')),
                other => Token::Is(other),
            });
        }
        Pattern::Wild(tokens)
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Pattern::Text(pattern) => pattern == text,
            Pattern::Wild(pattern) => is_like(pattern, text),
        }
    }
}

#[cfg(test)]
/// Whether a text matches a pattern, in which `*` stands for any characters and `?` for one.
pub fn matches(pattern: &str, text: &str) -> bool {
    Pattern::of(pattern).matches(text)
}

/// In time proportional to the product of the lengths: only the last star is tried again.
fn is_like(pattern: &[Token], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut seen, mut star) = (0, 0, None);
    while let Some(found) = text.get(seen) {
        match pattern.get(at) {
            Some(Token::Any) => {
                star = Some((at, seen));
                at += 1;
            }
            Some(wanted) if *wanted == Token::One || *wanted == Token::Is(*found) => {
                at += 1;
                seen += 1;
            }
            _ => {
                let Some((after, from)) = star else { return false };
                star = Some((after, from + 1));
                at = after + 1;
                seen = from + 1;
            }
        }
    }
    pattern.iter().skip(at).all(|rest| *rest == Token::Any)
}
