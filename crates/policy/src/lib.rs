//! The IAM policy language: parse, evaluate, decide, explain.
//!
//! A policy's text becomes a [`Document`] once; [`decide`] then answers one [`Request`] under all the [`Policies`] that
//! apply to it. Deliberately no I/O, no clock, and no knowledge of any service: whoever asks brings action, resource and
//! condition [`Keys`].

mod decide;
mod document;
mod keys;
mod principal;

pub use decide::{Decision, Effect, Gate, Grant, Policies, Policy, Reach, Request, decide};
pub use document::{Document, Kind, Malformed};
pub use keys::{Keys, Value};
pub use principal::{Principal, PrincipalKind};
