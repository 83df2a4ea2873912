//! Folders of workers: which paths stay in theirs, and those of the machine whose code is run where it lies.

use cloudlet_engine::Stopwatch;
use parking_lot::Mutex;
use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Component, Path, PathBuf},
    sync::{Arc, mpsc},
    time::{Duration, UNIX_EPOCH},
};

/// Threads that remove folders.
const REMOVERS: usize = 8;

/// The most files that are looked at.
const MOST: usize = 10_000;
/// What does not change while somebody writes code, and holds many files.
const PASSED_OVER: [&str; 5] = ["node_modules", ".git", "__pycache__", ".venv", "target"];

/// Whether a path stays in its folder.
pub fn is_plain(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

/// A path without links and without `..`.
pub fn real(path: &str) -> Option<String> {
    let path = fs::canonicalize(path).ok().filter(|path| path.is_dir())?;
    path.to_str().map(str::to_owned)
}

/// Removes a folder by several threads, which share the folders that it holds and those within these. False: it took longer, and goes on.
pub fn remove(folder: &Path, most: Duration) -> bool {
    let within = |folder: &Path| -> Vec<PathBuf> { fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect() };
    let is_folder = |path: &PathBuf| fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    let inner: Vec<PathBuf> = within(folder).into_iter().filter(is_folder).flat_map(|inner| within(&inner)).filter(is_folder).collect();
    let (done, is_done) = mpsc::channel();
    let left = Arc::new(Mutex::new(inner));
    for _ in 0..REMOVERS.min(left.lock().len()) {
        let (left, done) = (left.clone(), done.clone());
        let remove = move || {
            loop {
                let Some(next) = left.lock().pop() else { break };
                let _ = fs::remove_dir_all(next);
            }
            let _ = done.send(());
        };
        let _ = std::thread::Builder::new().stack_size(256 << 10).spawn(remove);
    }
    drop(done);
    let watch = Stopwatch::start();
    // They have all ended once nobody can say so any more.
    loop {
        match is_done.recv_timeout(most.saturating_sub(watch.elapsed())) {
            Ok(()) => {}
            Err(mpsc::RecvTimeoutError::Timeout) => return false,
            Err(mpsc::RecvTimeoutError::Disconnected) => return fs::remove_dir_all(folder).is_ok(),
        }
    }
}

/// A digest of the names, sizes and times of all files.
pub fn fingerprint(folder: &Path) -> String {
    let mut digest = DefaultHasher::new();
    let mut left: Vec<PathBuf> = vec![folder.to_owned()];
    let mut seen = 0;
    while let Some(folder) = left.pop() {
        let mut entries: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let Ok(metadata) = entry.metadata() else { continue };
            seen += 1;
            if seen > MOST {
                return format!("{:016x}", digest.finish());
            }
            let name = entry.file_name();
            if metadata.is_dir() {
                if !PASSED_OVER.iter().any(|passed| name == *passed) {
                    left.push(entry.path());
                }
                continue;
            }
            let changed = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            (name, metadata.len(), changed.map(|since| since.as_nanos())).hash(&mut digest);
        }
    }
    format!("{:016x}", digest.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("index.py"), "x = 1").unwrap();
        let before = fingerprint(folder.path());
        assert_eq!(before, fingerprint(folder.path()));
        fs::write(folder.path().join("index.py"), "x = 10").unwrap();
        assert_ne!(before, fingerprint(folder.path()));
    }

    #[test]
    fn folders_are_removed_with_all_that_is_in_them() {
        let folder = tempfile::tempdir().unwrap();
        let all = folder.path().join("all");
        for node in 0..50 {
            let inner = all.join(format!("nodes/{node}/tmp/deep"));
            fs::create_dir_all(&inner).unwrap();
            fs::write(inner.join("file"), "x").unwrap();
        }
        let outside = folder.path().join("outside");
        fs::create_dir_all(outside.join("stays")).unwrap();
        std::os::unix::fs::symlink(&outside, all.join("link")).unwrap();
        std::os::unix::fs::symlink(&outside, all.join("nodes/link")).unwrap();
        fs::write(all.join("file"), "x").unwrap();
        assert!(remove(&all, Duration::from_secs(60)));
        assert!(!all.exists() && outside.join("stays").is_dir());
        assert!(!remove(&all, Duration::from_secs(60)));
    }

    #[test]
    fn a_folder_has_one_path() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        let way = folder.path().join("a").join("..");
        assert_eq!(real(way.to_str().unwrap()), real(folder.path().to_str().unwrap()));
        assert_eq!(real("/nowhere/at/all"), None);
    }
}
