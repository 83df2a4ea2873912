//! Page tokens. A token names the key after which the next page begins, so that rows deleted meanwhile make it skip none, and is bound to the
//! operation, the account, the region and the filters of the list.

use crate::{Cx, fingerprint::Fingerprint};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_shape::{Member, Operation, OperationSchema};
use serde::{Serialize, de::DeserializeOwned};

const VERSION: u8 = 1;
/// Longer tokens are not ours.
const LONGEST_TOKEN: usize = 16 * 1024;

/// A token that is malformed, of another operation, or of a list with other filters. Each service has a fault of its own for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidToken;

/// One page, and the token of the next if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next_token: Option<String>,
}

impl<T> Page<T> {
    pub fn map<U>(self, each: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(each).collect(), next_token: self.next_token }
    }
}

/// The pages of one list.
#[derive(Clone, Copy, Debug)]
pub struct Paging {
    binding: Fingerprint,
}

impl Paging {
    /// The list that an operation answers to a request: all members of the request select rows, but its token and its page size.
    pub fn of<O: Operation>(cx: &Cx, request: &O::Input) -> Paging {
        let schema = O::SCHEMA;
        let names = [schema.service.name, schema.name, cx.scope.account.as_str(), cx.scope.region.as_str()];
        Paging { binding: Fingerprint::of(&names, request, |member| !is_of_paging(schema, member)) }
    }

    /// The same where not all members select rows: the list with these filters.
    pub fn with_filters<O: Operation>(cx: &Cx, filters: &[&str]) -> Paging {
        let names = [O::SCHEMA.service.name, O::SCHEMA.name, cx.scope.account.as_str(), cx.scope.region.as_str()];
        Paging { binding: Fingerprint::of_texts(&[&names, filters].concat()) }
    }

    /// The page that a token names, the first without one. `rows` gives keys and rows in the order of the list, those after a key only.
    pub fn page<K: Serialize + DeserializeOwned, T, I: Iterator<Item = (K, T)>>(
        &self,
        token: Option<&str>,
        limit: usize,
        rows: impl FnOnce(Option<K>) -> I,
    ) -> Result<Page<T>, InvalidToken> {
        let mut rows = rows(self.after(token)?);
        let (mut items, mut last) = (Vec::new(), None);
        for (key, item) in rows.by_ref().take(limit.max(1)) {
            items.push(item);
            last = Some(key);
        }
        let more = rows.next().is_some();
        Ok(Page { items, next_token: last.filter(|_| more).map(|key| self.token(&key)) })
    }

    /// The same for a list whose rows are in the order of their keys and are not found by key.
    pub fn page_of<K: Serialize + DeserializeOwned + Ord, T>(
        &self,
        token: Option<&str>,
        limit: usize,
        rows: impl Iterator<Item = (K, T)>,
    ) -> Result<Page<T>, InvalidToken> {
        self.page(token, limit, |after: Option<K>| rows.skip_while(move |(key, _)| after.as_ref().is_some_and(|after| key <= after)))
    }

    /// The token of the page after a key. AWS: in base64 (recorded at SNS, which clients decode).
    pub fn token(&self, key: &impl Serialize) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend(self.binding.as_bytes());
        bytes.extend(serde_json::to_vec(key).unwrap_or_default());
        STANDARD.encode(bytes)
    }

    /// The key after which the page of a token begins; none without a token.
    pub fn after<K: DeserializeOwned>(&self, token: Option<&str>) -> Result<Option<K>, InvalidToken> {
        token.filter(|token| !token.is_empty()).map(|token| self.read(token)).transpose()
    }

    /// The key that a token names.
    pub fn read<K: DeserializeOwned>(&self, token: &str) -> Result<K, InvalidToken> {
        if token.len() > LONGEST_TOKEN {
            return Err(InvalidToken);
        }
        let bytes = STANDARD.decode(token).map_err(|_| InvalidToken)?;
        let key = bytes.strip_prefix(&[VERSION]).and_then(|rest| rest.strip_prefix(self.binding.as_bytes())).ok_or(InvalidToken)?;
        serde_json::from_slice(key).map_err(|_| InvalidToken)
    }
}

/// Whether a member is a page token or a page size: the model says so, but not of every list.
fn is_of_paging(operation: &OperationSchema, member: &Member) -> bool {
    const NAMES: [&str; 4] = ["Marker", "MaxItems", "NextToken", "MaxResults"];
    let declared = operation.pages.as_ref().is_some_and(|pages| pages.limit == member.name || pages.input.contains(&member.name));
    declared || NAMES.iter().any(|name| name.eq_ignore_ascii_case(member.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeMap, ops::Bound};

    fn list(filters: &str) -> Paging {
        Paging { binding: Fingerprint::of_texts(&["sqs", "ListQueues", filters]) }
    }

    fn page(rows: &BTreeMap<String, u32>, token: Option<&str>) -> Page<u32> {
        let page = list("").page(token, 2, |after: Option<String>| {
            let from = after.map_or(Bound::Unbounded, Bound::Excluded);
            rows.range((from, Bound::Unbounded)).map(|(key, row)| (key.clone(), *row))
        });
        page.unwrap()
    }

    #[test]
    fn pages_follow_each_other_and_skip_nothing_when_rows_are_deleted() {
        let mut rows: BTreeMap<String, u32> = (0..5).map(|number| (format!("row{number}"), number)).collect();
        let first = page(&rows, None);
        assert_eq!(first.items, [0, 1]);
        rows.remove("row0");
        rows.remove("row1");
        let second = page(&rows, first.next_token.as_deref());
        assert_eq!(second.items, [2, 3]);
        assert_eq!(page(&rows, second.next_token.as_deref()), Page { items: vec![4], next_token: None });
        assert_eq!(page(&rows, None).next_token, second.next_token, "a token follows from the row alone");
        let listed = || rows.iter().map(|(key, row)| (key.clone(), *row));
        assert_eq!(list("").page_of(second.next_token.as_deref(), 2, listed()).unwrap().items, [4]);
    }

    #[test]
    fn a_page_that_ends_with_the_last_row_has_no_token() {
        let rows = BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]);
        assert_eq!(page(&rows, None), Page { items: vec![1, 2], next_token: None });
        assert_eq!(page(&BTreeMap::new(), Some("")), Page { items: vec![], next_token: None });
    }

    #[test]
    fn a_token_of_another_list_or_of_nobody_is_refused() {
        let token = list("prefix").token(&"key");
        assert_eq!(list("prefix").read::<String>(&token), Ok("key".to_owned()));
        assert_eq!(list("other").read::<String>(&token), Err(InvalidToken));
        assert_eq!(list("prefix").read::<u32>(&token), Err(InvalidToken));
        let mut cut = token.clone();
        cut.truncate(6);
        for text in ["nonsense!", "1", &cut, &"A".repeat(100_000)] {
            assert_eq!(list("prefix").read::<String>(text), Err(InvalidToken));
        }
    }
}
