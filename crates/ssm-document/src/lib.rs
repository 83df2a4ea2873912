//! Documents of Systems Manager: what they are written in, what their schemas ask for, their parameters and variables.
//!
//! No I/O, no clock. Runbooks are checked by whoever can read them: `validate` is handed that check.

mod content;
mod kinds;
mod parameters;
mod pattern;
mod schema;
mod steps;
mod validate;
mod values;
mod variables;
mod yaml;
mod yaml_writer;

pub use content::{read, write};
pub use kinds::{DocumentType, Format, Malformed, Platform};
pub use parameters::{Parameter, ParameterType, Parameters};
pub use pattern::Pattern;
pub use schema::Violation;
pub use steps::{OnFailure, Precondition, Step, Steps};
pub use validate::{MAX_CONTENT, Refused, Validated, validate};
pub use values::{Given, InvalidValue, Values, text_of};
pub use variables::{PARAMETER_STORE, named_in, parameters_in, substitute, substituted_text};
