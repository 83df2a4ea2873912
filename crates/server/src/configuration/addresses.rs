//! Addresses, names and folders that settings mean.

use super::refusal::Refusal;
use std::{
    ffi::OsString,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    path::PathBuf,
};

/// The search path, and where version managers put interpreters: theirs on the search path are scripts.
pub fn interpreters(path: Option<OsString>, home: Option<OsString>) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = path.map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    folders.extend(["/usr/local/bin", "/usr/bin"].map(PathBuf::from));
    let home = home.map(PathBuf::from).unwrap_or_default();
    for kept in [
        ".pyenv/versions",
        ".nvm/versions/node",
        ".asdf/installs/python",
        ".asdf/installs/nodejs",
        ".local/share/mise/installs/python",
        ".local/share/mise/installs/node",
        ".local/share/uv/python",
    ] {
        let versions = std::fs::read_dir(home.join(kept)).into_iter().flatten().flatten();
        folders.extend(versions.map(|version| version.path().join("bin")));
    }
    folders
}

/// An origin as browsers send it: a scheme, a host and perhaps a port.
pub fn is_origin(origin: &str) -> bool {
    let host = origin.split_once("://").filter(|(scheme, _)| !scheme.is_empty()).map(|(_, host)| host);
    matches!(origin, "*" | "null") || host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', ' ', '@']))
}

/// A name as it stands in a Host header, without a port.
pub fn is_host(name: &str) -> bool {
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    name.split('.').all(is_label)
}

/// `localhost` means both loopback addresses; an address means itself.
pub fn addresses(host: &str, port: u16) -> Result<Vec<SocketAddr>, Refusal> {
    if let Ok(ip) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let found = (host, port).to_socket_addrs().map_err(|error| Refusal::says(format_args!("--host {host}: {error}")))?;
    let mut found: Vec<SocketAddr> = found.collect();
    found.sort();
    found.dedup();
    if port == 0 {
        // Each address would get a port of its own.
        found.truncate(1);
    }
    Ok(found)
}
