//! The words all AWS services share: who, where, what, when, and what went wrong.
//! Deliberately no I/O, no clock, no service.

mod arn;
mod caller;
pub mod cut;
mod fault;
mod head;
pub mod json_text;
mod scope;
mod timestamp;

pub use arn::Arn;
pub use caller::{Caller, Identity};
pub use fault::{Blame, Fault, FaultKind};
pub use head::{Head, Headers};
pub use scope::{Account, Region, Scope};
pub use timestamp::{Timestamp, TimestampFormat};
