//! Pages of a list. A token is the name of the last row, in base64.

use crate::{faults, limits};
use base64::{Engine, prelude::BASE64_STANDARD};
use cloudlet_aws::Fault;
use std::ops::Bound;

/// The row that a token names.
pub fn after(token: Option<&str>) -> Result<Option<String>, Fault> {
    let read = |token: &str| String::from_utf8(BASE64_STANDARD.decode(token).ok()?).ok();
    // AWS: unverified message.
    token.filter(|token| !token.is_empty()).map(|token| read(token).ok_or_else(|| faults::invalid("NextToken"))).transpose()
}

/// Where a page of rows with this prefix begins.
pub fn start<'a>(after: Option<&'a str>, prefix: &'a str) -> Bound<&'a str> {
    match after {
        Some(after) if after >= prefix => Bound::Excluded(after),
        _ => Bound::Included(prefix),
    }
}

/// A page of rows, of which one more was fetched than fits, and the token of the next page.
pub fn cut<T>(rows: Vec<T>, name: impl Fn(&T) -> String) -> (Vec<T>, Option<String>) {
    cut_at(rows, limits::PAGE, name)
}

pub fn cut_at<T>(mut rows: Vec<T>, most: usize, name: impl Fn(&T) -> String) -> (Vec<T>, Option<String>) {
    let more = rows.len() > most;
    rows.truncate(most);
    let token = rows.last().filter(|_| more).map(|row| BASE64_STANDARD.encode(name(row)));
    (rows, token)
}
