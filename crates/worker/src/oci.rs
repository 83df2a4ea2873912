//! Image layouts of the Open Container Initiative, as `docker buildx build --output type=oci`, `skopeo copy … oci:` and `docker save` write them: a
//! folder with `oci-layout`, `index.json`, and blobs that lie under their digests.
//! <https://github.com/opencontainers/image-spec/blob/main/image-layout.md>

mod blobs;
mod layers;
mod paths;
#[cfg(test)]
mod tests;
mod zstandard;

use blobs::{Descriptor, Index, Manifest, read_json};
use layers::{Budget, apply};
use std::{fmt, fs, io, path::Path};

/// Indexes within indexes: one for the tags, one for the platforms.
const DEEPEST: usize = 4;
/// What the files of an image may have, unpacked.
const LARGEST: u64 = 8 << 30;
const MOST_ENTRIES: u64 = 1_000_000;

const TAG: &str = "org.opencontainers.image.ref.name";
/// What buildx writes about an image beside it.
const ATTESTATION: &str = "vnd.docker.reference.type";

/// Why an image is not unpacked.
#[derive(Debug)]
pub enum Refused {
    File(String, io::Error),
    Image(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::File(path, error) => write!(formatter, "{path}: {error}"),
            Refused::Image(why) => formatter.write_str(why),
        }
    }
}

pub fn is_layout(folder: &Path) -> bool {
    folder.join("oci-layout").is_file() && folder.join("index.json").is_file()
}

/// Unpacks the image of a layout into a folder, which is made, whole or not at all. With several images, the tag says which.
pub fn unpack(layout: &Path, tag: Option<&str>, to: &Path) -> Result<(), Refused> {
    unpack_within(layout, tag, to, Budget { bytes: LARGEST, entries: MOST_ENTRIES })
}

fn unpack_within(layout: &Path, tag: Option<&str>, to: &Path, mut budget: Budget) -> Result<(), Refused> {
    let file = |path: &Path| path.display().to_string();
    let manifest = manifest(layout, tag)?;
    let new = to.with_extension("new");
    let _ = fs::remove_dir_all(&new);
    fs::create_dir_all(&new).map_err(|error| Refused::File(file(&new), error))?;
    let applied = manifest.layers.iter().try_for_each(|layer| apply(layout, layer, &new, &mut budget));
    let outcome = applied.and_then(|()| fs::rename(&new, to).map_err(|error| Refused::File(file(to), error)));
    if outcome.is_err() {
        let _ = fs::remove_dir_all(&new);
    }
    outcome
}

fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}

impl Descriptor {
    fn is_index(&self) -> bool {
        self.media_type.contains("image.index") || self.media_type.contains("manifest.list")
    }

    fn tag(&self) -> Option<&str> {
        self.annotations.get(TAG).map(String::as_str)
    }

    /// Whether it is an image, or holds some, for this machine.
    fn fits(&self) -> bool {
        let platform = self.platform.as_ref();
        !self.annotations.contains_key(ATTESTATION)
            && platform.is_none_or(|platform| platform.os == "linux" && platform.architecture == architecture())
    }
}

/// The manifest of the image that is meant.
fn manifest(layout: &Path, tag: Option<&str>) -> Result<Manifest, Refused> {
    let path = layout.join("index.json");
    let text = fs::read(&path).map_err(|error| Refused::File(path.display().to_string(), error))?;
    let mut index: Index = serde_json::from_slice(&text).map_err(|error| Refused::Image(format!("{}: {error}", path.display())))?;
    if let Some(tag) = tag {
        index.manifests.retain(|manifest| manifest.tag().is_some_and(|known| known == tag || known.rsplit(':').next() == Some(tag)));
    }
    for _ in 0..DEEPEST {
        let mut fitting = index.manifests.iter().filter(|manifest| manifest.fits());
        let Some(first) = fitting.next() else {
            let of = tag.map(|tag| format!(" under the tag {tag}")).unwrap_or_default();
            return Err(Refused::Image(format!("{} has no image for linux/{}{of}", layout.display(), architecture())));
        };
        if let Some(other) = fitting.find(|other| other.digest != first.digest) {
            let tags: Vec<&str> = [first, other].iter().filter_map(|manifest| manifest.tag()).collect();
            let tags = if tags.is_empty() { String::new() } else { format!(" ({}, …)", tags.join(", ")) };
            return Err(Refused::Image(format!("{} has several images{tags}: say which, as in {}:TAG", layout.display(), layout.display())));
        }
        if !first.is_index() {
            return read_json(layout, first);
        }
        index = read_json(layout, first)?;
    }
    Err(Refused::Image(format!("{} has too many indexes within each other", layout.display())))
}
