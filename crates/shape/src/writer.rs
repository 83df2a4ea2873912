//! An outgoing message under construction.

use crate::{Body, Document, Events, Struct, Target, Timestamp, Value};

/// A codec that writes. `of` tells names, formats and flags of the value's shape.
pub trait Writer {
    fn boolean(&mut self, value: bool);
    fn integer(&mut self, value: i64);
    fn float(&mut self, value: f64);
    fn text(&mut self, value: &str);
    fn blob(&mut self, value: &[u8]);
    fn timestamp(&mut self, value: Timestamp, of: &'static Target);
    fn document(&mut self, value: &Document);
    fn body(&mut self, value: &Body);
    fn events(&mut self, value: &Events);
    fn list(&mut self, of: &'static Target, items: &mut dyn Iterator<Item = &dyn Value>);
    fn map(&mut self, of: &'static Target, entries: &mut dyn Iterator<Item = (&str, &dyn Value)>);
    fn structure(&mut self, value: &dyn Struct);
}
