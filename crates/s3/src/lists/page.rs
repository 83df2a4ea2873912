//! One page of a listing over an ordered table, of objects or of multipart uploads. It seeks to the start of the page, and past all
//! keys that a common prefix stands for.

use crate::{
    faults,
    state::{BucketTables, Object, Version, VersionKey},
};
use cloudlet_aws::Fault;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::{iter, ops::Bound, sync::Arc};

/// The parameters of a listing.
#[derive(Clone, Copy, Debug)]
pub struct ListQuery<'a> {
    pub prefix: &'a str,
    pub delimiter: Option<&'a str>,
    /// The page starts after this key. AWS: a common prefix that is not greater is left out too (recorded).
    pub after: &'a str,
    /// The maximum of rows and common prefixes together.
    pub limit: usize,
}

#[derive(Debug)]
pub struct Page<T> {
    pub rows: Vec<T>,
    pub prefixes: Vec<String>,
    pub truncated: bool,
    /// The last key or common prefix of the page: the next page starts after it.
    pub last: Option<String>,
}

/// Where to seek for the next rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Position {
    /// To the start of the page.
    Start,
    /// To the first key that is this or greater.
    At(String),
}

impl ListQuery<'_> {
    /// The bound of the first key of the page.
    pub fn start(&self) -> Bound<&str> {
        if self.after.is_empty() || self.after < self.prefix { Bound::Included(self.prefix) } else { Bound::Excluded(self.after) }
    }
}

/// Collects one page. `seek` returns the rows in order from a position on.
pub fn list_page<T, I: Iterator<Item = T>>(query: &ListQuery<'_>, seek: impl Fn(&Position) -> I, key_of: impl Fn(&T) -> &str) -> Page<T> {
    let mut page = Page { rows: Vec::new(), prefixes: Vec::new(), truncated: false, last: None };
    if query.limit == 0 {
        return page;
    }
    let mut position = Position::Start;
    'seek: loop {
        for row in seek(&position) {
            let key = key_of(&row);
            if !key.starts_with(query.prefix) {
                break 'seek;
            }
            let common = common_prefix(query, key);
            let seen = common.is_some_and(|common| common <= query.after);
            if !seen && page.rows.len().saturating_add(page.prefixes.len()) == query.limit {
                page.truncated = true;
                break 'seek;
            }
            let Some(common) = common else {
                page.rows.push(row);
                continue;
            };
            if !seen {
                page.prefixes.push(common.to_owned());
            }
            match successor(common) {
                Some(next) => position = Position::At(next),
                None => break 'seek,
            }
            continue 'seek;
        }
        break;
    }
    page.last = match (page.rows.last().map(key_of), page.prefixes.last()) {
        (Some(row), Some(prefix)) => Some(row.max(prefix).to_owned()),
        (row, prefix) => row.map(str::to_owned).or_else(|| prefix.cloned()),
    };
    page
}

/// The current objects from a position on: the newest version of each key, unless that is a delete marker.
pub fn current_objects<'c>(
    tables: &'c BucketTables,
    query: &ListQuery<'_>,
    position: &Position,
) -> impl Iterator<Item = (&'c VersionKey, &'c Arc<Object>)> + use<'c> {
    let start = match position {
        Position::At(key) => Bound::Included(VersionKey::before(key)),
        Position::Start => match query.start() {
            Bound::Excluded(key) => Bound::Excluded(VersionKey::of(key)),
            Bound::Included(key) => Bound::Included(VersionKey::before(key)),
            Bound::Unbounded => Bound::Unbounded,
        },
    };
    let mut rows = tables.objects.range((start, Bound::Unbounded));
    let mut latest: Option<&VersionKey> = None;
    iter::from_fn(move || {
        loop {
            let (row_key, version) = rows.next()?;
            if latest.is_some_and(|latest| latest.key == row_key.key) {
                // A key may have many versions: they are passed over at once.
                rows = tables.objects.range((Bound::Excluded(VersionKey::of(&row_key.key)), Bound::Unbounded));
                continue;
            }
            latest = Some(row_key);
            if let Version::Object(object) = version {
                return Some((row_key, object));
            }
        }
    })
}

/// The common prefix that stands for a key.
fn common_prefix<'k>(query: &ListQuery<'_>, key: &'k str) -> Option<&'k str> {
    let delimiter = query.delimiter?;
    let at = key.get(query.prefix.len()..)?.find(delimiter)?;
    key.get(..query.prefix.len().saturating_add(at).saturating_add(delimiter.len()))
}

/// The smallest text that is greater than every text with this prefix.
pub fn successor(prefix: &str) -> Option<String> {
    let mut characters: Vec<char> = prefix.chars().collect();
    while let Some(last) = characters.pop() {
        // Surrogates are no characters.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { u32::from(last).checked_add(1).and_then(char::from_u32) };
        if let Some(next) = next {
            characters.push(next);
            return Some(characters.into_iter().collect());
        }
    }
    None
}

/// `encoding-type=url`: for keys with characters that XML cannot represent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodingType {
    Plain,
    Url,
}

/// AWS: measured, with `+` for a space (<https://github.com/brekkylab/backlot>).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/').remove(b' ');

impl EncodingType {
    pub fn of(parameter: Option<&str>) -> Result<EncodingType, Fault> {
        match parameter {
            None => Ok(EncodingType::Plain),
            Some(url) if url.eq_ignore_ascii_case("url") => Ok(EncodingType::Url),
            Some(other) => Err(faults::invalid_argument("Invalid Encoding Method specified in Request", "encoding-type", other)),
        }
    }

    pub fn encode(self, text: &str) -> String {
        match self {
            EncodingType::Plain => text.to_owned(),
            EncodingType::Url => utf8_percent_encode(text, ESCAPED).to_string().replace(' ', "+"),
        }
    }
}

#[cfg(test)]
mod tests;
