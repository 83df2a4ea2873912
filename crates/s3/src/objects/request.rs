//! The headers that PutObject, CopyObject and CreateMultipartUpload have in common, and what of them a bucket accepts.

use crate::{
    api, faults,
    metadata::{self, SystemMetadata},
    state::{Bucket, ObjectOwnership, ObjectProperties},
    storage::StorageClass,
    tags,
};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::Keys;
use cloudlet_shape::Map;

/// The headers that the three inputs have in common.
pub struct WriteRequest {
    pub acl: Option<String>,
    pub has_grants: bool,
    pub encryption: Option<String>,
    pub has_kms_key: bool,
    pub customer_key: [Option<String>; 3],
    pub has_object_lock: bool,
    pub storage_class: Option<String>,
    pub system_metadata: SystemMetadata,
    pub user_metadata: Option<Map<String>>,
    pub tagging: Option<String>,
    pub website_redirect_location: Option<String>,
}

/// Takes them from an input.
macro_rules! write_request {
    ($input:expr) => {
        $crate::objects::WriteRequest {
            acl: $input.acl.take(),
            has_grants: $input.grant_full_control.is_some()
                || $input.grant_read.is_some()
                || $input.grant_read_acp.is_some()
                || $input.grant_write_acp.is_some(),
            encryption: $input.server_side_encryption.take(),
            has_kms_key: $input.sse_kms_key_id.is_some(),
            customer_key: [$input.sse_customer_algorithm.take(), $input.sse_customer_key.take(), $input.sse_customer_key_md5.take()],
            has_object_lock: $input.object_lock_mode.is_some()
                || $input.object_lock_retain_until_date.is_some()
                || $input.object_lock_legal_hold_status.is_some()
                || $input.object_lock_event_hold.is_some(),
            storage_class: $input.storage_class.take(),
            system_metadata: $crate::metadata::system_metadata!($input),
            user_metadata: $input.metadata.take(),
            tagging: $input.tagging.take(),
            website_redirect_location: $input.website_redirect_location.take(),
        }
    };
}
pub(crate) use write_request;

impl WriteRequest {
    /// Refuses what the bucket does not accept, and returns what is stored.
    pub fn check(self, bucket: &Bucket) -> Result<(StorageClass, ObjectProperties), Fault> {
        check_acl(self.acl.as_deref(), self.has_grants, bucket.object_ownership)?;
        check_customer_key(&self.customer_key)?;
        check_encryption(self.encryption.as_deref(), self.has_kms_key)?;
        if self.has_object_lock {
            return Err(faults::INVALID_REQUEST.says("Bucket is missing Object Lock Configuration"));
        }
        let storage_class = StorageClass::of(self.storage_class.as_deref())?;
        let properties = ObjectProperties {
            tags: tags::of_header(self.tagging.as_deref())?,
            user_metadata: metadata::to_stored(self.user_metadata)?,
            website_redirect_location: check_redirect(self.website_redirect_location)?,
            system_metadata: self.system_metadata,
            ..ObjectProperties::default()
        };
        Ok((storage_class, properties))
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html>
fn check_acl(acl: Option<&str>, has_grants: bool, ownership: ObjectOwnership) -> Result<(), Fault> {
    match acl {
        Some(_) if has_grants => return Err(faults::INVALID_REQUEST.says("Specifying both Canned ACLs and Header Grants is not allowed")),
        Some(acl) if !api::targets::OBJECT_CANNED_ACL.values.contains(&acl) => return Err(faults::invalid_argument("", "x-amz-acl", acl)),
        _ => {}
    }
    match (acl, ownership) {
        (None, _) if !has_grants => Ok(()),
        // AWS: these two grant nothing that the bucket owner does not have. Clients that send `private` by default (multer-s3) write
        // to new buckets.
        (Some("bucket-owner-full-control" | "private"), _) => Ok(()),
        (_, ObjectOwnership::BucketOwnerEnforced) => {
            Err(FaultKind::sender("AccessControlListNotSupported", 400).says("The bucket does not allow ACLs"))
        }
        // New buckets block public ACLs.
        (Some("public-read" | "public-read-write" | "authenticated-read"), _) => Err(faults::access_denied()),
        (Some("bucket-owner-read"), _) => Ok(()),
        _ => Err(faults::not_built("grants on objects")),
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/serv-side-encryption.html>
fn check_encryption(algorithm: Option<&str>, has_kms_key: bool) -> Result<(), Fault> {
    const HEADER: &str = "x-amz-server-side-encryption";
    match algorithm {
        None | Some("AES256") if has_kms_key => Err(faults::invalid_argument(
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

fn invalid_encryption(header: &str, value: &str) -> Fault {
    FaultKind::sender("InvalidEncryptionAlgorithmError", 400)
        .says("The Encryption request you specified is not valid. Supported value: AES256.")
        .with("ArgumentName", header)
        .with("ArgumentValue", value)
}

/// AWS: since April 2026 new buckets refuse customer-provided keys (SSE-C).
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html>
pub fn check_customer_key(headers: &[Option<String>; 3]) -> Result<(), Fault> {
    let refused = |text: &str| Err(faults::INVALID_ARGUMENT.says(text).with("ArgumentName", "x-amz-server-side-encryption"));
    match headers {
        [None, None, None] => Ok(()),
        [None, _, _] => refused("Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption algorithm."),
        [Some(algorithm), _, _] if algorithm != "AES256" => Err(invalid_encryption("x-amz-server-side-encryption-customer-algorithm", algorithm)),
        [_, None, _] => refused("Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret key."),
        _ => Err(faults::access_denied()),
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-to-page-redirect.html>
fn check_redirect(location: Option<String>) -> Result<Option<String>, Fault> {
    let refused = |text: &str| Err(FaultKind::sender("InvalidRedirectLocation", 400).says(text));
    match location {
        None => Ok(None),
        Some(location) if location.len() > 2048 => refused("The length of website redirect location cannot exceed 2,048 characters."),
        Some(location) if ["/", "http://", "https://"].iter().any(|prefix| location.starts_with(prefix)) => Ok(Some(location)),
        Some(_) => refused("The website redirect location must have a prefix of 'http://' or 'https://' or '/'."),
    }
}

/// Sets the condition keys for the headers of a write.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html#amazons3-policy-keys>
pub fn set_write_keys(keys: &mut Keys, headers: &[(&'static str, Option<&String>)]) {
    for (key, value) in headers {
        if let Some(value) = value {
            keys.set(*key, (*value).clone());
        }
    }
}
