//! JSONPath with the meaning of Jayway's library, whose messages AWS shows.
//!
//! A definite path gives the value itself, an indefinite one always an array. Beside `$` a path may start at the context object
//! (`$$`) or at a variable (`$name`).

mod evaluate;
mod filter;
mod functions;
mod parse;
mod path;
mod reader;
mod reference;

pub use path::{Path, PathError, Root};
pub use reader::PathSyntaxError;

#[cfg(test)]
mod tests;
