//! Folders of workers: which paths stay in theirs, and those of the machine whose code is run where it lies.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Component, Path, PathBuf},
    time::UNIX_EPOCH,
};

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
    fn a_folder_has_one_path() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        let way = folder.path().join("a").join("..");
        assert_eq!(real(way.to_str().unwrap()), real(folder.path().to_str().unwrap()));
        assert_eq!(real("/nowhere/at/all"), None);
    }
}
