//! What all AWS services share: ARNs, accounts, regions, callers, timestamps and faults.
//! Deliberately no I/O, no clock, no service.

mod arn;
mod caller;
pub mod cut;
mod fault;
mod head;
pub mod json_text;
mod scope;
pub mod signing_names;
mod timestamp;

pub use arn::{Arn, ArnParts};
pub use caller::{Caller, Identity};
pub use fault::{Blame, Fault, FaultKind};
pub use head::{Head, Headers};
pub use scope::{Account, Region, Scope};
pub use timestamp::{Timestamp, TimestampFormat};
