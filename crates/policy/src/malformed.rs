//! Why a text is not a policy. The message is IAM's; the reason lets a service choose its own.

use std::fmt;

/// The kind of mistake, for services that have their own messages (`MalformedPolicy` of S3, `InvalidParameter` of SNS).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The text is no JSON.
    Json,
    /// JSON, but not of a policy's shape.
    Syntax,
    Version,
    Sid,
    Effect,
    /// A Principal that is missing, forbidden, or names nobody.
    Principal,
    Action,
    Resource,
    Condition,
    /// IAM's message for dates and ARNs that it cannot read.
    Legacy,
    /// Organizations' message for every mistake.
    PolicyType,
}

/// A text that is no policy of its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    pub reason: Reason,
    /// The message of IAM's `MalformedPolicyDocument` and of STS's errors.
    pub message: String,
}

impl Malformed {
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Malformed {
        Malformed { reason, message: message.into() }
    }

    pub(crate) fn syntax() -> Malformed {
        Malformed::new(Reason::Syntax, "Syntax errors in policy.")
    }

    pub(crate) fn legacy() -> Malformed {
        Malformed::new(Reason::Legacy, "The policy failed legacy parsing")
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Malformed {}
