use super::*;
use flate2::{Compression, write::GzEncoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::io::Write;
use tar::{Builder, EntryType, Header};

type Layer = Builder<Vec<u8>>;

#[derive(Clone, Copy)]
enum Form {
    Plain,
    Gzip,
    Zstandard,
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        fs::create_dir_all(folder.layout().join("blobs/sha256")).unwrap();
        fs::write(folder.layout().join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        folder
    }

    fn layout(&self) -> std::path::PathBuf {
        self.0.path().join("layout")
    }

    fn root(&self) -> std::path::PathBuf {
        self.0.path().join("root")
    }

    fn blob(&self, media_type: &str, bytes: &[u8]) -> Value {
        let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        fs::write(self.layout().join("blobs/sha256").join(&hex), bytes).unwrap();
        json!({"mediaType": media_type, "digest": format!("sha256:{hex}"), "size": bytes.len()})
    }

    fn image(&self, layers: Vec<Layer>) -> Value {
        self.image_in([Form::Gzip, Form::Plain], layers)
    }

    /// An image whose layers take turns in two forms.
    fn image_in(&self, forms: [Form; 2], layers: Vec<Layer>) -> Value {
        let layers: Vec<Value> =
            layers.into_iter().zip(forms.iter().cycle()).map(|(layer, form)| self.layer(*form, &layer.into_inner().unwrap())).collect();
        let manifest = json!({"schemaVersion": 2, "config": {}, "layers": layers}).to_string();
        self.blob("application/vnd.oci.image.manifest.v1+json", manifest.as_bytes())
    }

    fn layer(&self, form: Form, bytes: &[u8]) -> Value {
        match form {
            Form::Plain => self.blob("application/vnd.oci.image.layer.v1.tar", bytes),
            Form::Gzip => {
                let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
                gzip.write_all(bytes).unwrap();
                self.blob("application/vnd.oci.image.layer.v1.tar+gzip", &gzip.finish().unwrap())
            }
            Form::Zstandard => {
                let frames = compress_to_vec(bytes, CompressionLevel::Fastest);
                self.blob("application/vnd.oci.image.layer.v1.tar+zstd", &frames)
            }
        }
    }

    fn index(&self, manifests: Vec<Value>) {
        fs::write(self.layout().join("index.json"), json!({"schemaVersion": 2, "manifests": manifests}).to_string()).unwrap();
    }

    fn unpack(&self, layers: Vec<Layer>) -> Result<(), String> {
        let image = self.image(layers);
        self.index(vec![image]);
        unpack(&self.layout(), None, &self.root()).map_err(|refused| refused.to_string())
    }

    fn text(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.root().join(path)).ok()
    }
}

/// Writes the name as it is, whatever it is.
fn entry(layer: &mut Layer, kind: EntryType, name: &str, link: &str, content: &[u8]) {
    let mut header = Header::new_gnu();
    header.as_old_mut().name.get_mut(..name.len()).unwrap().copy_from_slice(name.as_bytes());
    header.as_old_mut().linkname.get_mut(..link.len()).unwrap().copy_from_slice(link.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o6755);
    header.set_size(content.len() as u64);
    header.set_cksum();
    layer.append(&header, content).unwrap();
}

fn file(layer: &mut Layer, name: &str, content: &str) {
    entry(layer, EntryType::Regular, name, "", content.as_bytes());
}

fn layer(of: impl FnOnce(&mut Layer)) -> Layer {
    let mut layer = Builder::new(Vec::new());
    of(&mut layer);
    layer
}

#[test]
fn layers_add_and_take_away() {
    let folder = Folder::new();
    let below = layer(|layer| {
        entry(layer, EntryType::Directory, "./", "", b"");
        entry(layer, EntryType::Directory, "usr/lib/", "", b"");
        entry(layer, EntryType::Symlink, "lib", "usr/lib", b"");
        entry(layer, EntryType::Symlink, "usr/absolute", "/etc", b"");
        file(layer, "lib/gone", "1");
        file(layer, "lib/stays", "1");
        file(layer, "etc/opaque/old", "1");
        file(layer, "etc/opaque/deep/old", "1");
        file(layer, "etc/folder/x", "1");
        file(layer, "etc/changed", "1");
        entry(layer, EntryType::Link, "etc/same", "etc/changed", b"");
        // A node has its own.
        entry(layer, EntryType::Char, "dev/null", "", b"");
    });
    let above = layer(|layer| {
        file(layer, "etc/opaque/deep/new", "2");
        file(layer, "etc/opaque/.wh..wh..opq", "");
        file(layer, "lib/.wh.gone", "");
        file(layer, "etc/.wh.folder", "");
        file(layer, ".wh..wh.plnk", "");
        file(layer, "etc/changed", "2");
        file(layer, "etc/.wh.changed", "");
        file(layer, "usr/absolute/through", "2");
        file(layer, "usr/lib", "a file now");
    });
    folder.unpack(vec![below, above]).unwrap();
    let texts = ["etc/opaque/deep/new", "etc/changed", "etc/same", "etc/through", "usr/lib"].map(|path| folder.text(path));
    assert_eq!(texts.map(Option::unwrap), ["2", "2", "1", "2", "a file now"]);
    for gone in ["etc/opaque/old", "etc/opaque/deep/old", "etc/folder", "dev/null", "lib/gone", ".wh..wh.plnk"] {
        assert!(fs::symlink_metadata(folder.root().join(gone)).is_err(), "{gone}");
    }
    use std::os::unix::fs::PermissionsExt;
    // Nothing becomes another user's program.
    assert_eq!(fs::metadata(folder.root().join("etc/changed")).unwrap().permissions().mode() & 0o7777, 0o755);
}

#[test]
fn links_are_of_the_image() {
    let folder = Folder::new();
    let outside = folder.0.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let outside_text = outside.to_str().unwrap().to_owned();
    let hostile = layer(|layer| {
        entry(layer, EntryType::Symlink, "absolute", &outside_text, b"");
        entry(layer, EntryType::Symlink, "up", "../outside", b"");
        file(layer, "absolute/a", "1");
        file(layer, "up/b", "1");
    });
    folder.unpack(vec![hostile]).unwrap();
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    assert_eq!(folder.text("outside/b").as_deref(), Some("1"));
    assert_eq!(folder.text(&format!("{}/a", outside_text.trim_start_matches('/'))).as_deref(), Some("1"));
}

#[test]
fn hostile_layers_are_refused() {
    fs::write(std::env::temp_dir().join("of-the-machine"), "x").unwrap();
    let refused = |of: &dyn Fn(&mut Layer)| {
        let folder = Folder::new();
        let why = folder.unpack(vec![layer(|layer| file(layer, "first", "1")), layer(of)]).unwrap_err();
        // Whole or not at all.
        assert!(!folder.root().exists() && !folder.root().with_extension("new").exists());
        why
    };
    let up = refused(&|layer| file(layer, "etc/../../x", "1"));
    assert_eq!(up, "etc/../../x leaves the root of the image");
    assert!(refused(&|layer| entry(layer, EntryType::Char, "etc/null", "", b"")).ends_with("is a device"));
    assert!(refused(&|layer| entry(layer, EntryType::Fifo, "pipe", "", b"")).ends_with("is a device"));
    assert!(refused(&|layer| entry(layer, EntryType::Link, "x", "../of-the-machine", b"")).ends_with("is a link out of the image"));
    assert!(refused(&|layer| file(layer, "etc/.wh...", "")).ends_with("takes nothing away"));
    assert!(refused(&|layer| file(layer, "first/second", "")).starts_with("first/second: "));
    let through = refused(&|layer| {
        entry(layer, EntryType::Symlink, "tmp", std::env::temp_dir().to_str().unwrap(), b"");
        entry(layer, EntryType::Link, "x", "tmp/of-the-machine", b"");
    });
    assert!(through.starts_with("x: "), "{through}");
    let around = refused(&|layer| {
        entry(layer, EntryType::Symlink, "a", "b", b"");
        entry(layer, EntryType::Symlink, "b", "a", b"");
        file(layer, "a/x", "1");
    });
    assert!(around.contains("too many links"), "{around}");
    // A name is held in memory.
    let long = refused(&|layer| entry(layer, EntryType::GNULongName, "././@LongLink", "", &vec![b'a'; 4 << 20]));
    assert!(long.contains("too long"), "{long}");
}

#[test]
fn images_have_bounds() {
    for form in [Form::Plain, Form::Gzip, Form::Zstandard] {
        let folder = Folder::new();
        let layer = layer(|layer| {
            file(layer, "a", "12345");
            file(layer, "b", "12345");
        });
        folder.index(vec![folder.image_in([form, form], vec![layer])]);
        let with =
            |bytes, entries| unpack_within(&folder.layout(), None, &folder.root(), Budget { bytes, entries }).map_err(|refused| refused.to_string());
        assert!(with(9, 2).unwrap_err().contains("too large"));
        assert!(with(10, 1).unwrap_err().contains("too many files"));
        with(10, 2).unwrap();
        assert_eq!((folder.text("a").as_deref(), folder.text("b").as_deref()), (Some("12345"), Some("12345")));
    }
}

#[test]
fn one_image_is_meant() {
    let folder = Folder::new();
    let (mut one, mut two) = (folder.image(vec![layer(|layer| file(layer, "x", "1"))]), folder.image(vec![layer(|layer| file(layer, "x", "2"))]));
    let mut other = folder.image(vec![]);
    other["platform"] = json!({"os": "linux", "architecture": "s390x"});
    two["platform"] = json!({"os": "linux", "architecture": architecture()});
    let mut attestation = folder.image(vec![]);
    attestation["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
    let inner = json!({"schemaVersion": 2, "manifests": [other.clone(), two, attestation]}).to_string();
    let mut index = folder.blob("application/vnd.oci.image.index.v1+json", inner.as_bytes());
    one["annotations"] = json!({TAG: "example/image:one"});
    index["annotations"] = json!({TAG: "two"});
    folder.index(vec![one, index]);
    let of = |tag| {
        let _ = fs::remove_dir_all(folder.root());
        unpack(&folder.layout(), tag, &folder.root()).map(|()| folder.text("x").unwrap()).map_err(|refused| refused.to_string())
    };
    assert_eq!([of(Some("one")), of(Some("two"))], [Ok("1".to_owned()), Ok("2".to_owned())]);
    assert!(of(None).unwrap_err().contains("has several images (example/image:one, two, …): say which"));
    assert!(of(Some("three")).unwrap_err().ends_with("under the tag three"));
    folder.index(vec![other]);
    assert!(of(None).unwrap_err().contains("has no image for linux/"));
}

#[test]
fn what_was_changed_is_refused() {
    let folder = Folder::new();
    let image = folder.image(vec![layer(|layer| file(layer, "x", "1"))]);
    folder.index(vec![image]);
    for blob in fs::read_dir(folder.layout().join("blobs/sha256")).unwrap() {
        let path = blob.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        bytes.push(b' ');
        fs::write(&path, bytes).unwrap();
    }
    assert!(unpack(&folder.layout(), None, &folder.root()).unwrap_err().to_string().ends_with("has another content"));
}
