//! Automation documents of Systems Manager, schema 0.3: definitions, variables in them, and the machine that runs them.
//!
//! No I/O, no clock: time is handed in, and what the machine wants done is an effect. Documents come in as JSON values; whoever reads YAML does that
//! before. What an action does to AWS is not here either: the machine asks for it, and is told how it went.

pub mod approvals;
pub mod definition;
pub mod machine;
pub mod selector;
pub mod template;
pub mod time;
pub mod types;

pub use definition::{Problem, Runbook};
pub use types::Type;
