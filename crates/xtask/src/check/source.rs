//! The Rust sources of the project.

use crate::project::Outcome;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A source file of a crate, not a generated one.
pub struct Source {
    /// From the workspace on: `crates/sqs/src/queues.rs`.
    pub path: String,
    pub text: String,
}

impl Source {
    /// The lines that the product is made of: no comments, no unit tests.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().take(self.code_end()).enumerate();
        lines.filter(|(_, line)| !line.trim_start().starts_with("//")).map(|(number, line)| (number + 1, line))
    }

    /// The number of lines before the unit tests.
    pub fn code_end(&self) -> usize {
        let tests = || self.text.lines().position(|line| line.trim() == "#[cfg(test)]");
        if self.is_test() { 0 } else { tests().unwrap_or(usize::MAX) }
    }

    pub fn is_test(&self) -> bool {
        ["/tests/", "/tests.rs", "/benches/", "/examples/"].iter().any(|part| self.path.contains(part))
    }
}

/// All sources below `crates`, but not the generated ones.
pub fn all(root: &Path) -> Outcome<Vec<Source>> {
    let mut sources = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root.join("crates")];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for entry in entries {
            let path = entry.map_err(|error| format!("{}: {error}", folder.display()))?.path();
            if path.is_dir() {
                if path != root.join("crates/api") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
                let path = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
                sources.push(Source { path, text });
            }
        }
    }
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(sources)
}
