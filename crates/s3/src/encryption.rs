//! Server-side encryption of objects: which headers are accepted. S3 encrypts every object; keys of KMS are not built yet, and new buckets
//! block customer-provided keys (SSE-C).

use crate::{faults, names};
use base64::{Engine, prelude::BASE64_STANDARD};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_digest::{Algorithm, digest};
use cloudlet_engine::Cx;

/// The ServerSideEncryption of every answer.
pub const ENCRYPTION: &str = "AES256";

const HEADER: &str = "x-amz-server-side-encryption";

/// The headers of server-side encryption with keys that S3 or KMS has.
pub struct ServerSideEncryption {
    pub algorithm: Option<String>,
    /// A KMS key, an encryption context or a bucket key.
    pub has_kms_settings: bool,
}

/// The headers of SSE-C.
pub struct CustomerKey {
    pub algorithm: Option<String>,
    pub key: Option<String>,
    pub md5: Option<String>,
}

/// Takes them from an input.
macro_rules! customer_key {
    ($input:expr) => {
        $crate::encryption::CustomerKey {
            algorithm: $input.sse_customer_algorithm.clone(),
            key: $input.sse_customer_key.clone(),
            md5: $input.sse_customer_key_md5.clone(),
        }
    };
}
pub(crate) use customer_key;

/// Takes those of the source of a copy.
macro_rules! source_customer_key {
    ($input:expr) => {
        $crate::encryption::CustomerKey {
            algorithm: $input.copy_source_sse_customer_algorithm.clone(),
            key: $input.copy_source_sse_customer_key.clone(),
            md5: $input.copy_source_sse_customer_key_md5.clone(),
        }
    };
}
pub(crate) use source_customer_key;

impl ServerSideEncryption {
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/serv-side-encryption.html>
    pub fn check(&self) -> Result<(), Fault> {
        match self.algorithm.as_deref() {
            algorithm @ (None | Some("AES256")) if self.has_kms_settings => Err(faults::invalid_argument(
                "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms",
                HEADER,
                algorithm.unwrap_or("null"),
            )),
            None | Some("AES256") => Ok(()),
            Some("aws:kms" | "aws:kms:dsse") => Err(faults::not_built("server-side encryption with KMS keys")),
            // AWS: unverified.
            Some(other) => Err(faults::invalid_argument("The encryption method specified is not supported", HEADER, other)),
        }
    }
}

impl CustomerKey {
    fn is_none(&self) -> bool {
        self.algorithm.is_none() && self.key.is_none() && self.md5.is_none()
    }

    /// Whether a request has a key. AWS: the messages and their order were recorded; a missing MD5 is unverified.
    fn is_given(&self, encryption: Option<&str>) -> Result<bool, Fault> {
        let refused = |message: &str| Err(faults::INVALID_ARGUMENT.says(message).with("ArgumentName", HEADER));
        if self.is_none() {
            return Ok(false);
        }
        if let Some(encryption) = encryption {
            let message = "Server Side Encryption with Customer provided key is incompatible with the encryption method specified";
            return Err(faults::invalid_argument(message, HEADER, encryption));
        }
        match self.algorithm.as_deref() {
            None => {
                return refused("Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption algorithm.");
            }
            Some("AES256") => {}
            Some(other) => {
                return Err(FaultKind::sender("InvalidEncryptionAlgorithmError", 400)
                    .says("The Encryption request you specified is not valid. Supported value: AES256.")
                    .with("ArgumentName", HEADER)
                    .with("ArgumentValue", other));
            }
        }
        let Some(key) = &self.key else {
            return refused("Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret key.");
        };
        let Ok(key) = BASE64_STANDARD.decode(key) else { return refused("The secret key was invalid for the specified algorithm.") };
        if self.md5.as_ref().is_some_and(|md5| *md5 != digest(Algorithm::Md5, &key).base64()) {
            return refused("The calculated MD5 hash of the key did not match the hash that was provided.");
        }
        if key.len() != 32 {
            return refused("The secret key was invalid for the specified algorithm.");
        }
        Ok(true)
    }

    /// AWS: since April 2026 new buckets block writes with SSE-C.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html>
    pub fn check_write(&self, cx: &Cx, bucket: &str, key: &str, encryption: Option<&str>) -> Result<(), Fault> {
        if !self.is_given(encryption)? {
            return Ok(());
        }
        Err(faults::ACCESS_DENIED.says(format!(
            "User: {} is not authorized to perform: s3:PutObject on resource: \"{}\" because this bucket has blocked upload requests that \
             specify Server Side Encryption with Customer provided keys (SSE-C). Please specify a different server-side encryption type",
            cx.caller.arn,
            names::object_arn(cx, bucket, key)
        )))
    }

    /// No object was stored with a customer-provided key.
    pub fn check_read(&self) -> Result<(), Fault> {
        if self.is_given(None)? { Err(faults::INVALID_REQUEST.says("The encryption parameters are not applicable to this object.")) } else { Ok(()) }
    }

    /// No multipart upload was created with a customer-provided key.
    pub fn check_part(&self) -> Result<(), Fault> {
        if !self.is_given(None)? {
            return Ok(());
        }
        Err(faults::INVALID_REQUEST
            .says("The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer_key(algorithm: &str, key: &[u8], md5: Option<&str>) -> CustomerKey {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        CustomerKey { algorithm: some(algorithm), key: some(&BASE64_STANDARD.encode(key)), md5: md5.map(Into::into) }
    }

    #[test]
    fn a_customer_provided_key_is_checked_before_it_is_refused() {
        let message = |key: CustomerKey, encryption: Option<&str>| key.is_given(encryption).map_err(|fault| fault.message().to_owned());
        let key = [7; 32];
        let md5 = digest(Algorithm::Md5, &key).base64();
        assert_eq!(message(customer_key("", b"", None), None), Ok(false));
        assert_eq!(message(customer_key("AES256", &key, Some(&md5)), None), Ok(true));
        let refused = |key, encryption| message(key, encryption).unwrap_err();
        assert!(refused(customer_key("AES256", &key, Some(&md5)), Some("AES256")).contains("is incompatible with the encryption method specified"));
        assert!(refused(customer_key("", &key, None), None).ends_with("must provide a valid encryption algorithm."));
        assert!(refused(customer_key("AES128", &key, None), None).ends_with("Supported value: AES256."));
        assert!(refused(customer_key("AES256", b"", Some(&md5)), None).ends_with("must provide an appropriate secret key."));
        assert!(refused(customer_key("AES256", b"short", Some(&md5)), None).starts_with("The calculated MD5 hash of the key"));
        assert_eq!(refused(customer_key("AES256", b"short", None), None), "The secret key was invalid for the specified algorithm.");
    }
}
