//! A user of the machine that is nobody else's. The kernel counts processes by user, and root's not at all: a worker of a server that runs as
//! root gets one of its own.

use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use std::{fs, os::unix::fs::PermissionsExt};

/// Numbers that no machine gives to people: the first range, and one for containers that have 65,536 users.
const RANGES: [(u32, u32); 2] = [(1_900_000_000, 40_000_000), (20_000, 40_000)];

/// A number that no other worker has now: that of this process is in it.
pub fn spare() -> Option<u32> {
    let known = fs::read_to_string("/proc/self/uid_map").ok()?;
    let groups = fs::read_to_string("/proc/self/gid_map").ok()?;
    let own = std::process::id();
    RANGES.iter().map(|(first, count)| first + own % count).find(|user| has(&known, *user) && has(&groups, *user))
}

/// Whether a map of users (`inside outside count` in each line) has a number.
fn has(map: &str, wanted: u32) -> bool {
    map.lines().any(|line| {
        let mut numbers = line.split_whitespace().map(|number| number.parse::<u64>().unwrap_or(0));
        let (first, _, count) = (numbers.next().unwrap_or(0), numbers.next(), numbers.next().unwrap_or(0));
        (first..first + count).contains(&u64::from(wanted))
    })
}

/// Whether a folder is open to a user that is nobody else's. Somebody's own, in which code is run where it lies, may not be.
pub fn everybody_reads(folder: &str) -> bool {
    fs::metadata(folder).is_ok_and(|metadata| metadata.permissions().mode() & 0o5 == 0o5)
}

/// From now on, for good.
pub fn become_it(user: u32) -> bool {
    let (group, user) = (Gid::from_raw(user), Uid::from_raw(user));
    setgroups(&[]).is_ok() && setresgid(group, group, group).is_ok() && setresuid(user, user, user).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_read() {
        let all = "         0          0 4294967295\n";
        assert!(has(all, 1_900_000_001));
        let container = "0 100000 65536\n";
        assert!(has(container, 20_001) && !has(container, 1_900_000_001));
        assert!(!has("0 1000 1\n", 20_001) && !has("", 0));
    }
}
