//! The Amazon States Language: paths, intrinsic functions, definitions and the machine that runs them.
//!
//! No I/O, no clock, no randomness of its own: time and random numbers are handed in, and what the machine wants done is an effect.

pub mod definition;
pub mod intrinsics;
pub mod items;
pub mod jsonata;
pub mod jsonpath;
pub mod local;
pub mod machine;
pub mod random;
mod scope;
mod template;
pub mod text;
pub mod time;

pub use scope::Scope;
pub use template::{Template, TemplateError};
