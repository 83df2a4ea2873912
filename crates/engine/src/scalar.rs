//! The value of one member, read from a request of any type.

use cloudlet_shape::{Body, Document, Events, Struct, Target, Timestamp, Value, Writer};

/// What a member is, if it is present and a text or an integer.
#[derive(Debug, Default)]
pub(crate) struct Scalar {
    pub text: Option<String>,
    pub integer: Option<i64>,
}

impl Scalar {
    pub fn of(value: &dyn Value, target: &'static Target) -> Scalar {
        let mut scalar = Scalar::default();
        if !value.is_absent() {
            value.write(&mut scalar, target);
        }
        scalar
    }
}

impl Writer for Scalar {
    fn integer(&mut self, value: i64) {
        self.integer = Some(value);
    }
    fn text(&mut self, value: &str) {
        self.text = Some(value.to_owned());
    }
    fn boolean(&mut self, _: bool) {}
    fn float(&mut self, _: f64) {}
    fn blob(&mut self, _: &[u8]) {}
    fn timestamp(&mut self, _: Timestamp, _: &'static Target) {}
    fn document(&mut self, _: &Document) {}
    fn body(&mut self, _: &Body) {}
    fn events(&mut self, _: &Events) {}
    fn list(&mut self, _: &'static Target, _: &mut dyn Iterator<Item = &dyn Value>) {}
    fn map(&mut self, _: &'static Target, _: &mut dyn Iterator<Item = (&str, &dyn Value)>) {}
    fn structure(&mut self, _: &dyn Struct) {}
}
