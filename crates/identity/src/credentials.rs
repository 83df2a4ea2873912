//! Access keys and whom they stand for.

use crate::{LastUsed, Secret};
use cloudlet_aws::{Account, Caller};
use std::sync::Arc;

/// The credentials the server is started with: the root of its account.
#[derive(Clone, Debug)]
pub struct Root {
    pub account: Account,
    pub partition: &'static str,
    pub access_key: Arc<str>,
    pub secret: Secret,
}

/// A key that exists: its owner, and the secret a signature must have been made with.
#[derive(Clone, Debug)]
pub struct Credential {
    pub caller: Caller,
    pub secret: Secret,
}

/// Why a key is refused before its signature is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// No such access key, or one that was deactivated.
    Key,
    /// The session token is missing, or is not the key's.
    Token,
    /// The session is over.
    Expired,
}

/// A long-term key as it is remembered between two changes of IAM.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    pub credential: Credential,
    pub used: LastUsed,
}
