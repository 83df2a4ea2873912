//! What a process takes on itself before it becomes somebody's program: an ordinary user, no new privileges, limits.

use nix::sched::{CloneFlags, unshare};
use rustix::{
    process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit},
    thread::set_no_new_privs,
};
use serde::{Deserialize, Serialize};
use std::fs;

/// Open files and processes. <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const FILES: u64 = 1_024;
pub const PROCESSES: u64 = 1_024;
/// Memory that is reserved for a process's own data beside what it is granted: interpreters reserve more than they use.
const SLACK: u64 = 512 << 20;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Confined {
    /// Whether it is in namespaces in which it would be root.
    pub privileged: bool,
    pub memory: u64,
    /// Bytes of one file.
    pub file_size: Option<u64>,
    /// The user, and group, that it is outside of its namespaces' innermost: 0 is theirs.
    pub outer: u32,
}

/// `numbers`: the user and the group that the program sees itself as.
pub fn confine(confined: &Confined, numbers: (u32, u32)) {
    if confined.privileged {
        unprivileged(numbers, confined.outer);
    }
    let _ = set_no_new_privs(true);
    let limit = |resource, most: u64| {
        let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    };
    limit(Resource::Core, 0);
    limit(Resource::Nofile, FILES);
    limit(Resource::Nproc, PROCESSES);
    limit(Resource::Data, confined.memory.saturating_mul(2).saturating_add(SLACK));
    if let Some(most) = confined.file_size {
        limit(Resource::Fsize, most);
    }
}

/// Another user namespace, in which the process is an ordinary user: what it runs has no capabilities in the namespaces around it.
fn unprivileged((user, group): (u32, u32), outer: u32) {
    if unshare(CloneFlags::CLONE_NEWUSER).is_ok() {
        // A process that was root may not write to its own maps otherwise: /proc/self would be root's.
        let _ = set_dumpable_behavior(DumpableBehavior::Dumpable);
        let _ = fs::write("/proc/self/setgroups", "deny");
        let _ = fs::write("/proc/self/uid_map", format!("{user} {outer} 1"));
        let _ = fs::write("/proc/self/gid_map", format!("{group} {outer} 1"));
    }
}
