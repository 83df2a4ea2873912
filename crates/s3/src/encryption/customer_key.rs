//! Server-side encryption with a key that the client gives with every request (SSE-C).
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html>

use super::header::{AES256, HEADER};
use crate::state::{Encryption, Method, Salt};
use crate::{faults, names};
use base64::{Engine, prelude::BASE64_STANDARD};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_digest::{Algorithm, digest};
use cloudlet_engine::Cx;

/// The headers of SSE-C.
#[derive(Default)]
pub struct CustomerKeyHeaders {
    pub algorithm: Option<String>,
    pub key: Option<String>,
    pub md5: Option<String>,
}

/// A key of a client.
#[derive(Clone, PartialEq)]
pub struct CustomerKey {
    pub key: [u8; 32],
    /// In base64.
    pub md5: String,
}

impl std::fmt::Debug for CustomerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a customer key with MD5 {}", self.md5)
    }
}

/// Takes them from an input.
macro_rules! customer_key {
    ($input:expr) => {
        $crate::encryption::CustomerKeyHeaders {
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
        $crate::encryption::CustomerKeyHeaders {
            algorithm: $input.copy_source_sse_customer_algorithm.clone(),
            key: $input.copy_source_sse_customer_key.clone(),
            md5: $input.copy_source_sse_customer_key_md5.clone(),
        }
    };
}
pub(crate) use source_customer_key;

/// AWS: recorded.
pub fn required() -> Fault {
    faults::INVALID_REQUEST
        .says("The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.")
}

impl CustomerKeyHeaders {
    fn is_none(&self) -> bool {
        self.algorithm.is_none() && self.key.is_none() && self.md5.is_none()
    }

    /// The key of a request. AWS: the messages and their order were recorded; a missing MD5 is unverified.
    pub fn parse(&self, encryption: Option<&str>) -> Result<Option<CustomerKey>, Fault> {
        let refused = |message: &str| Err(faults::INVALID_ARGUMENT.says(message).with("ArgumentName", HEADER));
        if self.is_none() {
            return Ok(None);
        }
        if let Some(encryption) = encryption {
            let message = "Server Side Encryption with Customer provided key is incompatible with the encryption method specified";
            return Err(faults::invalid_argument(message, HEADER, encryption));
        }
        match self.algorithm.as_deref() {
            None => {
                return refused("Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption algorithm.");
            }
            Some(AES256) => {}
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
        let md5 = digest(Algorithm::Md5, &key).base64();
        match &self.md5 {
            // AWS: unverified.
            None => {
                return refused(
                    "Requests specifying Server Side Encryption with Customer provided keys must provide the client calculated MD5 of the secret key.",
                );
            }
            Some(given) if *given != md5 => return refused("The calculated MD5 hash of the key did not match the hash that was provided."),
            Some(_) => {}
        }
        match <[u8; 32]>::try_from(key) {
            Ok(key) => Ok(Some(CustomerKey { key, md5 })),
            Err(_) => refused("The secret key was invalid for the specified algorithm."),
        }
    }

    /// The key of a read, which must be that of the object.
    pub fn check_read(&self, encryption: Option<&Encryption>) -> Result<Option<CustomerKey>, Fault> {
        let customer = self.parse(None)?;
        match (encryption.map(|encryption| (&encryption.method, encryption.salt)), customer) {
            (Some((Method::CustomerKey { verifier }, salt)), Some(customer)) => {
                if customer.verifier(salt) != *verifier {
                    let message = "Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key.";
                    return Err(faults::ACCESS_DENIED.says(message));
                }
                Ok(Some(customer))
            }
            (Some((Method::CustomerKey { .. }, _)), None) => Err(required()),
            (_, Some(_)) => Err(faults::INVALID_REQUEST.says("The encryption parameters are not applicable to this object.")),
            (_, None) => Ok(None),
        }
    }

    /// The key of a part, which must be that of its upload.
    pub fn check_part(&self, encryption: Option<&Encryption>) -> Result<Option<CustomerKey>, Fault> {
        let customer = self.parse(None)?;
        let of_upload = encryption.and_then(|encryption| match &encryption.method {
            Method::CustomerKey { verifier } => Some((verifier, encryption.salt)),
            Method::Kms(_) => None,
        });
        match (of_upload, customer) {
            (None, None) => Ok(None),
            (Some((verifier, salt)), Some(customer)) if customer.verifier(salt) == *verifier => Ok(Some(customer)),
            (Some(_), Some(_)) => Err(faults::INVALID_REQUEST.says("The provided encryption parameters did not match the ones used originally.")),
            (Some(_), None) | (None, Some(_)) => Err(faults::INVALID_REQUEST.says(
                "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters.",
            )),
        }
    }
}

impl CustomerKey {
    /// What tells this key from others.
    pub fn verifier(&self, salt: Salt) -> String {
        digest(Algorithm::Sha256, &[b"verifier".as_slice(), &salt.0, &self.key].concat()).hex()
    }
}

/// AWS: since April 2026 new buckets block writes with SSE-C.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/blocking-unblocking-s3-c-encryption-gpb.html>
pub fn blocked(cx: &Cx, bucket: &str, key: &str) -> Fault {
    faults::ACCESS_DENIED.says(format!(
        "User: {} is not authorized to perform: s3:PutObject on resource: \"{}\" because this bucket has blocked upload requests that \
         specify Server Side Encryption with Customer provided keys (SSE-C). Please specify a different server-side encryption type",
        cx.caller.arn,
        names::object_arn(cx, bucket, key)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(algorithm: &str, key: &[u8], md5: Option<&str>) -> CustomerKeyHeaders {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        CustomerKeyHeaders { algorithm: some(algorithm), key: some(&BASE64_STANDARD.encode(key)), md5: md5.map(Into::into) }
    }

    #[test]
    fn the_headers_of_a_key_are_checked_in_aws_order() {
        let message = |key: CustomerKeyHeaders, encryption: Option<&str>| key.parse(encryption).map_err(|fault| fault.message().to_owned());
        let key = [7; 32];
        let md5 = digest(Algorithm::Md5, &key).base64();
        assert_eq!(message(headers("", b"", None), None), Ok(None));
        assert_eq!(message(headers("AES256", &key, Some(&md5)), None), Ok(Some(CustomerKey { key, md5: md5.clone() })));
        let refused = |key, encryption| message(key, encryption).unwrap_err();
        assert!(refused(headers("AES256", &key, Some(&md5)), Some("AES256")).contains("is incompatible with the encryption method specified"));
        assert!(refused(headers("", &key, None), None).ends_with("must provide a valid encryption algorithm."));
        assert!(refused(headers("AES128", &key, None), None).ends_with("Supported value: AES256."));
        assert!(refused(headers("AES256", b"", Some(&md5)), None).ends_with("must provide an appropriate secret key."));
        assert!(refused(headers("AES256", b"short", Some(&md5)), None).starts_with("The calculated MD5 hash of the key"));
        let md5 = digest(Algorithm::Md5, b"short").base64();
        assert_eq!(refused(headers("AES256", b"short", Some(&md5)), None), "The secret key was invalid for the specified algorithm.");
        assert!(refused(headers("AES256", &key, None), None).ends_with("calculated MD5 of the secret key."));
    }
}
