//! Pages of parameters. A page is found by its key, so that it costs the same at any depth.

use super::names::ParameterKey;
use crate::{faults, limits};
use cloudlet_aws::{Fault, Scope};
use cloudlet_engine::paging::{Page, Paging};
use std::{ops::Bound, sync::Arc};

/// Which directories a list is about, in the order of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Span {
    Everything,
    Directory(Arc<str>),
    /// A directory with all below it.
    Tree(Arc<str>),
}

/// A part of a span whose keys follow each other.
enum Part {
    Directory(Arc<str>),
    /// Directories that begin with this.
    Prefix(String),
}

impl Span {
    fn parts(&self) -> Vec<Part> {
        match self {
            Span::Directory(directory) => vec![Part::Directory(directory.clone())],
            Span::Tree(directory) if !directory.is_empty() => vec![Part::Directory(directory.clone()), Part::Prefix(format!("{directory}/"))],
            Span::Tree(_) | Span::Everything => vec![Part::Prefix(String::new())],
        }
    }
}

impl Part {
    fn first(&self, scope: &Scope) -> ParameterKey {
        let directory = match self {
            Part::Directory(directory) => directory.clone(),
            Part::Prefix(prefix) => prefix.as_str().into(),
        };
        ParameterKey { scope: scope.clone(), directory, leaf: "".into() }
    }

    fn contains(&self, scope: &Scope, key: &ParameterKey) -> bool {
        key.scope == *scope
            && match self {
                Part::Directory(directory) => key.directory == *directory,
                Part::Prefix(prefix) => key.directory.starts_with(prefix.as_str()),
            }
    }
}

/// The rows of a span, those after a key only. `range` gives the rows of the whole table from a key on.
pub fn rows<'m, V: 'm, I: Iterator<Item = (&'m ParameterKey, V)>>(
    scope: &Scope,
    span: &Span,
    after: Option<&ParameterKey>,
    range: impl Fn(Bound<ParameterKey>) -> I,
) -> impl Iterator<Item = (&'m ParameterKey, V)> {
    let scope = scope.clone();
    let parts = span.parts().into_iter().map(move |part| {
        let first = part.first(&scope);
        let scope = scope.clone();
        let from = match after {
            Some(after) if *after >= first => Bound::Excluded(after.clone()),
            _ => Bound::Included(first),
        };
        range(from).take_while(move |(key, _)| part.contains(&scope, key))
    });
    parts.flatten()
}

/// A page of those rows that `pick` takes. Few may be found in a long list: then the page is short, and has a token.
pub fn page<'m, V, T>(
    list: &Paging,
    length: usize,
    rows: impl Iterator<Item = (&'m ParameterKey, V)>,
    mut pick: impl FnMut(&'m ParameterKey, V) -> Option<T>,
) -> Page<T> {
    let mut rows = rows;
    let (mut items, mut last) = (Vec::new(), None);
    for (key, row) in rows.by_ref().take(limits::ROWS_PER_PAGE) {
        last = Some(key);
        items.extend(pick(key, row));
        if items.len() >= length {
            break;
        }
    }
    let more = rows.next().is_some();
    Page { items, next_token: last.filter(|_| more).map(|key| list.token(&(&key.directory, &key.leaf))) }
}

/// The key after which a page begins.
pub fn after(list: &Paging, scope: &Scope) -> Result<Option<ParameterKey>, Fault> {
    let after: Option<(Arc<str>, Arc<str>)> = list.after().map_err(|_| faults::invalid_next_token())?;
    Ok(after.map(|(directory, leaf)| ParameterKey { scope: scope.clone(), directory, leaf }))
}
