//! `Filter.N`: each names values of a resource, and one of them must match one of its own, with `*` and `?`.

use crate::{faults, state::At, state::FilterOf, tags::Tags};
use cloudlet_api_ec2::{Filter, Tag};
use cloudlet_aws::Fault;

/// AWS's limit of filters and values together.
const MOST: usize = 200;

/// A filter that a request has. Without values it lets nothing through, as AWS has it.
/// <https://github.com/getmoto/moto/pull/8570>
struct GivenFilter {
    name: String,
    patterns: Vec<Pattern>,
}

fn wanted(given: Option<Vec<Filter>>) -> Result<Vec<GivenFilter>, Fault> {
    let given = given.unwrap_or_default();
    if given.iter().map(|filter| filter.values.as_ref().map_or(0, Vec::len)).sum::<usize>() > MOST {
        // AWS: unverified wording.
        return Err(faults::refuse("FilterLimitExceeded", "The maximum number of filter values specified on a single call is 200"));
    }
    let read = |filter: Filter| {
        let patterns = filter.values.iter().flatten().map(|text| Pattern::of(text)).collect();
        let name = filter.name.filter(|name| !name.is_empty()).ok_or_else(|| unknown("null"))?;
        Ok(GivenFilter { name, patterns })
    };
    given.into_iter().map(read).collect()
}

fn unknown(name: &str) -> Fault {
    faults::invalid_value(format!("The filter '{name}' is invalid"))
}

/// The filters of a request, whose names are known.
pub struct Filters<R: 'static>(Vec<(Selector<R>, Vec<Pattern>)>);

enum Selector<R: 'static> {
    Tag(String),
    TagKey,
    Value(fn(&R, &At<'_>) -> Vec<String>),
}

impl<R> Filters<R> {
    pub fn read(given: Option<Vec<Filter>>, known: &[FilterOf<R>]) -> Result<Filters<R>, Fault> {
        let selected = |GivenFilter { name, patterns }| {
            let selector = match name.strip_prefix("tag:") {
                Some(key) => Selector::Tag(key.to_owned()),
                None if name == "tag-key" => Selector::TagKey,
                None => {
                    let (_, values) = known.iter().find(|(known, _)| *known == name).ok_or_else(|| unknown(&name))?;
                    Selector::Value(*values)
                }
            };
            Ok((selector, patterns))
        };
        wanted(given)?.into_iter().map(selected).collect::<Result<_, Fault>>().map(Filters)
    }

    /// Whether every resource passes: nothing has to be looked up.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
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

/// The filters of an operation whose resources are no rows: they look at what is shown. `None`: there is no filter of this name.
pub struct ShownFilters<S> {
    wanted: Vec<GivenFilter>,
    values: ValuesOf<S>,
}

pub type ValuesOf<S> = fn(&S, &str) -> Option<Vec<String>>;

impl<S: Default> ShownFilters<S> {
    pub fn read(given: Option<Vec<Filter>>, values: ValuesOf<S>) -> Result<ShownFilters<S>, Fault> {
        let (wanted, nothing) = (wanted(given)?, S::default());
        match wanted.iter().find(|filter| values(&nothing, &filter.name).is_none()) {
            Some(filter) => Err(unknown(&filter.name)),
            None => Ok(ShownFilters { wanted, values }),
        }
    }

    pub fn pass(&self, shown: &S) -> bool {
        self.wanted.iter().all(|filter| {
            let values = (self.values)(shown, &filter.name).unwrap_or_default();
            values.iter().any(|value| filter.patterns.iter().any(|pattern| pattern.matches(value)))
        })
    }
}

/// What the filters `tag:…` and `tag-key` look at.
pub fn of_tags(tags: Option<&Vec<Tag>>, filter: &str) -> Option<Vec<String>> {
    let tags = tags.into_iter().flatten();
    match filter.strip_prefix("tag:") {
        Some(key) => Some(tags.filter(|tag| tag.key.as_deref() == Some(key)).filter_map(|tag| tag.value.clone()).collect()),
        None => (filter == "tag-key").then(|| tags.filter_map(|tag| tag.key.clone()).collect()),
    }
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
