//! Key material: the secret behind a key, of which rotation gives a key several.

use crate::private_key::PrivateKey;
use base64::{Engine, prelude::BASE64_STANDARD};
use cloudlet_aws::Timestamp;
use cloudlet_shape::Blob;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{
    fmt,
    sync::{Arc, OnceLock},
};

/// 32 bytes, which AWS writes in hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MaterialId(pub [u8; 32]);

impl MaterialId {
    pub fn parse(text: &str) -> Option<MaterialId> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(MaterialId(bytes))
    }
}

impl fmt::Display for MaterialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for MaterialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for MaterialId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MaterialId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        MaterialId::parse(&text).ok_or_else(|| D::Error::custom("no id of key material"))
    }
}

/// The bytes of a symmetric key, or PKCS#8 of a private key. The journal alone has them.
#[derive(Clone)]
pub struct SecretBytes(Blob);

impl SecretBytes {
    pub fn new(bytes: impl Into<Blob>) -> SecretBytes {
        SecretBytes(bytes.into())
    }

    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes")
    }
}

impl Serialize for SecretBytes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        cloudlet_store::as_secret(BASE64_STANDARD.encode(&self.0).as_str(), to)
    }
}

impl<'de> Deserialize<'de> for SecretBytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        cloudlet_store::as_base64::deserialize(from).map(SecretBytes)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MaterialState {
    Current,
    NonCurrent,
    /// Imported, and not yet rotated to.
    PendingRotation,
}

impl MaterialState {
    pub fn as_str(self) -> &'static str {
        match self {
            MaterialState::Current => "CURRENT",
            MaterialState::NonCurrent => "NON_CURRENT",
            MaterialState::PendingRotation => "PENDING_ROTATION",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RotationType {
    Automatic,
    OnDemand,
}

impl RotationType {
    pub fn as_str(self) -> &'static str {
        match self {
            RotationType::Automatic => "AUTOMATIC",
            RotationType::OnDemand => "ON_DEMAND",
        }
    }
}

/// How material that somebody imported came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportDetails {
    pub description: Option<String>,
    /// None: it does not expire.
    pub expires: Option<Timestamp>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Material {
    pub id: MaterialId,
    pub state: MaterialState,
    /// None: it was imported once, and deleted or has expired since.
    secret: Option<SecretBytes>,
    /// How the key came to it, unless the key was created with it.
    pub rotated: Option<(Timestamp, RotationType)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import: Option<ImportDetails>,
    /// The private key, read from the secret when it is needed first.
    #[serde(skip)]
    private_key: OnceLock<Option<Arc<PrivateKey>>>,
}

impl Material {
    pub fn new(id: MaterialId, secret: SecretBytes, state: MaterialState) -> Material {
        Material { id, state, secret: Some(secret), rotated: None, import: None, private_key: OnceLock::new() }
    }

    /// The secret, unless it was deleted or has expired by now.
    pub fn secret(&self, now: Timestamp) -> Option<&SecretBytes> {
        self.secret.as_ref().filter(|_| !self.is_expired(now))
    }

    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.import.as_ref().and_then(|import| import.expires).is_some_and(|expires| expires <= now)
    }

    /// The secret as an asymmetric key of the spec.
    pub fn private_key(&self, spec: crate::specs::KeySpec, now: Timestamp) -> Option<Arc<PrivateKey>> {
        let secret = self.secret(now)?;
        self.private_key.get_or_init(|| PrivateKey::read(spec, secret.as_slice()).map(Arc::new)).clone()
    }

    pub fn delete_secret(&mut self) {
        self.secret = None;
        self.private_key = OnceLock::new();
    }

    /// The same material, imported again.
    pub fn restore_secret(&mut self, secret: SecretBytes, import: ImportDetails) {
        self.secret = Some(secret);
        self.import = Some(import);
        self.private_key = OnceLock::new();
    }
}
