//! A worker's own view of the files: the machine's programs and libraries and the order's folders, all read-only, and a `/tmp` of its own.
//! Nothing else of the machine is there.

use crate::order::InitOrder;
use rustix::{
    fs::symlink,
    mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive, mount_change, mount_remount, unmount},
    process::{chdir, pivot_root},
};
use std::{ffi::CString, fs, io, path::Path};

/// Where the server's binary is in the view: the second stage is run from there.
pub const OWN: &str = "/.cloudlet";

/// What of the machine is seen, where it exists.
const PROGRAMS: [&str; 7] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt/java"];
const SETTINGS: [&str; 8] = [
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/ssl",
    "/etc/pki",
    "/etc/ca-certificates",
    "/etc/alternatives",
    "/etc/localtime",
];
const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];
const FILES: [(&str, &str); 5] = [
    ("/etc/passwd", "root:x:0:0:root:/root:/sbin/nologin\nsbx_user1051:x:993:990::/tmp:/sbin/nologin\n"),
    ("/etc/group", "root:x:0:\nsbx_user1051:x:990:\n"),
    ("/etc/hosts", "127.0.0.1 localhost localhost.localdomain sandbox sandbox.localdomain\n"),
    ("/etc/resolv.conf", ""),
    ("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
];

const READ_ONLY: MountFlags = MountFlags::BIND.union(MountFlags::RDONLY).union(MountFlags::NOSUID).union(MountFlags::NODEV);

/// Mounts the view over `order.root`, and goes there. It happens in a mount namespace of the worker's own.
pub fn make(order: &InitOrder, shortcomings: &mut Vec<String>) -> io::Result<()> {
    let root = Path::new(&order.root);
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    tmpfs(root, 4 << 20)?;
    let mut writable = Vec::new();
    let mut bind = |from: &str, at: &str| -> io::Result<()> {
        let to = below(root, at);
        if fs::symlink_metadata(from)?.is_symlink() {
            parent(&to)?;
            return Ok(symlink(fs::read_link(from)?, &to)?);
        }
        if fs::metadata(from)?.is_dir() {
            fs::create_dir_all(&to)?;
        } else {
            parent(&to)?;
            fs::write(&to, "")?;
        }
        mount_bind_recursive(from, &to)?;
        if mount_remount(&to, READ_ONLY, c"").is_err() && mount_remount(&to, READ_ONLY | MountFlags::NOEXEC, c"").is_err() {
            writable.push(at.to_owned());
        }
        Ok(())
    };
    for path in PROGRAMS.iter().chain(&SETTINGS).filter(|path| fs::symlink_metadata(path).is_ok()) {
        bind(path, path)?;
    }
    shell(root);
    if let Some(prefix) = order.prefix.as_deref().filter(|prefix| !prefix.starts_with("/usr/") && Path::new(prefix).is_dir()) {
        bind(prefix, prefix)?;
    }
    bind(&order.own, OWN)?;
    for (from, at) in &order.folders {
        bind(from, at)?;
    }
    if !writable.is_empty() {
        shortcomings.push(format!("its code could write to {}", writable.join(", ")));
    }
    for (path, content) in FILES {
        let to = below(root, path);
        parent(&to)?;
        fs::write(to, content)?;
    }
    devices(root)?;
    let temporary = root.join("tmp");
    fs::create_dir_all(&temporary)?;
    tmpfs(&temporary, order.temporary)?;
    fs::create_dir_all(root.join("proc"))?;
    // The old root is put under the new one, and away.
    chdir(root)?;
    pivot_root(".", ".")?;
    unmount(".", UnmountFlags::DETACH)?;
    chdir("/")?;
    if mount_remount("/", MountFlags::BIND | MountFlags::RDONLY, c"").is_err() {
        shortcomings.push("the root of its files could be written to".to_owned());
    }
    Ok(())
}

/// As in Amazon Linux, `sh` is bash, where the machine has one: scripts rely on it.
fn shell(root: &Path) {
    let (Ok(sh), Ok(bash)) = (fs::canonicalize("/bin/sh"), fs::canonicalize("/bin/bash")) else { return };
    let Some(sh) = sh.to_str().filter(|sh| sh.starts_with("/usr/") && Path::new(sh) != bash) else { return };
    let to = below(root, sh);
    if mount_bind(&bash, &to).is_ok() {
        let _ = mount_remount(&to, READ_ONLY, c"");
    }
}

fn below(root: &Path, path: &str) -> std::path::PathBuf {
    root.join(path.trim_start_matches('/'))
}

fn parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

fn tmpfs(at: &Path, bytes: u64) -> io::Result<()> {
    let options = CString::new(format!("size={bytes},mode=1777"))?;
    Ok(mount("tmpfs", at, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, options.as_c_str())?)
}

fn devices(root: &Path) -> io::Result<()> {
    let folder = root.join("dev");
    fs::create_dir_all(folder.join("shm"))?;
    for device in DEVICES {
        let to = folder.join(device);
        fs::write(&to, "")?;
        mount_bind(format!("/dev/{device}"), &to)?;
    }
    for (link, to) in [("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2")] {
        symlink(to, folder.join(link))?;
    }
    tmpfs(&folder.join("shm"), 64 << 20)
}

/// The processes of the worker alone. Where the machine does not allow it (some containers), it sees none, not even its own.
pub fn mount_processes() {
    let _ = mount("proc", "/proc", "proc", MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC, None::<&std::ffi::CStr>);
}
