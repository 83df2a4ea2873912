//! What was decided about one ask, as the call log keeps it.

use cloudlet_aws::Arn;
use std::borrow::Cow;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Allowed,
    Denied,
    /// Denied, and let through all the same: `--auth soft`.
    Tolerated,
    /// Nobody was asked: `--auth off`.
    Unasked,
}

#[derive(Clone, Debug)]
pub struct Verdict {
    pub action: &'static str,
    pub on: Arn,
    pub effect: Effect,
    /// Which policy decided, or which gate had nothing to say.
    pub reason: Cow<'static, str>,
}
