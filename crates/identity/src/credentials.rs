//! Access keys and their principals.

use crate::{LastUsed, Secret};
use cloudlet_aws::{Account, Caller};
use std::sync::Arc;

/// The credentials with which the server is started: the root user of its account.
#[derive(Clone, Debug)]
pub struct Root {
    pub account: Account,
    pub partition: &'static str,
    pub access_key: Arc<str>,
    pub secret: Secret,
}

/// An access key: its principal, and the secret with which requests must be signed.
#[derive(Clone, Debug)]
pub struct Credential {
    pub caller: Caller,
    pub secret: Secret,
}

/// Why an access key is refused before the signature is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialError {
    /// No such access key, or one that was deactivated.
    Key,
    /// The session token is missing, or is not the key's.
    Token,
    /// The session has expired.
    Expired,
}

/// A long-term key as it is cached between two changes of IAM.
#[derive(Clone, Debug)]
pub(crate) struct CachedKey {
    pub credential: Credential,
    pub last_used: LastUsed,
}
