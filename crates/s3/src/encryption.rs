//! Server-side encryption of objects: what a request asks for, what a row remembers, and the cipher of a body.
//!
//! Bodies under a key of KMS (SSE-KMS) or of the client (SSE-C) are encrypted by this engine. Those under keys of S3 (SSE-S3) are encrypted by
//! the data folder, as everything in it.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/serv-side-encryption.html>

mod cipher;
mod configuration;
mod customer_key;
mod header;
mod kms;
mod update;

pub use cipher::{Cipher, Layers};
pub use customer_key::{CustomerKey, CustomerKeyHeaders, blocked};
pub(crate) use customer_key::{customer_key, source_customer_key};

use crate::{
    S3,
    access::BucketHandle,
    etags::ETag,
    faults,
    state::{DefaultEncryption, Encryption, KmsKind, Method, Object, Salt},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use cloudlet_aws::Fault;
use cloudlet_engine::Cx;
use cloudlet_shape::Map;
use header::{AES256, HEADER};
use kms::{DataKey, KmsRequest};

impl KmsKind {
    pub const fn name(self) -> &'static str {
        match self {
            KmsKind::Single => "aws:kms",
            KmsKind::DualLayer => "aws:kms:dsse",
        }
    }

    pub fn named(name: &str) -> Option<KmsKind> {
        [KmsKind::Single, KmsKind::DualLayer].into_iter().find(|kind| kind.name() == name)
    }

    const fn layers(self) -> Layers {
        match self {
            KmsKind::Single => Layers::One,
            KmsKind::DualLayer => Layers::Two,
        }
    }
}

/// The headers of server-side encryption with keys that S3 or KMS has.
#[derive(Default)]
pub struct EncryptionHeaders {
    pub algorithm: Option<String>,
    pub kms_key_id: Option<String>,
    pub context: Option<String>,
    pub bucket_key: Option<bool>,
}

/// Takes them from an input.
macro_rules! encryption_headers {
    ($input:expr) => {
        $crate::encryption::EncryptionHeaders {
            algorithm: $input.server_side_encryption.take(),
            kms_key_id: $input.sse_kms_key_id.take(),
            context: $input.sse_kms_encryption_context.take(),
            bucket_key: $input.bucket_key_enabled,
        }
    };
}
pub(crate) use encryption_headers;

/// What a new object is encrypted with.
#[derive(Clone, Debug, PartialEq)]
pub enum RequestedEncryption {
    S3,
    Kms(KmsRequest),
    CustomerKey(CustomerKey),
}

/// Whether a new object has a bucket key where its request does not say so. AWS: copies do not have that of the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BucketKeyDefault {
    OfBucket,
    No,
}

impl EncryptionHeaders {
    /// The encryption of a new object: that of the headers, or the default of the bucket.
    pub fn requested(self, default: &DefaultEncryption, bucket_key: BucketKeyDefault) -> Result<RequestedEncryption, Fault> {
        let algorithm = self.algorithm.as_deref();
        let is_kms = match algorithm {
            Some(name) => name != AES256,
            None => default.kms.is_some(),
        };
        let names_kms = matches!(algorithm, None | Some(AES256)) && (self.kms_key_id.is_some() || self.context.is_some());
        // AWS: that a bucket key needs a key of KMS is unverified.
        if names_kms || (!is_kms && self.bucket_key == Some(true)) {
            let message = "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms";
            return Err(faults::invalid_argument(message, HEADER, algorithm.unwrap_or("null")));
        }
        let (kind, key) = match algorithm {
            Some(AES256) => return Ok(RequestedEncryption::S3),
            None => match default.kms {
                None => return Ok(RequestedEncryption::S3),
                Some(kind) => (kind, default.kms_key.clone()),
            },
            // AWS: unverified.
            Some(name) => {
                let kind = KmsKind::named(name);
                let kind = kind.ok_or_else(|| faults::invalid_argument("The encryption method specified is not supported", HEADER, name))?;
                (kind, self.kms_key_id)
            }
        };
        let inherited = bucket_key == BucketKeyDefault::OfBucket && default.bucket_key;
        Ok(RequestedEncryption::Kms(KmsRequest {
            kind,
            key,
            context: self.context.as_deref().map(parse_context).transpose()?.unwrap_or_default(),
            // Dual-layer encryption has no bucket keys.
            bucket_key: kind == KmsKind::Single && self.bucket_key.unwrap_or(inherited),
        }))
    }
}

/// The context is base64 of a JSON object of texts. AWS: the message is unverified.
fn parse_context(header: &str) -> Result<Map<String>, Fault> {
    let parsed = BASE64_STANDARD.decode(header).ok().and_then(|json| serde_json::from_slice(&json).ok());
    parsed.ok_or_else(|| {
        faults::invalid_argument("The header is not a base64 encoded JSON object of strings", "x-amz-server-side-encryption-context", header)
    })
}

/// A new body's encryption, for its row, and its cipher. Both are `None` under SSE-S3.
#[derive(Default)]
pub struct Sealing {
    pub encryption: Option<Box<Encryption>>,
    pub cipher: Option<Cipher>,
}

impl Sealing {
    /// AWS: the entity tag is the MD5 only of a body under SSE-S3.
    pub fn etag(&self, cx: &Cx, md5: &cloudlet_digest::Sum) -> ETag {
        if self.cipher.is_none() { ETag::of(md5) } else { ETag::random(cx.ids()) }
    }

    pub fn salt(&self) -> Option<Salt> {
        self.encryption.as_ref().map(|encryption| encryption.salt)
    }
}

fn new_salt(cx: &Cx) -> Salt {
    Salt(cx.ids().bytes())
}

impl S3 {
    /// The encryption of a new object or upload. KMS makes its data key.
    pub(crate) async fn seal(&self, cx: &Cx, found: &BucketHandle, key: &str, requested: RequestedEncryption) -> Result<Sealing, Fault> {
        let salt = new_salt(cx);
        let (method, data_key, layers) = match requested {
            RequestedEncryption::S3 => return Ok(Sealing::default()),
            RequestedEncryption::Kms(request) => {
                let (kms, data_key) = kms::generate(cx, found, key, request).await?;
                let layers = kms.kind.layers();
                (Method::Kms(kms), data_key, layers)
            }
            RequestedEncryption::CustomerKey(customer) => (Method::CustomerKey { verifier: customer.verifier(salt) }, customer.key, Layers::One),
        };
        let cipher = Some(Cipher::new(data_key, layers, salt));
        Ok(Sealing { encryption: Some(Box::new(Encryption { method, salt })), cipher })
    }

    /// The data key of what was encrypted before. The caller must be allowed to use the key of KMS, or give the key that was given then.
    async fn data_key(
        &self,
        cx: &Cx,
        found: &BucketHandle,
        key: &str,
        encryption: &Encryption,
        customer: Option<&CustomerKey>,
    ) -> Result<(DataKey, Layers), Fault> {
        match (&encryption.method, customer) {
            (Method::Kms(kms), _) => Ok((kms::decrypt(cx, found, key, kms).await?, kms.kind.layers())),
            (Method::CustomerKey { .. }, Some(customer)) => Ok((customer.key, Layers::One)),
            (Method::CustomerKey { .. }, None) => Err(customer_key::required()),
        }
    }

    /// The cipher of one more part of an upload.
    pub(crate) async fn seal_part(
        &self,
        cx: &Cx,
        found: &BucketHandle,
        key: &str,
        encryption: Option<&Encryption>,
        customer: Option<&CustomerKey>,
    ) -> Result<Sealing, Fault> {
        let Some(encryption) = encryption else { return Ok(Sealing::default()) };
        let (data_key, layers) = self.data_key(cx, found, key, encryption, customer).await?;
        let salt = new_salt(cx);
        let encryption = Encryption { salt, ..encryption.clone() };
        Ok(Sealing { encryption: Some(Box::new(encryption)), cipher: Some(Cipher::new(data_key, layers, salt)) })
    }

    /// The cipher of what is encrypted under a key of KMS and has no parts: an annotation.
    pub(crate) async fn cipher_of(&self, cx: &Cx, found: &BucketHandle, key: &str, encryption: &Encryption) -> Result<Cipher, Fault> {
        let (data_key, layers) = self.data_key(cx, found, key, encryption, None).await?;
        Ok(Cipher::new(data_key, layers, encryption.salt))
    }

    /// The cipher of the body of an object. `None`: it is as it was sent.
    pub(crate) async fn open(
        &self,
        cx: &Cx,
        found: &BucketHandle,
        key: &str,
        object: &Object,
        customer: Option<&CustomerKey>,
    ) -> Result<Option<Cipher>, Fault> {
        let Some(encryption) = object.encryption.as_deref() else { return Ok(None) };
        let (data_key, layers) = self.data_key(cx, found, key, encryption, customer).await?;
        let parts: Option<Vec<_>> = object.parts().iter().map(|part| Some((part.size, part.salt?))).collect();
        Ok(Some(match parts {
            Some(parts) if !parts.is_empty() => Cipher::of_parts(data_key, layers, parts.into_iter()),
            _ => Cipher::new(data_key, layers, encryption.salt),
        }))
    }
}

impl Encryption {
    pub fn is_customer_key(&self) -> bool {
        matches!(self.method, Method::CustomerKey { .. })
    }

    /// `x-amz-server-side-encryption`: none for SSE-C.
    fn algorithm(&self) -> Option<&'static str> {
        match &self.method {
            Method::Kms(kms) => Some(kms.kind.name()),
            Method::CustomerKey { .. } => None,
        }
    }
}

/// What an answer says of the encryption of an object.
pub struct EncryptionAnswer {
    pub algorithm: Option<String>,
    pub kms_key_id: Option<String>,
    pub bucket_key: Option<bool>,
    pub context: Option<String>,
}

pub fn answer(encryption: Option<&Encryption>) -> EncryptionAnswer {
    let Some(encryption) = encryption else {
        return EncryptionAnswer { algorithm: Some(AES256.to_owned()), kms_key_id: None, bucket_key: None, context: None };
    };
    let kms = match &encryption.method {
        Method::Kms(kms) => Some(kms),
        Method::CustomerKey { .. } => None,
    };
    let context = kms.filter(|kms| !kms.context.is_empty()).and_then(|kms| serde_json::to_vec(&kms.context).ok());
    EncryptionAnswer {
        algorithm: encryption.algorithm().map(str::to_owned),
        kms_key_id: kms.map(|kms| kms.key_arn.clone()),
        bucket_key: kms.filter(|kms| kms.bucket_key).map(|_| true),
        context: context.map(|json| BASE64_STANDARD.encode(json)),
    }
}

/// Sets the members that all answers about the encryption of an object have.
macro_rules! describe_encryption {
    ($output:expr, $encryption:expr, $customer:expr) => {{
        let answer = $crate::encryption::answer($encryption);
        $output.server_side_encryption = answer.algorithm;
        $output.sse_kms_key_id = answer.kms_key_id;
        $output.bucket_key_enabled = answer.bucket_key;
        if let Some(customer) = $customer {
            $output.sse_customer_algorithm = Some("AES256".to_owned());
            $output.sse_customer_key_md5 = Some(customer.md5.clone());
        }
        answer.context
    }};
}
pub(crate) use describe_encryption;
