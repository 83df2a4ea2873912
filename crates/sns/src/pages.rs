//! Pages of a list.

use crate::faults;
use cloudlet_aws::Fault;
use cloudlet_engine::{
    Cx,
    paging::{InvalidToken, Page, Paging},
};
use cloudlet_shape::Operation;
use serde::{Serialize, de::DeserializeOwned};
use std::ops::Bound;

/// One page of the list that an operation answers to a request. `rows` gives those after a key.
pub fn page<O: Operation, K: Serialize + DeserializeOwned, T, I: Iterator<Item = (K, T)>>(
    cx: &Cx,
    request: &O::Input,
    length: usize,
    rows: impl FnOnce(Option<K>) -> I,
) -> Result<Page<T>, Fault> {
    // AWS: unverified message.
    Paging::of::<O>(cx, request).page(length, rows).map_err(|InvalidToken| faults::invalid("NextToken"))
}

/// Where a page of rows with this prefix begins.
pub fn start<'a>(after: Option<&'a str>, prefix: &'a str) -> Bound<&'a str> {
    match after {
        Some(after) if after >= prefix => Bound::Excluded(after),
        _ => Bound::Included(prefix),
    }
}
