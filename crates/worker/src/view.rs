//! A worker's own view of the files: the machine's programs and libraries and the order's folders, all read-only, and a `/tmp` of its own.
//! Nothing else of the machine is there.

use crate::order::{InitOrder, NodeInit};
use rustix::{
    fs::symlink,
    io::Errno,
    mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive, mount_change, mount_remount, unmount},
    process::{chdir, pivot_root},
};
use std::{ffi::CString, fs, io, os::unix::fs::MetadataExt, path::Path};

/// Where the server's binary is in the view: the second stage is run from there.
pub const OWN: &str = "/.cloudlet";

/// Where the binary's loader and libraries are, for a node with other libraries.
const LOADED: &str = "/.cloudlet.d";
/// The folders of a node's users.
pub const HOMES: [&str; 2] = ["/root", "/home/ssm-user"];
/// What of a node's own folder is seen, and where.
const OWN_FOLDERS: [(&str, &str); 5] = [("root", "/root"), ("home", "/home/ssm-user"), ("tmp", "/tmp"), ("var-tmp", "/var/tmp"), ("run", "/run")];
/// What of another file system is not seen: it is made here.
const NOT_OF_ROOT: [&str; 8] = ["proc", "dev", "sys", "tmp", "root", "home", "run", "var"];

/// The processes of the machine, until those of the worker can be seen.
const PROC_OF_MACHINE: &str = "/.proc";

/// What of the machine is seen, where it exists.
const PROGRAMS: [&str; 7] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt/java"];
/// No folder that may have private keys.
const SETTINGS: [&str; 18] = [
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/cert.pem",
    "/etc/ca-certificates",
    "/etc/alternatives",
    "/etc/localtime",
    "/etc/timezone",
    // Libraries ask which system this is, and for the numbers and types that everybody knows.
    "/etc/os-release",
    "/etc/services",
    "/etc/protocols",
    "/etc/mime.types",
    "/etc/fonts",
];
const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];
const FILES: [(&str, &str); 5] = [
    ("/etc/passwd", "root:x:0:0:root:/root:/sbin/nologin\nsbx_user1051:x:993:990::/home/sbx_user1051:/sbin/nologin\n"),
    ("/etc/group", "root:x:0:\nsbx_user1051:x:990:\n"),
    ("/etc/hosts", "127.0.0.1 localhost localhost.localdomain sandbox sandbox.localdomain\n"),
    ("/etc/resolv.conf", ""),
    ("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
];

const NODE_FILES: [(&str, &str); 5] = [
    ("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nssm-user:x:1001:1001::/home/ssm-user:/bin/sh\n"),
    ("/etc/group", "root:x:0:\nssm-user:x:1001:\n"),
    ("/etc/hosts", "127.0.0.1 localhost localhost.localdomain\n"),
    ("/etc/resolv.conf", ""),
    ("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
];
/// What a shell and a terminal need beside programs.
/// And the lists of what is installed, which are of the programs that a node has.
const NODE_SETTINGS: [&str; 7] =
    ["/etc/profile", "/etc/profile.d", "/etc/bash.bashrc", "/etc/terminfo", "/etc/inputrc", "/var/lib/dpkg", "/var/lib/rpm"];

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
    let node = order.node.as_ref();
    let other = node.and_then(|node| node.root.as_deref());
    match other {
        Some(other) => {
            for entry in fs::read_dir(other)?.flatten() {
                let name = entry.file_name();
                let is_seen = |name: &&str| !name.starts_with(".cloudlet") && (!NOT_OF_ROOT.contains(name) || *name == "var" && has_temporary(other));
                let Some(name) = name.to_str().filter(is_seen) else { continue };
                bind(&format!("{other}/{name}"), &format!("/{name}"))?;
            }
            for (index, loaded) in node.iter().flat_map(|node| &node.loaded).enumerate() {
                bind(loaded, &format!("{LOADED}/{}", loaded_name(index, loaded)))?;
            }
        }
        None => {
            let settings = SETTINGS.iter().chain(NODE_SETTINGS.iter().filter(|_| node.is_some()));
            for path in PROGRAMS.iter().chain(settings).filter(|path| fs::symlink_metadata(path).is_ok()) {
                bind(path, path)?;
            }
            for path in settings_of_java() {
                bind(&path, &path)?;
            }
        }
    }
    if other.is_none() {
        shell(root);
    }
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
    let files = if node.is_some() { NODE_FILES } else { FILES };
    // Another file system has its own.
    for (path, content) in files.into_iter().filter(|_| other.is_none()) {
        let to = below(root, path);
        parent(&to)?;
        fs::write(to, content)?;
    }
    devices(root)?;
    match node {
        Some(node) => {
            for (name, at) in OWN_FOLDERS {
                let to = below(root, at);
                fs::create_dir_all(&to)?;
                let from = format!("{}/{name}", node.own);
                mount_bind(&from, &to)?;
                let _ = mount_remount(&to, MountFlags::BIND | MountFlags::NOSUID | MountFlags::NODEV, c"");
            }
            if terminals(root).is_err() {
                shortcomings.push("its terminals have no names".to_owned());
            }
        }
        None => {
            let temporary = root.join("tmp");
            fs::create_dir_all(&temporary)?;
            tmpfs(&temporary, order.temporary)?;
        }
    }
    fs::create_dir_all(root.join("proc"))?;
    // The kernel mounts another where one can be seen whole.
    let of_machine = below(root, PROC_OF_MACHINE);
    fs::create_dir_all(&of_machine)?;
    let _ = mount_bind_recursive("/proc", &of_machine);
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

/// Whether a file system has a `/var/tmp` over which the node's own can be mounted. Links are not followed: they would lead out of it.
fn has_temporary(other: &str) -> bool {
    ["var", "var/tmp"].iter().all(|name| fs::symlink_metadata(Path::new(other).join(name)).is_ok_and(|metadata| metadata.is_dir()))
}

/// Distributions keep the settings of a JDK apart from it: `/etc/java-21-openjdk`.
fn settings_of_java() -> Vec<String> {
    let entries = fs::read_dir("/etc").into_iter().flatten().flatten();
    let named = entries.filter_map(|entry| entry.file_name().to_str().filter(|name| name.starts_with("java")).map(|name| format!("/etc/{name}")));
    named.filter(|path| Path::new(path).is_dir()).collect()
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

/// Terminals of its own.
fn terminals(root: &Path) -> io::Result<()> {
    let folder = root.join("dev");
    let terminal = folder.join("tty");
    fs::write(&terminal, "")?;
    mount_bind("/dev/tty", &terminal)?;
    let pts = folder.join("pts");
    fs::create_dir_all(&pts)?;
    mount("devpts", &pts, "devpts", MountFlags::NOSUID | MountFlags::NOEXEC, c"newinstance,ptmxmode=0666,mode=0620")?;
    Ok(symlink("pts/ptmx", folder.join("ptmx"))?)
}

/// The loader keeps a name of its own, the libraries that under which they are looked for.
fn loaded_name(index: usize, path: &str) -> &str {
    if index == 0 { "loader" } else { path.rsplit('/').next().unwrap_or(path) }
}

/// How the binary is started in the view of a node.
pub fn start_of_own(node: &NodeInit) -> Vec<String> {
    if node.root.is_none() || node.loaded.is_empty() {
        return vec![OWN.to_owned()];
    }
    vec![format!("{LOADED}/loader"), "--library-path".to_owned(), LOADED.to_owned(), OWN.to_owned()]
}

/// The folders of a node's users on the machine.
pub fn homes(own: &str) -> [String; 2] {
    [format!("{own}/root"), format!("{own}/home")]
}

/// Makes a node's own folder, if it is not there yet.
pub fn make_own(own: &Path) -> io::Result<()> {
    for (name, _) in OWN_FOLDERS {
        fs::create_dir_all(own.join(name))?;
    }
    Ok(())
}

/// The processes of the worker alone. Where the machine does not allow it (some containers), it sees none, not even its own.
pub fn mount_processes() {
    let _ = mount("proc", "/proc", "proc", MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC, None::<&std::ffi::CStr>);
}

/// What of `/proc` is the machine's and not of the worker's processes can be read and not written. A worker of a server that runs as root is root to
/// the machine, though without capabilities, and the kernel lets root write most of its settings for that alone.
pub fn guard_settings_of_machine() -> io::Result<()> {
    for entry in fs::read_dir("/proc")?.flatten() {
        let is_process = entry.file_name().to_str().is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
        // Those that say nothing of the machine lead to a process.
        let Ok(metadata) = fs::symlink_metadata(entry.path()) else { continue };
        let can_be_written = metadata.is_dir() || metadata.mode() & 0o222 != 0;
        if is_process || metadata.is_symlink() || !can_be_written {
            continue;
        }
        mount_bind(entry.path(), entry.path())?;
        mount_remount(entry.path(), READ_ONLY | MountFlags::NOEXEC, c"")?;
    }
    Ok(())
}

/// Before anybody's program runs.
pub fn hide_processes_of_machine() -> io::Result<()> {
    match unmount(PROC_OF_MACHINE, UnmountFlags::DETACH) {
        // It was not mounted.
        Ok(()) | Err(Errno::INVAL) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
