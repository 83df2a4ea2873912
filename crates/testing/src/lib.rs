//! Test fixtures for engines: a cloud in memory with a stopped clock, callers, and an HTTP client that a test directs.
//! A dev-dependency only. Helpers that know one service stay in the tests of its engine, around `TestCloud`.
#![expect(clippy::expect_used, clippy::panic, reason = "a fixture fails the test that uses it")]

mod builder;
mod callers;
mod cloud;
mod endpoints;

pub use builder::{Builder, Parts};
pub use callers::{ALLOW_ALL, OTHER_ACCOUNT, account, other_account, root, service, user};
pub use cloud::{Answer, Request, TestCloud};
pub use endpoints::Endpoints;

use cloudlet_aws::Timestamp;

/// Where a test's clock starts.
pub const START: Timestamp = Timestamp(1_764_000_000_000);
