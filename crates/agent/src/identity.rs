//! Who the machine is: the id that it was given, and the key with which it signs. Both are in a file, so that it is the same node when it starts again.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PSS_SHA256},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, path::Path, sync::Arc};

const FILE: &str = "registration.json";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registration {
    instance_id: String,
    fingerprint: String,
    /// PKCS #8, in base64.
    private_key: String,
}

pub struct Identity {
    pub id: Arc<str>,
    /// AWS: a hash of the machine's hardware. Here a name that is made once: containers have no hardware of their own.
    pub fingerprint: String,
    key: KeyPair,
}

impl Identity {
    fn of(registration: &Registration) -> Option<Identity> {
        let key = KeyPair::from_pkcs8(&STANDARD.decode(&registration.private_key).ok()?).ok()?;
        Some(Identity { id: registration.instance_id.as_str().into(), fingerprint: registration.fingerprint.clone(), key })
    }

    /// The one in a folder, if there is one.
    pub fn read(folder: &Path) -> Result<Option<Identity>, String> {
        let path = folder.join(FILE);
        match fs::read(&path) {
            Ok(bytes) => {
                let registration = serde_json::from_slice::<Registration>(&bytes).ok();
                registration.as_ref().and_then(Identity::of).map(Some).ok_or_else(|| format!("{} is no registration", path.display()))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{}: {error}", path.display())),
        }
    }

    /// What is registered is kept.
    pub fn write(folder: &Path, id: String, new: NewKey) -> Result<Identity, String> {
        let registration = Registration { instance_id: id, fingerprint: new.fingerprint, private_key: new.private };
        let path = folder.join(FILE);
        keep(&path, &serde_json::to_vec_pretty(&registration).unwrap_or_default()).map_err(|error| format!("{}: {error}", path.display()))?;
        Identity::of(&registration).ok_or_else(|| "the new key cannot be read".to_owned())
    }

    /// A signature in base64.
    pub fn sign(&self, text: &str) -> String {
        let mut signature = vec![0; self.key.public_modulus_len()];
        match self.key.sign(&RSA_PSS_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature) {
            Ok(()) => STANDARD.encode(signature),
            Err(_) => String::new(),
        }
    }
}

/// A key that is not registered yet, in base64.
pub struct NewKey {
    pub fingerprint: String,
    pub public: String,
    private: String,
}

impl NewKey {
    /// Takes a while.
    pub fn make(fingerprint: String) -> Result<NewKey, String> {
        let key = KeyPair::generate(KeySize::Rsa2048).map_err(|_| "no key could be made")?;
        let public: PublicKeyX509Der<'_> = key.public_key().as_der().map_err(|_| "the key cannot be written")?;
        let private: Pkcs8V1Der<'_> = key.as_der().map_err(|_| "the key cannot be written")?;
        Ok(NewKey { fingerprint, public: STANDARD.encode(public.as_ref()), private: STANDARD.encode(private.as_ref()) })
    }
}

/// Writes a file that only its user reads, whole or not at all.
pub fn keep(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let new = path.with_extension("new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)
}
