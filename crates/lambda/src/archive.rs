//! The archives of code that clients hand in. Bytes from outside: what they claim of themselves is checked while they are unpacked.

use crate::limits;
use cloudlet_engine::WorkerFile;
use std::io::{Cursor, Read};
use zip::ZipArchive;

/// Why an archive is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is no archive, or damaged.
    Unreadable,
    Empty,
    /// It would be too large when it is unpacked.
    TooLarge,
}

type Archive<'b> = ZipArchive<Cursor<&'b [u8]>>;

fn open(bytes: &[u8]) -> Result<Archive<'_>, Refused> {
    let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| Refused::Unreadable)?;
    match archive.len() {
        0 => Err(Refused::Empty),
        files if files > limits::FILES => Err(Refused::TooLarge),
        _ => Ok(archive),
    }
}

/// The bytes that an archive has when it is unpacked. Every file is read, so that a damaged archive is refused when it is handed in.
pub fn check(bytes: &[u8]) -> Result<u64, Refused> {
    let mut total = 0;
    each(bytes, &mut |_, content, _| {
        total += content.len() as u64;
        Ok(())
    })?;
    Ok(total)
}

/// The files of an archive.
pub fn unpack(bytes: &[u8]) -> Result<Vec<WorkerFile>, Refused> {
    let mut files = Vec::new();
    each(bytes, &mut |path, content, executable| {
        files.push(WorkerFile { path, content: content.into(), executable });
        Ok(())
    })?;
    Ok(files)
}

fn each(bytes: &[u8], take: &mut dyn FnMut(String, Vec<u8>, bool) -> Result<(), Refused>) -> Result<(), Refused> {
    let mut archive = open(bytes)?;
    let mut left = limits::UNPACKED_BYTES;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|_| Refused::Unreadable)?;
        if entry.is_dir() {
            continue;
        }
        // A path that leads out of the folder, and a link, which might, are left out.
        let Some(path) = entry.enclosed_name().and_then(|path| path.to_str().map(str::to_owned)) else { continue };
        if entry.is_symlink() || path.is_empty() {
            continue;
        }
        // AWS: what the archive says of permissions is kept; one made without any can be read and run.
        let executable = entry.unix_mode().is_none_or(|mode| mode & 0o111 != 0);
        let mut content = Vec::new();
        entry.by_ref().take(left + 1).read_to_end(&mut content).map_err(|_| Refused::Unreadable)?;
        left = left.checked_sub(content.len() as u64).ok_or(Refused::TooLarge)?;
        take(path, content, executable)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::zip_of;
    use bytes::Bytes;

    #[test]
    fn an_archive_is_unpacked() {
        let bytes = zip_of(&[("index.py", b"x = 1"), ("lib/a.txt", b"a")]);
        assert_eq!(check(&bytes), Ok(6));
        let files: Vec<_> = unpack(&bytes).unwrap().into_iter().map(|file| (file.path, file.content)).collect();
        assert_eq!(files, [("index.py".to_owned(), Bytes::from("x = 1")), ("lib/a.txt".to_owned(), Bytes::from("a"))]);
    }

    #[test]
    fn what_is_no_archive_is_refused() {
        assert_eq!(check(b"no archive"), Err(Refused::Unreadable));
        assert_eq!(check(&zip_of(&[])), Err(Refused::Empty));
        let mut damaged = zip_of(&[("index.py", &[7; 400])]);
        damaged[40] ^= 0xff;
        assert_eq!(check(&damaged), Err(Refused::Unreadable));
    }

    #[test]
    fn no_path_leads_out_of_the_folder() {
        let bytes = zip_of(&[("../../etc/passwd", b"x"), ("/abs", b"y"), ("ok", b"z")]);
        let paths: Vec<_> = unpack(&bytes).unwrap().into_iter().map(|file| file.path).collect();
        assert!(paths.iter().all(|path| !path.contains("..") && !path.starts_with('/')), "{paths:?}");
    }
}
