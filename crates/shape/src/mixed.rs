//! Lists of one structure whose items a document mixes: the versions and the delete markers of a bucket are two lists for a program, and one
//! sequence in the XML. Each item has its place in the sequence. A format that has lists of its own (JSON) does not look at the places.

use crate::{
    schema::Target,
    value::{Read, Reader, Typed, Value, Writer},
};

/// A list whose items stand among those of other lists of its structure.
#[derive(Clone, Debug)]
pub struct Mixed<T>(Vec<(u32, T)>);

impl<T> Default for Mixed<T> {
    fn default() -> Mixed<T> {
        Mixed(Vec::new())
    }
}

impl<T> Mixed<T> {
    /// Adds an item at its place among the items of all lists.
    pub fn push(&mut self, place: u32, item: T) {
        self.0.push((place, item));
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, item)| item)
    }

    /// The list, if it has items: an empty list is left out of an output.
    pub fn non_empty(self) -> Option<Mixed<T>> {
        (!self.is_empty()).then_some(self)
    }
}

impl<T> IntoIterator for Mixed<T> {
    type Item = T;
    type IntoIter = std::iter::Map<std::vec::IntoIter<(u32, T)>, fn((u32, T)) -> T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter().map(|(_, item)| item)
    }
}

impl<'a, T> IntoIterator for &'a Mixed<T> {
    type Item = &'a T;
    type IntoIter = std::iter::Map<std::slice::Iter<'a, (u32, T)>, fn(&'a (u32, T)) -> &'a T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(_, item)| item)
    }
}

impl<T: Value> Value for Mixed<T> {
    fn write(&self, writer: &mut dyn Writer, of: &'static Target) {
        writer.list(of, &mut self.iter().map(|item| item as &dyn Value));
    }

    fn placed(&self) -> Option<Vec<(u32, &dyn Value)>> {
        Some(self.0.iter().map(|(place, item)| (*place, item as &dyn Value)).collect())
    }
}

/// Read items stand in the order of their list.
impl<T: Typed> Typed for Mixed<T> {
    const TARGET: &'static Target = Vec::<T>::TARGET;
    fn read(reader: &mut dyn Reader, of: &'static Target) -> Read<Self> {
        Ok(Mixed((0..).zip(Vec::read(reader, of)?).collect()))
    }
}
