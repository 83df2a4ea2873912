//! Calls whose service, operation and parameters are known at run time only: those of a document, with parameters and results in JSON. Whose names
//! and forms these have is a `Style` of whoever calls: Step Functions speaks as the SDK for Java, Automation as the one for Python.

mod reader;
mod style;
mod writer;

pub use reader::{Parameters, Problem};
pub use style::{Instants, ShapeKind, Style};
pub use writer::result;
