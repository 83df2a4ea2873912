//! The HTTP client: requests to the endpoints of users (SNS subscriptions), bounded in time, size and number. Each has a connection of its
//! own, as such endpoints come and go. There are no redirects and no proxies: SNS follows none either.

mod address;
mod client;
mod tls;

pub use client::{Bounds, Client, connect};
