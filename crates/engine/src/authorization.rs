//! What was decided about one permission of a call, as the call log keeps it.

use cloudlet_aws::Arn;
use std::borrow::Cow;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthOutcome {
    Allowed,
    Denied,
    /// Denied, and let through all the same: `--auth soft`.
    Tolerated,
    /// Nobody was asked: `--auth off`.
    NotChecked,
}

#[derive(Clone, Debug)]
pub struct AuthRecord {
    pub action: &'static str,
    pub resource: Arn,
    pub outcome: AuthOutcome,
    /// Which policy decided, or which gate had nothing to say.
    pub reason: Cow<'static, str>,
}
