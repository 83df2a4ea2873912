//! Files that a service gives to anybody, without a signature and beside its operations: the certificate of SNS's signatures.
//! They are read only: what changes something is an operation.

use bytes::Bytes;

pub struct PublicFile {
    pub content_type: &'static str,
    pub body: Bytes,
}

pub trait PublicFiles: Send + Sync {
    /// The paths of the files; `{name}` is any one segment. A bucket must not be able to have such a path.
    fn paths(&self) -> Vec<String>;
    /// The file at a path, if there is one.
    fn public_file(&self, path: &str) -> Option<PublicFile>;
}
