//! `Limit`, `Marker`, `NextMarker`, `Truncated`.

use crate::faults;
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

/// What a request says of its page.
pub struct PageRequest<'a> {
    pub marker: Option<&'a str>,
    pub limit: Option<i32>,
    /// AWS's page size where the request says none.
    pub usual: usize,
}

/// The page of a list. `rows` gives keys and rows in the order of the list, those after a key only.
pub fn page<O: Operation, K: Serialize + DeserializeOwned, T, I: Iterator<Item = (K, T)>>(
    cx: &Cx,
    input: &O::Input,
    request: &PageRequest<'_>,
    rows: impl FnOnce(Option<K>) -> I,
) -> Result<Page<T>, Fault> {
    let limit = request.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(request.usual);
    let page = Paging::of::<O>(cx, input).page(request.marker, limit, rows).map_err(|InvalidToken| faults::invalid_marker())?;
    Ok(Page { truncated: Some(page.next_token.is_some()), items: page.items, next_marker: page.next_token })
}
