//! Lists of what an account has in a region, by page.

use crate::{
    Ses,
    refusal::Refusal,
    state::{Named, State},
};
use cloudlet_engine::{
    Cx, Operation,
    paging::{Page, Paging},
};
use cloudlet_store::{Row, Table};

/// How many rows a page has.
#[derive(Clone, Copy)]
pub struct PageLength {
    pub default: usize,
    pub most: usize,
}

impl Ses {
    /// The page that a request asks for: the rows of a table that `show` shows.
    pub fn list<O: Operation, V: Row, T>(
        &self,
        cx: &Cx,
        request: &O::Input,
        length: PageLength,
        table: impl FnOnce(&State) -> &Table<Named, V>,
        show: impl Fn(&str, &V) -> Option<T>,
    ) -> Result<Page<T>, Refusal> {
        let list = Paging::of::<O>(cx, request);
        let page = self.store.read(|state| {
            list.page(list.length(length.default, length.most), |after| {
                State::rows(table(state), &cx.scope, after).filter_map(|(name, row)| Some((name.to_owned(), show(name, row)?)))
            })
        });
        Ok(page?)
    }
}
