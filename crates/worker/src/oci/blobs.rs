//! The blobs of a layout. Each is read once, and is what its digest says or refused.

use super::Refused;
use serde::{Deserialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::Path,
};

/// Indexes and manifests. <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests>
const LARGEST_JSON: u64 = 4 << 20;

#[derive(Debug, Deserialize)]
pub struct Index {
    pub manifests: Vec<Descriptor>,
}

#[derive(Debug, Deserialize)]
pub struct Manifest {
    pub layers: Vec<Descriptor>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    #[serde(default)]
    pub media_type: String,
    pub digest: String,
    pub platform: Option<Platform>,
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
pub struct Platform {
    pub architecture: String,
    pub os: String,
}

/// A blob that is read.
pub struct Blob {
    file: File,
    digest: Sha256,
    name: String,
}

impl Blob {
    pub fn open(layout: &Path, of: &Descriptor) -> Result<Blob, Refused> {
        let hex = of.digest.strip_prefix("sha256:").filter(|hex| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Some(hex) = hex else { return Err(Refused::Image(format!("{} is no digest of SHA-256", of.digest))) };
        let file = File::open(layout.join("blobs/sha256").join(hex)).map_err(|error| Refused::File(of.digest.clone(), error))?;
        Ok(Blob { file, digest: Sha256::new(), name: of.digest.to_ascii_lowercase() })
    }

    /// Reads what is left, and compares.
    pub fn finish(mut self) -> Result<(), Refused> {
        io::copy(&mut self, &mut io::sink()).map_err(|error| Refused::File(self.name.clone(), error))?;
        let hex: String = self.digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if self.name.strip_prefix("sha256:") == Some(&hex) { Ok(()) } else { Err(Refused::Image(format!("{} has another content", self.name))) }
    }
}

impl Read for Blob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.digest.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

pub fn read_json<T: DeserializeOwned>(layout: &Path, of: &Descriptor) -> Result<T, Refused> {
    let mut blob = Blob::open(layout, of)?;
    let mut text = Vec::new();
    (&mut blob).take(LARGEST_JSON).read_to_end(&mut text).map_err(|error| Refused::File(of.digest.clone(), error))?;
    blob.finish()?;
    serde_json::from_slice(&text).map_err(|error| Refused::Image(format!("{}: {error}", of.digest)))
}
