use super::*;
use std::{cell::Cell, collections::BTreeSet};

const KEYS: [&str; 8] = ["a", "b/1", "b/2", "b/3/x", "c", "d/", "e//f", "é"];

fn params<'a>(prefix: &'a str, delimiter: Option<&'a str>, after: &'a str, limit: usize) -> ListQuery<'a> {
    ListQuery { prefix, delimiter, after, limit }
}

/// Rows, common prefixes, truncated, last.
type Listed = (Vec<String>, Vec<String>, bool, Option<String>);

fn list(keys: &BTreeSet<String>, query: &ListQuery<'_>, seeks: &Cell<usize>) -> Listed {
    let seek = |position: &Position| {
        seeks.set(seeks.get() + 1);
        let start = match position {
            Position::At(key) => Bound::Included(key.clone()),
            Position::Start => query.start().map(str::to_owned),
        };
        keys.range((start, Bound::Unbounded)).cloned().collect::<Vec<_>>().into_iter()
    };
    let page = list_page(query, seek, |key| key.as_str());
    (page.rows, page.prefixes, page.truncated, page.last)
}

fn listed(query: &ListQuery<'_>) -> Listed {
    list(&KEYS.map(str::to_owned).into(), query, &Cell::default())
}

fn expected(rows: &[&str], prefixes: &[&str], truncated: bool, last: &str) -> Listed {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    (owned(rows), owned(prefixes), truncated, Some(last.to_owned()))
}

#[test]
fn keys_are_listed_in_the_order_of_their_bytes() {
    assert_eq!(listed(&params("", None, "", 1000)), expected(&KEYS, &[], false, "é"));
    assert_eq!(listed(&params("b/", None, "", 1000)), expected(&["b/1", "b/2", "b/3/x"], &[], false, "b/3/x"));
    assert_eq!(listed(&params("b/", None, "b/1", 1)), expected(&["b/2"], &[], true, "b/2"));
    assert_eq!(listed(&params("b/", None, "a", 1)), expected(&["b/1"], &[], true, "b/1"));
    assert_eq!(listed(&params("b/", None, "z", 1)), (vec![], vec![], false, None));
}

#[test]
fn a_delimiter_groups_keys_and_each_common_prefix_counts_as_one() {
    assert_eq!(listed(&params("", Some("/"), "", 1000)), expected(&["a", "c", "é"], &["b/", "d/", "e/"], false, "é"));
    assert_eq!(listed(&params("", Some("/"), "", 2)), expected(&["a"], &["b/"], true, "b/"));
    assert_eq!(listed(&params("", Some("/"), "b/", 2)), expected(&["c"], &["d/"], true, "d/"));
    assert_eq!(listed(&params("", Some("/"), "d/", 2)), expected(&["é"], &["e/"], false, "é"));
    assert_eq!(listed(&params("b/", Some("/"), "", 1000)), expected(&["b/1", "b/2"], &["b/3/"], false, "b/3/"));
    assert_eq!(listed(&params("", Some("//"), "", 1000)).1, ["e//"]);
}

/// Recorded for versions and for uploads.
#[test]
fn a_marker_within_a_common_prefix_skips_the_whole_prefix() {
    assert_eq!(listed(&params("", Some("/"), "b/1", 1)), expected(&["c"], &[], true, "c"));
}

#[test]
fn a_page_of_at_most_zero_rows_is_empty() {
    assert_eq!(listed(&params("", None, "", 0)), (vec![], vec![], false, None));
}

#[test]
fn a_common_prefix_of_many_keys_is_skipped_by_one_seek() {
    let keys: BTreeSet<String> = (0..10_000).map(|n| format!("big/{n:05}")).chain(["small".to_owned()]).collect();
    let seeks = Cell::default();
    assert_eq!(list(&keys, &params("", Some("/"), "", 1000), &seeks), expected(&["small"], &["big/"], false, "small"));
    assert_eq!(seeks.get(), 2);
}

#[test]
fn the_successor_of_a_prefix_is_greater_than_all_texts_with_it() {
    assert_eq!(successor("a/"), Some("a0".into()));
    assert_eq!(successor("a\u{10ffff}"), Some("b".into()));
    assert_eq!(successor("\u{d7ff}"), Some("\u{e000}".into()));
    assert_eq!(successor("\u{10ffff}"), None);
}

#[test]
fn all_pages_together_are_the_whole_list() {
    for delimiter in [None, Some("/")] {
        for limit in 1..5 {
            let (mut seen, mut after) = (vec![], String::new());
            loop {
                let (rows, prefixes, truncated, last) = listed(&params("", delimiter, &after, limit));
                assert!(rows.len() + prefixes.len() <= limit);
                let mut page = [rows, prefixes].concat();
                page.sort();
                seen.extend(page);
                if !truncated {
                    break;
                }
                after = last.unwrap();
            }
            let (rows, prefixes, ..) = listed(&params("", delimiter, "", 1000));
            let mut whole = [rows, prefixes].concat();
            whole.sort();
            assert_eq!(seen, whole);
        }
    }
}

#[test]
fn keys_are_url_encoded_on_request() {
    assert_eq!(EncodingType::Url.encode("a b/ü+(1)=%\u{1}"), "a+b/%C3%BC%2B%281%29%3D%25%01");
    assert_eq!(EncodingType::Plain.encode("a b"), "a b");
    assert_eq!(EncodingType::of(Some("gzip")).unwrap_err().message(), "Invalid Encoding Method specified in Request");
}
