//! A policy document: its text, read once and strictly, ready to be evaluated.

use std::{fmt, sync::Arc};

/// What a document is for. It decides which elements must, may and may not stand in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Attached to users, groups, roles; also permissions boundaries and session policies.
    Identity,
    /// Attached to a resource, naming principals: buckets, queues, topics, functions.
    Resource,
    /// A role's trust policy.
    Trust,
    /// A KMS key's policy: like a role's trust, identity policies alone are never enough.
    Key,
    VpcEndpoint,
    /// SCP
    ServiceControl,
    /// RCP
    ResourceControl,
}

/// A parsed policy, cheap to clone.
#[derive(Clone, Debug)]
pub struct Document(Arc<Parsed>);

#[derive(Debug)]
struct Parsed {
    kind: Kind,
}

impl Document {
    pub fn parse(_text: &str, kind: Kind) -> Result<Document, Malformed> {
        Ok(Document(Arc::new(Parsed { kind })))
    }

    pub fn kind(&self) -> Kind {
        self.0.kind
    }
}

/// Why a text is no policy of its kind, in the words of IAM's `MalformedPolicyDocument`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    pub message: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Malformed {}
