//! How rows say what they are encrypted with.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/serv-side-encryption.html>

use cloudlet_shape::Map;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::borrow::Cow;

/// `aws:kms` or `aws:kms:dsse`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KmsKind {
    #[serde(rename = "aws:kms")]
    Single,
    #[serde(rename = "aws:kms:dsse")]
    DualLayer,
}

/// How an object or a multipart upload is encrypted, where not with SSE-S3.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Encryption {
    pub method: Method,
    /// Of a body that is no multipart object: there each part has its own.
    pub salt: Salt,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Method {
    Kms(KmsEncryption),
    /// What tells whether a key is the right one. The key itself is forgotten.
    CustomerKey {
        verifier: String,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KmsEncryption {
    pub kind: KmsKind,
    pub key_arn: String,
    /// Encrypted by KMS, in base64.
    pub data_key: String,
    /// What the client gave of the encryption context.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub context: Map<String>,
    pub bucket_key: bool,
}

/// Whether a bucket takes objects under SSE-C: the BlockedEncryptionTypes of its configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SseC {
    /// A bucket that is older than the setting. It takes them.
    #[default]
    Unset,
    Allowed,
    Blocked,
}

/// What objects are encrypted with whose request says nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DefaultEncryption {
    /// `None`: SSE-S3.
    pub kms: Option<KmsKind>,
    /// As it was put. `None`: the AWS managed key.
    pub kms_key: Option<String>,
    pub bucket_key: bool,
    pub sse_c: SseC,
    /// Whether PutBucketEncryption has set it.
    pub is_explicit: bool,
}

/// The random bytes that make the key of one body. It is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Salt(pub [u8; 16]);

impl Serialize for Salt {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hex::encode(self.0))
    }
}

impl<'de> Deserialize<'de> for Salt {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(from)?;
        let mut bytes = [0; 16];
        hex::decode_to_slice(text.as_bytes(), &mut bytes).map_err(D::Error::custom)?;
        Ok(Salt(bytes))
    }
}
