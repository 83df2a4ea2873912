//! What all commands share: their outcome, and the folder of the project.

use std::path::{Path, PathBuf};

/// An error is a sentence for the user.
pub type Outcome<T = ()> = Result<T, String>;

/// The folder of the workspace.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}
