//! Pages of lists: `Marker`, `MaxItems`, `IsTruncated`.

use crate::{faults::validation_error, limits};
use cloudlet_aws::{Account, Fault};
use cloudlet_engine::{
    Cx,
    paging::{InvalidToken, Paging},
};
use cloudlet_identity::state::{EntityKey, entries_of_account};
use cloudlet_shape::Operation;
use cloudlet_store::Table;
use serde::{Serialize, de::DeserializeOwned};

pub(crate) struct Page<T> {
    pub items: Vec<T>,
    pub is_truncated: Option<bool>,
    pub marker: Option<String>,
}

impl<T> Page<T> {
    pub fn map<U>(self, each: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(each).collect(), is_truncated: self.is_truncated, marker: self.marker }
    }
}

/// One page of the list that an operation answers to a request. The rows are in the order of their keys.
pub(crate) fn page<O: Operation, K: Serialize + DeserializeOwned + Ord, T>(
    cx: &Cx,
    request: &O::Input,
    rows: impl IntoIterator<Item = (K, T)>,
) -> Result<Page<T>, Fault> {
    let list = Paging::of::<O>(cx, request);
    let page = list
        .page_of(list.length(limits::PAGE, limits::LONGEST_PAGE), rows.into_iter())
        .map_err(|InvalidToken| validation_error("Invalid Marker."))?;
    Ok(Page { items: page.items, is_truncated: Some(page.next_token.is_some()), marker: page.next_token })
}

/// The rows of one account under their names in lower case, which are their keys.
pub(crate) fn named_rows<V>(table: &Table<EntityKey, V>, account: Account) -> impl Iterator<Item = (String, &V)> {
    entries_of_account(table, account).map(|(key, row)| (key.1.clone(), row))
}
