//! How much of the machine's disk a node's own folder takes. That is counted when the disk has got fuller by a part of what the node may have:
//! to count takes long, to ask the disk does not.

use rustix::fs::statvfs;
use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Files in the folder.
const MOST_FILES: u64 = 1 << 20;
/// The part after which the folder is counted again.
const PART: u64 = 16;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Amount {
    bytes: u64,
    files: u64,
}

#[derive(Clone, Debug)]
pub struct Disk {
    folder: PathBuf,
    most: Amount,
    /// What was free at the start, or when the folder was counted last.
    free: Option<Amount>,
}

impl Disk {
    pub fn of(folder: PathBuf, bytes: u64) -> Disk {
        Disk { folder, most: Amount { bytes, files: MOST_FILES }, free: None }
    }

    /// Whether the folder may have grown so much that it is to be counted. One that is too large already when something starts is left alone as long
    /// as it does not grow: what is there can be removed.
    pub fn is_fuller(&mut self) -> bool {
        let Ok(disk) = statvfs(&self.folder) else { return false };
        let now = Amount { bytes: disk.f_bavail.saturating_mul(disk.f_frsize), files: disk.f_favail };
        let is_near = |before: u64, now: u64, most: u64| before.saturating_sub(now) < most / PART;
        let before = self.free.unwrap_or(now);
        let is_near = is_near(before.bytes, now.bytes, self.most.bytes) && is_near(before.files, now.files, self.most.files);
        let freest = Amount { bytes: before.bytes.max(now.bytes), files: before.files.max(now.files) };
        self.free = Some(if is_near { freest } else { now });
        !is_near
    }

    /// Whether the folder has too much.
    pub fn is_over(&self) -> bool {
        let mut taken = Amount::default();
        let mut left = vec![self.folder.clone()];
        while let Some(folder) = left.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let Ok(metadata) = entry.metadata() else { continue };
                taken.files += 1;
                taken.bytes += metadata.blocks() * 512;
                if taken.files > self.most.files || taken.bytes > self.most.bytes {
                    return true;
                }
                if metadata.is_dir() {
                    left.push(entry.path());
                }
            }
        }
        false
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_counted_with_all_below_it() {
        let folder = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let mut disk = Disk::of(folder.path().to_owned(), 1 << 20);
        assert!(!disk.is_fuller() && !disk.is_over());
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        fs::write(outside.path().join("large"), vec![1; 2 << 20]).unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("a/link")).unwrap();
        fs::write(folder.path().join("a/one"), vec![1; 600 << 10]).unwrap();
        assert!(!disk.is_over());
        fs::write(folder.path().join("a/b/two"), vec![1; 600 << 10]).unwrap();
        assert!(disk.is_over());
        fs::remove_file(folder.path().join("a/one")).unwrap();
        assert!(!disk.is_over());
    }
}
