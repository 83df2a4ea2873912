//! The outcome of a check.

use crate::project::Outcome;

/// Fails with one sentence and the list of what was found, if anything was.
pub fn outcome(found: &[String], sentence: &str) -> Outcome {
    if found.is_empty() { Ok(()) } else { Err(format!("{sentence}\n  {}", found.join("\n  "))) }
}
