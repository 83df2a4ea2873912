//! Words that must not be committed: hosts of package registries, and folders of somebody's machine.

use super::verdict;
use crate::{Outcome, steps};
use std::{fs, path::Path, process::Command};

/// Written in halves, so that this file does not hold them.
const WORDS: &[&str] = &[
    concat!("static.", "crates.io"),
    concat!("index.", "crates.io"),
    concat!("py", "pi.org"),
    concat!("python", "hosted.org"),
    concat!("registry.", "npmjs.org"),
    concat!("registry.", "yarnpkg.com"),
    concat!("deb.", "debian.org"),
    concat!("security.", "debian.org"),
    concat!("/ro", "ot/."),
    concat!("/work/", "shared"),
    concat!("/work/", "main"),
    concat!("/work/", "wt"),
];

pub fn check(root: &Path) -> Outcome {
    let listed = steps::read(Command::new("git").args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root))?;
    let mut found = Vec::new();
    for name in listed.split('\0').filter(|name| !name.is_empty()) {
        let Ok(bytes) = fs::read(root.join(name)) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        for (number, line) in text.lines().enumerate() {
            if let Some(word) = WORDS.iter().find(|word| line.contains(*word)) {
                found.push(format!("{name}:{}: {word}", number + 1));
            }
        }
    }
    verdict(&found, "these lines name hosts or folders that are no part of the project:")
}
