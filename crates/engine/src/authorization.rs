//! The authorization of a call: who calls, and what was decided about each permission, as the call log keeps it.

use crate::RequestContext;
use cloudlet_aws::Arn;
use parking_lot::Mutex;
use smallvec::SmallVec;
use std::{borrow::Cow, ops::Deref, sync::Arc};

/// What a call is authorized by. The fields of its request context are read as its own.
pub struct Authorization {
    pub request: Arc<RequestContext>,
    /// The decisions made about this call so far.
    pub auth_records: Mutex<SmallVec<[AuthRecord; 1]>>,
}

impl Authorization {
    pub fn new(request: RequestContext) -> Authorization {
        Authorization { request: Arc::new(request), auth_records: Mutex::default() }
    }
}

impl Deref for Authorization {
    type Target = RequestContext;

    fn deref(&self) -> &RequestContext {
        &self.request
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthOutcome {
    Allowed,
    Denied,
    /// Denied, and let through all the same: `--auth soft`.
    Tolerated,
    /// No policy was evaluated: `--auth off`.
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
