//! Paths of an image, which stay in the folder that it is unpacked into: links in it are followed as they are where that folder is the root.

use std::{
    collections::VecDeque,
    ffi::{OsStr, OsString},
    fs, io,
    path::{Component, Path, PathBuf},
};

/// As the kernel.
const LINKS: usize = 40;

/// The parts of a path of an archive; `None`: it goes up.
pub fn parts(path: &Path) -> Option<Vec<OsString>> {
    path.components()
        .filter_map(|part| match part {
            Component::Normal(part) => Some(Some(part.to_owned())),
            Component::ParentDir => Some(None),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}

/// The folder that a path leads to, without links. `make`: what is not there is made.
pub fn folder(root: &Path, path: &[OsString], make: bool) -> io::Result<PathBuf> {
    let mut left: VecDeque<OsString> = path.iter().cloned().collect();
    let mut way: Vec<OsString> = Vec::new();
    let mut links = 0;
    while let Some(part) = left.pop_front() {
        if part == OsStr::new("..") {
            // That of the root is itself.
            way.pop();
            continue;
        }
        let mut here = root.to_owned();
        here.extend(&way);
        here.push(&part);
        match fs::symlink_metadata(&here) {
            Ok(metadata) if metadata.is_dir() => way.push(part),
            Ok(metadata) if metadata.is_symlink() => {
                links += 1;
                if links > LINKS {
                    return Err(io::Error::other("too many links"));
                }
                let target = fs::read_link(&here)?;
                if target.is_absolute() {
                    way.clear();
                }
                for component in target.components().rev() {
                    match component {
                        Component::Normal(part) => left.push_front(part.to_owned()),
                        Component::ParentDir => left.push_front("..".into()),
                        Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
                    }
                }
            }
            Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound && make => {
                fs::create_dir(&here)?;
                way.push(part);
            }
            Err(error) => return Err(error),
        }
    }
    let mut found = root.to_owned();
    found.extend(way);
    Ok(found)
}
