//! `Limit`, `Marker`, `NextMarker`, `Truncated`.

use crate::{faults, limits};
use cloudlet_aws::Fault;
use cloudlet_engine::{
    Cx,
    paging::{InvalidToken, Paging},
};
use cloudlet_shape::Operation;
use serde::{Serialize, de::DeserializeOwned};

pub struct Page<T> {
    pub items: Vec<T>,
    pub next_marker: Option<String>,
    pub truncated: Option<bool>,
}

/// One page of a list, of `usual` rows where the request says no number. `rows` gives keys and rows in the order of the list, those after a key only.
pub fn page<O: Operation, K: Serialize + DeserializeOwned, T, I: Iterator<Item = (K, T)>>(
    cx: &Cx,
    input: &O::Input,
    usual: usize,
    rows: impl FnOnce(Option<K>) -> I,
) -> Result<Page<T>, Fault> {
    let list = Paging::of::<O>(cx, input);
    let page = list.page(list.length(usual, limits::LONGEST_PAGE), rows).map_err(|InvalidToken| faults::invalid_marker())?;
    Ok(Page { truncated: Some(page.next_token.is_some()), items: page.items, next_marker: page.next_token })
}
