//! What the machine has for all its workers and nodes: the binary, a folder, and what is known of its shortcomings.

use crate::folders;
use parking_lot::Mutex;
use std::{collections::BTreeSet, fs, io, os::unix::fs::DirBuilderExt, path::PathBuf, sync::OnceLock, time::Duration};

/// How long the end of the server waits until the folders are removed. What is left then the next start removes.
const REMOVAL: Duration = Duration::from_secs(3);

pub struct Shared {
    /// The server's binary.
    pub own: PathBuf,
    /// Holds the folders of workers. Only the user of the server can read it.
    pub folder: PathBuf,
    pub shortcomings: Mutex<BTreeSet<String>>,
    pub made: OnceLock<Result<(), io::ErrorKind>>,
}

impl Shared {
    pub fn place(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Makes the folder. One that is there already is somebody else's, who might change what is in it.
    pub fn prepare(&self) -> io::Result<()> {
        let made = self.made.get_or_init(|| fs::DirBuilder::new().mode(0o700).create(&self.folder).map_err(|error| error.kind()));
        (*made).map_err(io::Error::from)
    }

    /// An empty folder over which views are mounted.
    pub fn root(&self) -> io::Result<PathBuf> {
        let root = self.folder.join("root");
        self.prepare()?;
        fs::DirBuilder::new().recursive(true).mode(0o755).create(&root)?;
        Ok(root)
    }

    pub fn note(&self, shortcomings: Vec<String>) {
        let mut known = self.shortcomings.lock();
        for sentence in shortcomings {
            if known.insert(sentence.clone()) {
                tracing::warn!(target: "cloudlet", "a worker is not kept apart from this machine: {sentence}");
            }
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if matches!(self.made.get(), Some(Ok(()))) {
            folders::remove(&self.folder, REMOVAL);
        }
    }
}
