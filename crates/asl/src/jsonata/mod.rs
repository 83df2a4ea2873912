//! JSONata as Step Functions has it: version 2.0.6 without an implicit context, with a few functions more, and bounded.
//! <https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html>

mod check;
mod expression;
mod functions;
mod session;

pub use expression::{Expression, JsonataError, Uses, expression_text};
pub use session::Session;

#[cfg(test)]
mod suite_tests;
#[cfg(test)]
mod tests;
