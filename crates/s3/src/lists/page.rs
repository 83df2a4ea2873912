//! How a listing walks an ordered table: it seeks to where the page starts, and past everything a common prefix
//! rolls up. Pure; the same walk serves objects and uploads.

use crate::{
    faults,
    state::{Contents, Object, Slot},
};
use cloudlet_aws::Fault;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::{ops::Bound, sync::Arc};

/// What a page is asked to hold.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    pub prefix: &'a str,
    pub delimiter: Option<&'a str>,
    /// Everything up to here was seen. AWS: a common prefix counts as seen when it is not greater (recorded).
    pub after: &'a str,
    /// Rows and common prefixes together.
    pub most: usize,
}

#[derive(Debug)]
pub struct Page<T> {
    pub rows: Vec<T>,
    pub prefixes: Vec<String>,
    pub truncated: bool,
    /// The last key or common prefix of the page: where the next one starts.
    pub last: Option<String>,
}

/// From where on to look for rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// Where the page starts.
    Start,
    /// The first key that is this or greater.
    At(String),
}

impl Query<'_> {
    /// The bound of the first key of the page.
    pub fn start(&self) -> Bound<&str> {
        if self.after.is_empty() || self.after < self.prefix { Bound::Included(self.prefix) } else { Bound::Excluded(self.after) }
    }
}

/// Walks the rows that `seek` finds in order from a place on.
pub fn walk<T, I: Iterator<Item = T>>(query: &Query<'_>, seek: impl Fn(&Place) -> I, key_of: impl Fn(&T) -> &str) -> Page<T> {
    let mut page = Page { rows: Vec::new(), prefixes: Vec::new(), truncated: false, last: None };
    if query.most == 0 {
        return page;
    }
    let mut place = Place::Start;
    'seek: loop {
        for row in seek(&place) {
            let key = key_of(&row);
            if !key.starts_with(query.prefix) {
                break 'seek;
            }
            let common = common_prefix(query, key);
            let seen = common.is_some_and(|common| common <= query.after);
            if !seen && page.rows.len().saturating_add(page.prefixes.len()) == query.most {
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
                Some(next) => place = Place::At(next),
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

/// The current objects from a place on: of each key the newest version.
pub fn current<'c>(contents: &'c Contents, query: &Query<'_>, place: &Place) -> impl Iterator<Item = (&'c Slot, &'c Arc<Object>)> + use<'c> {
    let start = match place {
        Place::At(key) => Bound::Included(Slot::before(key)),
        Place::Start => match query.start() {
            Bound::Excluded(key) => Bound::Excluded(Slot::of(key)),
            Bound::Included(key) => Bound::Included(Slot::before(key)),
            Bound::Unbounded => Bound::Unbounded,
        },
    };
    let mut latest: Option<&str> = None;
    contents.objects.range((start, Bound::Unbounded)).filter(move |(slot, _)| {
        let newest = latest != Some(slot.key.as_ref());
        latest = Some(&slot.key);
        newest
    })
}

/// What a key is rolled up to.
fn common_prefix<'k>(query: &Query<'_>, key: &'k str) -> Option<&'k str> {
    let delimiter = query.delimiter?;
    let at = key.get(query.prefix.len()..)?.find(delimiter)?;
    key.get(..query.prefix.len().saturating_add(at).saturating_add(delimiter.len()))
}

/// The least text that is greater than everything with this prefix; none when there is no such text.
pub fn successor(prefix: &str) -> Option<String> {
    let mut letters: Vec<char> = prefix.chars().collect();
    while let Some(last) = letters.pop() {
        // The gap of the surrogates is no letter.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { u32::from(last).checked_add(1).and_then(char::from_u32) };
        if let Some(next) = next {
            letters.push(next);
            return Some(letters.into_iter().collect());
        }
    }
    None
}

/// `encoding-type=url`: for keys that XML cannot carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Plain,
    Url,
}

/// What stays as it is. AWS: the example `test_file%283%29.png` of the API reference; a space is `%20`, which every client
/// decodes, unverified.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/');

impl Encoding {
    pub fn of(parameter: Option<&str>) -> Result<Encoding, Fault> {
        match parameter {
            None | Some("") => Ok(Encoding::Plain),
            Some("url") => Ok(Encoding::Url),
            Some(other) => Err(faults::invalid_argument("Invalid Encoding Method specified in Request", "encoding-type", other)),
        }
    }

    pub fn write(self, text: &str) -> String {
        match self {
            Encoding::Plain => text.to_owned(),
            Encoding::Url => utf8_percent_encode(text, ESCAPED).to_string(),
        }
    }
}

#[cfg(test)]
mod tests;
