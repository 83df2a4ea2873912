//! The root folders of nodes: a folder is taken as it is, the image of an OCI layout is unpacked once.

use crate::{oci, shared::Shared};
use parking_lot::Mutex;
use std::{collections::HashMap, path::Path, sync::Arc};
use tokio::sync::OnceCell;

/// The number of a folder, and its path once it is there.
type Unpacked = Arc<(usize, OnceCell<String>)>;

#[derive(Default)]
pub struct Roots {
    unpacked: Mutex<HashMap<String, Unpacked>>,
}

/// What somebody names.
enum Named<'n> {
    Folder(&'n Path),
    Layout(&'n Path, Option<&'n str>),
}

/// A folder, a layout, or the tag of an image in a layout: `path:tag`.
fn named(name: &str) -> Option<Named<'_>> {
    let path = Path::new(name);
    if oci::is_layout(path) {
        return Some(Named::Layout(path, None));
    }
    if path.is_dir() {
        return Some(Named::Folder(path));
    }
    let (path, tag) = name.rsplit_once(':')?;
    Some(Named::Layout(Path::new(path), Some(tag))).filter(|_| oci::is_layout(Path::new(path)))
}

/// Whether a node can have it as its root folder.
pub fn is_root(name: &str) -> bool {
    named(name).is_some()
}

impl Roots {
    /// The folder that a node sees, whose path has no links.
    pub async fn folder(&self, shared: &Shared, name: &str) -> Result<String, String> {
        let (layout, tag) = match named(name) {
            Some(Named::Folder(path)) => {
                let path = path.canonicalize().map_err(|error| format!("the root folder of the node: {name}: {error}"))?;
                return path.to_str().map(str::to_owned).ok_or_else(|| format!("{} is no text", path.display()));
            }
            Some(Named::Layout(path, tag)) => (path.to_owned(), tag.map(str::to_owned)),
            None => return Err(format!("the root folder of the node: {name} is no folder and no OCI layout")),
        };
        let unpacked = {
            let mut all = self.unpacked.lock();
            let next = all.len();
            all.entry(name.to_owned()).or_insert_with(|| Arc::new((next, OnceCell::new()))).clone()
        };
        let (number, path) = &*unpacked;
        let unpack = || async move {
            shared.prepare().map_err(|error| format!("no folder for the node: {error}"))?;
            let to = shared.place("roots").join(number.to_string());
            let path = to.to_str().map(str::to_owned).ok_or_else(|| format!("{} is no text", to.display()))?;
            let unpacked = tokio::task::spawn_blocking(move || oci::unpack(&layout, tag.as_deref(), &to).map_err(|refused| refused.to_string()));
            let unpacked = unpacked.await.map_err(|error| error.to_string()).flatten();
            unpacked.map(|()| path).map_err(|why| format!("the root folder of the node cannot be unpacked: {why}"))
        };
        path.get_or_try_init(unpack).await.cloned()
    }
}
