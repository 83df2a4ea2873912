//! Mail that really leaves: an engine hands it to the relay, if there is one.
//! Deliberately only the trait: `cloudlet-smtp` implements it, and tests have one of their own.

use crate::Boxed;
use bytes::Bytes;
use std::fmt;

/// Why the relay did not take a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelayError {
    /// It never will.
    Refused(String),
    /// It may later.
    Failed(String),
}

impl fmt::Display for RelayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RelayError::Refused(why) | RelayError::Failed(why) => f.write_str(why),
        }
    }
}

pub trait MailRelay: Send + Sync {
    /// Gives a message to the other server. The sender is that of the envelope.
    fn send<'a>(&'a self, from: &'a str, to: &'a [String], message: Bytes) -> Boxed<'a, Result<(), RelayError>>;
}
