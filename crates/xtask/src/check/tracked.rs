//! The text files of the project, as git lists them.

use crate::{project::Outcome, steps};
use std::{fs, path::Path, process::Command};

/// Every file that is tracked or would be, with its path below the workspace. Binary files are read as far as they are text.
pub fn files(root: &Path) -> Outcome<Vec<(String, String)>> {
    let listed = steps::read(Command::new("git").args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root))?;
    let names = listed.split('\0').filter(|name| !name.is_empty());
    // A file that was deleted and not yet committed is listed still.
    let read = names.filter_map(|name| Some((name.to_owned(), fs::read(root.join(name)).ok()?)));
    Ok(read.map(|(name, bytes)| (name, String::from_utf8_lossy(&bytes).into_owned())).collect())
}
