//! A document as it was read and checked.

pub mod actions;
mod checks;
pub mod choice;
mod fields;
pub mod parameters;
mod problem;
mod read;
mod runbook;
mod step;

pub use actions::Action;
pub use choice::{Choice, Condition};
pub use parameters::{Parameter, ParameterProblem};
pub use problem::Problem;
pub use runbook::{Runbook, Variable, successor};
pub use step::{Body, Loop, MOST_ITERATIONS, Output, Route, Step};

#[cfg(test)]
use serde_json::Value;

#[cfg(test)]
mod tests;
