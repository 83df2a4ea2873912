//! What system the machine has.

/// The name and version of its distribution: `Debian GNU/Linux` and `13`.
#[derive(Clone, Debug, Default)]
pub struct System {
    pub name: Option<String>,
    pub version: Option<String>,
}

impl System {
    pub fn of_machine() -> System {
        let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
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
