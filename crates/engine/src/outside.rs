//! What lies outside of the house: HTTP endpoints of somebody else's. An engine hands over a letter and learns what came of it.
//! Deliberately only the words; who carries the letters is `cloudlet-outside`, and in tests anybody.

use crate::Boxed;
use bytes::Bytes;
use std::{fmt, time::Duration};

/// A request to somebody's endpoint.
#[derive(Clone, Debug)]
pub struct Letter {
    pub method: &'static str,
    /// `http://localhost:8080/hook`, with `user:password@` before the host where the endpoint wants it.
    pub to: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
    /// How long the whole exchange may take.
    pub patience: Duration,
}

/// What the endpoint said: its status, and the beginning of its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub status: u16,
    pub body: Bytes,
}

/// Why there was no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// No address that a letter could be sent to.
    Address(String),
    Unreachable(String),
    TooSlow,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lost::Address(why) | Lost::Unreachable(why) => f.write_str(why),
            Lost::TooSlow => f.write_str("the endpoint did not answer in time"),
        }
    }
}

/// Carries letters out of the house.
pub trait Outside: Send + Sync {
    fn send(&self, letter: Letter) -> Boxed<'_, Result<Receipt, Lost>>;
}
