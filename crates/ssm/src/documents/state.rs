//! The tables: documents, their versions, and the reviews of those.

use super::rows::{Document, DocumentKey, Review, Version};
use cloudlet_aws::Scope;
use cloudlet_store::{Table, tables};
use std::{ops::Bound, sync::Arc};

#[derive(Default)]
pub struct DocumentState {
    pub documents: Table<DocumentKey, Arc<Document>>,
    pub versions: Table<(DocumentKey, u32), Arc<Version>>,
    /// By version, in their order.
    pub reviews: Table<(DocumentKey, u32, u32), Review>,
}

tables!(DocumentState { documents, versions, reviews });

impl DocumentState {
    /// Those of an account in a region, by name.
    pub fn of_scope<'s>(&'s self, scope: &'s Scope) -> impl Iterator<Item = (&'s DocumentKey, &'s Arc<Document>)> {
        let from = DocumentKey::new(scope.clone(), "");
        self.documents.range((Bound::Included(from), Bound::Unbounded)).take_while(move |(key, _)| key.scope == *scope)
    }

    /// The versions of a document, the oldest first.
    pub fn versions_of<'s>(&'s self, key: &'s DocumentKey) -> impl Iterator<Item = &'s Arc<Version>> {
        let from = (Bound::Included((key.clone(), 0)), Bound::Unbounded);
        self.versions.range(from).take_while(move |((of, _), _)| of == key).map(|(_, version)| version)
    }

    pub fn version(&self, key: &DocumentKey, number: u32) -> Option<&Arc<Version>> {
        self.versions.get(&(key.clone(), number))
    }

    /// The reviews of a version, the oldest first.
    pub fn reviews_of<'s>(&'s self, key: &'s DocumentKey, version: u32) -> impl Iterator<Item = (u32, &'s Review)> {
        let from = (Bound::Included((key.clone(), version, 0)), Bound::Unbounded);
        let of_version = self.reviews.range(from).take_while(move |((of, number, _), _)| of == key && *number == version);
        of_version.map(|((_, _, index), review)| (*index, review))
    }

    /// Changes what all versions have in common.
    pub fn change(&mut self, key: &DocumentKey, change: impl FnOnce(&mut Document)) {
        if let Some(document) = self.documents.get_mut(key) {
            change(Arc::make_mut(document));
        }
    }

    pub fn remove_version(&mut self, key: &DocumentKey, number: u32) {
        self.versions.remove(&(key.clone(), number));
        let reviews: Vec<u32> = self.reviews_of(key, number).map(|(index, _)| index).collect();
        for index in reviews {
            self.reviews.remove(&(key.clone(), number, index));
        }
    }

    pub fn remove(&mut self, key: &DocumentKey) {
        let numbers: Vec<u32> = self.versions_of(key).map(|version| version.number).collect();
        for number in numbers {
            self.remove_version(key, number);
        }
        self.documents.remove(key);
    }
}
