//! The IAM policy language: parse, evaluate, decide, explain.
//!
//! A policy's text becomes a [`Document`] once; [`decide`] then answers one [`Request`] under all the [`Policies`] that
//! apply to it. No I/O, no clock, and no knowledge of any service: the caller of this crate gives action, resource and condition [`Keys`].

mod arns;
mod conditions;
mod decide;
mod document;
mod evaluate;
mod explain;
mod json;
mod keys;
mod malformed;
mod principal;
mod template;
mod values;
mod wildcard;

pub use conditions::Condition;
pub use decide::{By, Decision, Effect, Gate, Grant, Policies, Policy, Request, Source, decide};
pub use document::{Document, Kind, Listing, Position, Span, Statement, StatementEffect, Version, rewrite_principals};
pub use explain::{Explanation, GateTrace, MatchedStatement, Miss, Outcome, PolicyTrace, StatementTrace, explain};
pub use keys::{Keys, Value};
pub use malformed::{Malformed, Reason};
pub use principal::{Named, Principal, PrincipalKind, Reach};
pub use wildcard::fits;
