//! What a service hands to anybody who asks for it by its path, without a signature and beside its operations: the certificate
//! of SNS's signatures. Deliberately read only: whatever changes something is an operation.

use bytes::Bytes;

pub struct PublicFile {
    pub content_type: &'static str,
    pub body: Bytes,
}

pub trait PublicFiles: Send + Sync {
    /// The paper that lies at a path, if one does. Paths must be none that a bucket could have.
    fn public_file(&self, path: &str) -> Option<PublicFile>;
}
