//! Page tokens. A token names the key after which the next page begins, so that rows deleted meanwhile make it skip none, and is bound to the
//! operation, the account, the region and the filters of the list.

use crate::{Cx, fingerprint::Fingerprint, scalar::Scalar};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_shape::{Member, Operation, OperationSchema, Struct};
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
#[derive(Clone, Debug)]
pub struct Paging {
    binding: Fingerprint,
    /// The token of the request.
    token: Option<String>,
    /// The page size of the request.
    size: Option<i64>,
}

impl Paging {
    /// The list that an operation answers to a request: all members of the request select rows, but its token and its page size.
    pub fn of<O: Operation>(cx: &Cx, request: &O::Input) -> Paging {
        let names = names::<O>(cx);
        let of_paging = |member: &Member| is_token(O::SCHEMA, member) || is_size(O::SCHEMA, member);
        let mut paging = Paging { binding: Fingerprint::of(&names, request, |member| !of_paging(member)), token: None, size: None };
        for (index, member) in request.schema().members.iter().enumerate().filter(|(_, member)| of_paging(member)) {
            let value = Scalar::of(request.get(index), member.of);
            // An empty token is none.
            paging.token = paging.token.or(value.text.filter(|token| !token.is_empty()));
            paging.size = paging.size.or(value.integer);
        }
        paging
    }

    /// The same where not all members select rows: the list with these filters, and the token of the request.
    pub fn with_filters<O: Operation>(cx: &Cx, filters: &[&str], token: Option<&str>) -> Paging {
        Paging { binding: Fingerprint::of_texts(&[&names::<O>(cx), filters].concat()), token: token.map(str::to_owned), size: None }
    }

    /// The length of the page: the page size of the request, within limits.
    pub fn length(&self, default: usize, most: usize) -> usize {
        self.size.and_then(|size| usize::try_from(size).ok()).unwrap_or(default).clamp(1, most)
    }

    /// The page that the token names, the first without one. `rows` gives keys and rows in the order of the list, those after a key only.
    pub fn page<K: Serialize + DeserializeOwned, T, I: Iterator<Item = (K, T)>>(
        &self,
        length: usize,
        rows: impl FnOnce(Option<K>) -> I,
    ) -> Result<Page<T>, InvalidToken> {
        let mut rows = rows(self.after()?);
        let (mut items, mut last) = (Vec::new(), None);
        for (key, item) in rows.by_ref().take(length.max(1)) {
            items.push(item);
            last = Some(key);
        }
        let more = rows.next().is_some();
        Ok(Page { items, next_token: last.filter(|_| more).map(|key| self.token(&key)) })
    }

    /// The same for a list whose rows are in the order of their keys and are not found by key.
    pub fn page_of<K: Serialize + DeserializeOwned + Ord, T>(
        &self,
        length: usize,
        rows: impl Iterator<Item = (K, T)>,
    ) -> Result<Page<T>, InvalidToken> {
        self.page(length, |after: Option<K>| rows.skip_while(move |(key, _)| after.as_ref().is_some_and(|after| key <= after)))
    }

    /// The key after which the page begins; none without a token.
    pub fn after<K: DeserializeOwned>(&self) -> Result<Option<K>, InvalidToken> {
        self.token.as_deref().map(|token| self.read(token)).transpose()
    }

    /// The token of the page after a key. AWS: in base64 (recorded at SNS, which clients decode).
    pub fn token(&self, key: &impl Serialize) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend(self.binding.as_bytes());
        bytes.extend(serde_json::to_vec(key).unwrap_or_default());
        STANDARD.encode(bytes)
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

fn names<O: Operation>(cx: &Cx) -> [&str; 4] {
    [O::SCHEMA.service.name, O::SCHEMA.name, cx.scope.account.as_str(), cx.scope.region.as_str()]
}

/// Whether a member is the page token. The model says so, but not of every list.
fn is_token(operation: &OperationSchema, member: &Member) -> bool {
    let declared = operation.pages.as_ref().is_some_and(|pages| pages.input.contains(&member.name));
    declared || ["Marker", "NextToken"].iter().any(|name| name.eq_ignore_ascii_case(member.name))
}

/// Whether a member is the page size.
fn is_size(operation: &OperationSchema, member: &Member) -> bool {
    let declared = operation.pages.as_ref().is_some_and(|pages| pages.limit == member.name);
    declared || ["MaxItems", "MaxResults", "PageSize", "Limit"].iter().any(|name| name.eq_ignore_ascii_case(member.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeMap, ops::Bound};

    fn list(filters: &str) -> Paging {
        Paging { binding: Fingerprint::of_texts(&["sqs", "ListQueues", filters]), token: None, size: None }
    }

    fn page(rows: &BTreeMap<String, u32>, token: Option<&str>) -> Page<u32> {
        let page = Paging { token: token.map(Into::into), ..list("") }.page(2, |after: Option<String>| {
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
        assert_eq!(Paging { token: second.next_token, ..list("") }.page_of(2, listed()).unwrap().items, [4]);
    }

    #[test]
    fn a_page_that_ends_with_the_last_row_has_no_token() {
        let rows = BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]);
        assert_eq!(page(&rows, None), Page { items: vec![1, 2], next_token: None });
        assert_eq!(page(&BTreeMap::new(), None), Page { items: vec![], next_token: None });
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

    #[test]
    fn token_and_size_are_found_in_any_request() {
        use cloudlet_api_kms::{ListKeys, ListKeysRequest};
        use cloudlet_aws::{Account, Caller, Region, Scope};
        let cx = Cx::new(
            Default::default(),
            Scope::new(Account::default(), Region::new("us-east-1")),
            Caller::anonymous(),
            "id".into(),
            Default::default(),
        );
        let of = |limit, marker| Paging::of::<ListKeys>(&cx, &ListKeysRequest { limit, marker, ..ListKeysRequest::default() });
        let token = of(None, None).token(&"key");
        assert_eq!(of(Some(3), Some(token)).after(), Ok(Some("key".to_owned())), "the page size may change");
        assert_eq!([None, Some(3), Some(0), Some(5_000)].map(|limit| of(limit, None).length(100, 1_000)), [100, 3, 1, 1_000]);
    }
}
