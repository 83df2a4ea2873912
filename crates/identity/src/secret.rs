//! Secret texts.

use std::sync::Arc;

/// A secret access key, a session token, the hash of a password.
pub type Secret = cloudlet_store::Secret<Arc<str>>;
