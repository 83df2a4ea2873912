//! No committed file names a host of a package registry or a folder of one machine.

use super::{findings::outcome, tracked};
use crate::project::Outcome;
use std::path::Path;

/// In halves, so that this file does not contain them.
const HOSTS: &[&str] = &[
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
    concat!("/work/", "base"),
];

pub fn check(root: &Path) -> Outcome {
    let mut found = Vec::new();
    for (name, text) in tracked::files(root)? {
        for (number, line) in text.lines().enumerate() {
            if let Some(host) = HOSTS.iter().find(|host| line.contains(*host)) {
                found.push(format!("{name}:{}: {host}", number + 1));
            }
        }
    }
    outcome(&found, "these lines name hosts or folders that are no part of the project:")
}
