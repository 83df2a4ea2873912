//! Tags of users, roles, policies, providers and sessions.

use std::sync::Arc;

/// Keys and values, in the order in which they were given.
pub type Tags = Vec<(Arc<str>, Arc<str>)>;
