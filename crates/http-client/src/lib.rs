//! Carries letters out of the house: one HTTP client, bounded in time, size and number. Each letter has a connection of its own,
//! as endpoints of webhooks come and go. Deliberately no redirects and no proxies: SNS follows none either.

mod address;
mod client;
mod tls;

pub use client::{Bounds, Client};
