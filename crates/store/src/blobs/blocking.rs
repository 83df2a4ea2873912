//! Work that waits for the disk.

use std::io;
use tokio::task::JoinError;

/// Runs what waits for the disk off the async threads.
pub(super) async fn blocking<R: Send + 'static>(work: impl FnOnce() -> io::Result<R> + Send + 'static) -> io::Result<R> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(ended(error)))
}

pub(super) fn ended(error: JoinError) -> io::Error {
    io::Error::other(error)
}
