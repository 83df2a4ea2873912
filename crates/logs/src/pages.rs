//! `limit`, `nextToken`: one page of a list.

use crate::{faults, limits};
use cloudlet_aws::Fault;
use cloudlet_engine::{
    Cx,
    paging::{InvalidToken, Page, Paging},
};
use cloudlet_shape::Operation;
use serde::{Serialize, de::DeserializeOwned};

/// The usual page. `rows` gives keys and rows in the order of the list, those after a key only.
pub fn page<O: Operation, K: Serialize + DeserializeOwned, T, I: Iterator<Item = (K, T)>>(
    cx: &Cx,
    input: &O::Input,
    limit: Option<i32>,
    rows: impl FnOnce(Option<K>) -> I,
) -> Result<Page<T>, Fault> {
    page_of::<O, K, T, I>(cx, input, limit, limits::PAGE, limits::LONGEST_PAGE, rows)
}

pub fn page_of<O: Operation, K: Serialize + DeserializeOwned, T, I: Iterator<Item = (K, T)>>(
    cx: &Cx,
    input: &O::Input,
    limit: Option<i32>,
    usual: usize,
    longest: usize,
    rows: impl FnOnce(Option<K>) -> I,
) -> Result<Page<T>, Fault> {
    let length = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usual).clamp(1, longest);
    Paging::of::<O>(cx, input).page(length, rows).map_err(|InvalidToken| faults::invalid_token())
}
