//! What system the machine has.

use std::path::Path;

/// The name and version of its distribution: `Debian GNU/Linux` and `13`.
#[derive(Clone, Debug, Default)]
pub struct System {
    pub name: Option<String>,
    pub version: Option<String>,
}

impl System {
    pub fn of_machine() -> System {
        System::of_file(Path::new("/etc/os-release"))
    }

    /// Of a folder with a file system. What is in `/etc` is often a link, which may lead out of the folder.
    pub fn of_root(folder: &Path) -> System {
        System::of_file(&folder.join("usr/lib/os-release"))
    }

    fn of_file(path: &Path) -> System {
        let release = std::fs::read_to_string(path).unwrap_or_default();
        let of = |key: &str| {
            let line = release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.map(|value| value.trim_matches('"').to_owned())
        };
        System { name: of("NAME"), version: of("VERSION_ID") }
    }
}

pub fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
