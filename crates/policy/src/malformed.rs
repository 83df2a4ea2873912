//! Why a text is no policy. The message is IAM's; the reason lets a service say it in its own words.

use std::fmt;

/// What is wrong, for services that have their own texts (`MalformedPolicy` of S3, `InvalidParameter` of SNS).
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
    /// IAM's word for dates and ARNs it cannot read.
    Legacy,
    /// Organizations' one word for everything.
    PolicyType,
}

/// A text that is no policy of its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    pub reason: Reason,
    /// As IAM's `MalformedPolicyDocument` and STS's errors say it.
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
