//! Who calls, when, and from where: what conditions read, and what the logs keep of a call.

use crate::Origin;
use cloudlet_aws::{Caller, Scope, Timestamp};
use std::sync::Arc;

/// Who calls, when, and from where. It does not change while the call is performed; the log of decisions shares it.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The caller's account (the resource's for service principals) and the region of the call.
    pub scope: Scope,
    pub caller: Caller,
    /// When the call came in.
    pub now: Timestamp,
    pub request_id: Arc<str>,
    pub origin: Origin,
}
