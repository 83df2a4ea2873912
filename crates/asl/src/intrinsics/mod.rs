//! The 18 intrinsic functions of JSONPath states: `States.Format('Hello {}', $.name)`.
//! <https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html>

mod call;
mod functions;
mod parse;

pub use call::{Intrinsic, IntrinsicError};
pub(crate) use functions::hexadecimal_digest;

#[cfg(test)]
mod tests;
