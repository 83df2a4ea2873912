use super::*;
use std::{cell::Cell, collections::BTreeSet};

const KEYS: [&str; 8] = ["a", "b/1", "b/2", "b/3/x", "c", "d/", "e//f", "é"];

fn query<'a>(prefix: &'a str, delimiter: Option<&'a str>, after: &'a str, most: usize) -> Query<'a> {
    Query { prefix, delimiter, after, most }
}

/// Rows, common prefixes, truncated, last.
type Shown = (Vec<String>, Vec<String>, bool, Option<String>);

fn list(keys: &BTreeSet<String>, query: &Query<'_>, seeks: &Cell<usize>) -> Shown {
    let seek = |place: &Place| {
        seeks.set(seeks.get() + 1);
        let start = match place {
            Place::At(key) => Bound::Included(key.clone()),
            Place::Start => query.start().map(str::to_owned),
        };
        keys.range((start, Bound::Unbounded)).cloned().collect::<Vec<_>>().into_iter()
    };
    let page = walk(query, seek, |key| key.as_str());
    (page.rows, page.prefixes, page.truncated, page.last)
}

fn listed(asked: &Query<'_>) -> Shown {
    list(&KEYS.map(str::to_owned).into(), asked, &Cell::default())
}

fn shown(rows: &[&str], prefixes: &[&str], truncated: bool, last: &str) -> Shown {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    (owned(rows), owned(prefixes), truncated, Some(last.to_owned()))
}

#[test]
fn keys_are_listed_in_the_order_of_their_bytes() {
    assert_eq!(listed(&query("", None, "", 1000)), shown(&KEYS, &[], false, "é"));
    assert_eq!(listed(&query("b/", None, "", 1000)), shown(&["b/1", "b/2", "b/3/x"], &[], false, "b/3/x"));
    assert_eq!(listed(&query("b/", None, "b/1", 1)), shown(&["b/2"], &[], true, "b/2"));
    assert_eq!(listed(&query("b/", None, "a", 1)), shown(&["b/1"], &[], true, "b/1"));
    assert_eq!(listed(&query("b/", None, "z", 1)), (vec![], vec![], false, None));
}

#[test]
fn a_delimiter_rolls_up_and_each_prefix_counts_as_one() {
    assert_eq!(listed(&query("", Some("/"), "", 1000)), shown(&["a", "c", "é"], &["b/", "d/", "e/"], false, "é"));
    assert_eq!(listed(&query("", Some("/"), "", 2)), shown(&["a"], &["b/"], true, "b/"));
    assert_eq!(listed(&query("", Some("/"), "b/", 2)), shown(&["c"], &["d/"], true, "d/"));
    assert_eq!(listed(&query("", Some("/"), "d/", 2)), shown(&["é"], &["e/"], false, "é"));
    assert_eq!(listed(&query("b/", Some("/"), "", 1000)), shown(&["b/1", "b/2"], &["b/3/"], false, "b/3/"));
    assert_eq!(listed(&query("", Some("//"), "", 1000)).1, ["e//"]);
}

/// Recorded for versions and for uploads: a marker inside of a common prefix is past all of it.
#[test]
fn a_marker_inside_of_a_prefix_is_past_the_prefix() {
    assert_eq!(listed(&query("", Some("/"), "b/1", 1)), shown(&["c"], &[], true, "c"));
}

#[test]
fn nothing_fits_into_a_page_of_none() {
    assert_eq!(listed(&query("", None, "", 0)), (vec![], vec![], false, None));
}

#[test]
fn a_prefix_is_skipped_by_one_seek_however_much_it_rolls_up() {
    let keys: BTreeSet<String> = (0..10_000).map(|n| format!("big/{n:05}")).chain(["small".to_owned()]).collect();
    let seeks = Cell::default();
    assert_eq!(list(&keys, &query("", Some("/"), "", 1000), &seeks), shown(&["small"], &["big/"], false, "small"));
    assert_eq!(seeks.get(), 2);
}

#[test]
fn the_successor_of_a_prefix_is_just_beyond_it() {
    assert_eq!(successor("a/"), Some("a0".into()));
    assert_eq!(successor("a\u{10ffff}"), Some("b".into()));
    assert_eq!(successor("\u{d7ff}"), Some("\u{e000}".into()));
    assert_eq!(successor("\u{10ffff}"), None);
}

#[test]
fn pages_together_are_the_whole_list() {
    for delimiter in [None, Some("/")] {
        for most in 1..5 {
            let (mut seen, mut after) = (vec![], String::new());
            loop {
                let (rows, prefixes, truncated, last) = listed(&query("", delimiter, &after, most));
                assert!(rows.len() + prefixes.len() <= most);
                let mut page = [rows, prefixes].concat();
                page.sort();
                seen.extend(page);
                if !truncated {
                    break;
                }
                after = last.unwrap();
            }
            let (rows, prefixes, ..) = listed(&query("", delimiter, "", 1000));
            let mut whole = [rows, prefixes].concat();
            whole.sort();
            assert_eq!(seen, whole);
        }
    }
}

#[test]
fn keys_are_escaped_where_a_client_asks_for_it() {
    assert_eq!(Encoding::Url.write("a b/ü+(1)=%\u{1}"), "a%20b/%C3%BC%2B%281%29%3D%25%01");
    assert_eq!(Encoding::Plain.write("a b"), "a b");
    assert_eq!(Encoding::of(Some("gzip")).unwrap_err().message(), "Invalid Encoding Method specified in Request");
}
