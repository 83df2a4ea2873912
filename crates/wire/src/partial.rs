//! Readers and writers that understand a part of the values: the rest of their methods, in a line.

/// Methods of a `Reader` that refuse.
macro_rules! refuses {
    ($why:literal: $($method:ident)*) => { $( $crate::partial::refuses!(@$method $why); )* };
    (@boolean $why:literal) => { fn boolean(&mut self) -> Read<bool> { Err(Mismatch::Malformed($why.into())) } };
    (@integer $why:literal) => { fn integer(&mut self) -> Read<i64> { Err(Mismatch::Malformed($why.into())) } };
    (@float $why:literal) => { fn float(&mut self) -> Read<f64> { Err(Mismatch::Malformed($why.into())) } };
    (@text $why:literal) => { fn text(&mut self) -> Read<String> { Err(Mismatch::Malformed($why.into())) } };
    (@blob $why:literal) => { fn blob(&mut self) -> Read<Blob> { Err(Mismatch::Malformed($why.into())) } };
    (@timestamp $why:literal) => { fn timestamp(&mut self, _: &'static Target) -> Read<Timestamp> { Err(Mismatch::Malformed($why.into())) } };
    (@document $why:literal) => { fn document(&mut self) -> Read<Document> { Err(Mismatch::Malformed($why.into())) } };
    (@body $why:literal) => { fn body(&mut self) -> Read<Body> { Err(Mismatch::Malformed($why.into())) } };
    (@events $why:literal) => { fn events(&mut self) -> Read<Events> { Err(Mismatch::Malformed($why.into())) } };
    (@list $why:literal) => {
        fn list(&mut self, _: &'static Target, _: &mut dyn FnMut(&mut dyn Reader) -> Read<()>) -> Read<()> { Err(Mismatch::Malformed($why.into())) }
    };
    (@map $why:literal) => {
        fn map(&mut self, _: &'static Target, _: &mut dyn FnMut(String, &mut dyn Reader) -> Read<()>) -> Read<()> { Err(Mismatch::Malformed($why.into())) }
    };
    (@structure $why:literal) => {
        fn structure(&mut self, _: &'static Schema, _: &mut dyn FnMut(usize, &mut dyn Reader) -> Read<()>) -> Read<()> { Err(Mismatch::Malformed($why.into())) }
    };
    (@missing $why:literal) => { fn missing(&mut self, _: &'static Schema, _: usize) {} };
}

/// Methods of a `Reader` that hand on to the text that `self.$of()?` gives.
macro_rules! reads_text {
    ($of:ident: $($method:ident)*) => { $( $crate::partial::reads_text!(@$method $of); )* };
    (@boolean $of:ident) => { fn boolean(&mut self) -> Read<bool> { self.$of()?.boolean() } };
    (@integer $of:ident) => { fn integer(&mut self) -> Read<i64> { self.$of()?.integer() } };
    (@float $of:ident) => { fn float(&mut self) -> Read<f64> { self.$of()?.float() } };
    (@text $of:ident) => { fn text(&mut self) -> Read<String> { self.$of()?.text() } };
    (@blob $of:ident) => { fn blob(&mut self) -> Read<Blob> { self.$of()?.blob() } };
    (@timestamp $of:ident) => { fn timestamp(&mut self, of: &'static Target) -> Read<Timestamp> { self.$of()?.timestamp(of) } };
    (@document $of:ident) => { fn document(&mut self) -> Read<Document> { self.$of()?.document() } };
    (@body $of:ident) => { fn body(&mut self) -> Read<Body> { self.$of()?.body() } };
    (@events $of:ident) => { fn events(&mut self) -> Read<Events> { self.$of()?.events() } };
}

/// Methods of a `Writer` that write nothing.
macro_rules! ignores {
    ($($method:ident)*) => { $( $crate::partial::ignores!(@$method); )* };
    (@boolean) => { fn boolean(&mut self, _: bool) {} };
    (@integer) => { fn integer(&mut self, _: i64) {} };
    (@float) => { fn float(&mut self, _: f64) {} };
    (@text) => { fn text(&mut self, _: &str) {} };
    (@blob) => { fn blob(&mut self, _: &[u8]) {} };
    (@timestamp) => { fn timestamp(&mut self, _: Timestamp, _: &'static Target) {} };
    (@document) => { fn document(&mut self, _: &Document) {} };
    (@body) => { fn body(&mut self, _: &Body) {} };
    (@events) => { fn events(&mut self, _: &Events) {} };
    (@list) => { fn list(&mut self, _: &'static Target, _: &mut dyn Iterator<Item = &dyn Value>) {} };
    (@map) => { fn map(&mut self, _: &'static Target, _: &mut dyn Iterator<Item = (&str, &dyn Value)>) {} };
    (@structure) => { fn structure(&mut self, _: &dyn Struct) {} };
}

pub(crate) use {ignores, reads_text, refuses};
