//! What every write of an object may say beside its bytes, and which of it this bucket takes:
//! PutObject, CopyObject, CreateMultipartUpload.

use crate::{
    api, faults,
    metadata::{self, SystemFields},
    state::{Bucket, More, Ownership},
    storage::StorageClass,
    tags,
};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::Keys;
use cloudlet_shape::Map;

/// The header fields that the three inputs share.
pub struct WriteRequest {
    pub acl: Option<String>,
    pub granted: bool,
    pub encryption: Option<String>,
    pub kms_key: bool,
    pub customer: [Option<String>; 3],
    pub locked: bool,
    pub class: Option<String>,
    pub fields: SystemFields,
    pub metadata: Option<Map<String>>,
    pub tagging: Option<String>,
    pub redirect: Option<String>,
}

/// Takes them out of an input.
macro_rules! write_request {
    ($input:expr) => {
        $crate::objects::WriteRequest {
            acl: $input.acl.take(),
            granted: $input.grant_full_control.is_some()
                || $input.grant_read.is_some()
                || $input.grant_read_acp.is_some()
                || $input.grant_write_acp.is_some(),
            encryption: $input.server_side_encryption.take(),
            kms_key: $input.sse_kms_key_id.is_some(),
            customer: [$input.sse_customer_algorithm.take(), $input.sse_customer_key.take(), $input.sse_customer_key_md5.take()],
            locked: $input.object_lock_mode.is_some()
                || $input.object_lock_retain_until_date.is_some()
                || $input.object_lock_legal_hold_status.is_some()
                || $input.object_lock_event_hold.is_some(),
            class: $input.storage_class.take(),
            fields: $crate::metadata::system_fields!($input),
            metadata: $input.metadata.take(),
            tagging: $input.tagging.take(),
            redirect: $input.website_redirect_location.take(),
        }
    };
}
pub(crate) use write_request;

impl WriteRequest {
    /// Refuses what the bucket does not take, and makes of the rest what is stored.
    pub fn check(self, bucket: &Bucket) -> Result<(StorageClass, More), Fault> {
        check_acl(self.acl.as_deref(), self.granted, bucket.ownership)?;
        check_customer_key(&self.customer)?;
        check_encryption(self.encryption.as_deref(), self.kms_key)?;
        if self.locked {
            return Err(faults::INVALID_REQUEST.says("Bucket is missing Object Lock Configuration"));
        }
        let class = StorageClass::of(self.class.as_deref())?;
        let more = More {
            tags: tags::of_header(self.tagging.as_deref())?,
            metadata: metadata::stored(self.metadata)?,
            redirect: check_redirect(self.redirect)?,
            fields: self.fields,
            ..More::default()
        };
        Ok((class, more))
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html>
fn check_acl(acl: Option<&str>, granted: bool, ownership: Ownership) -> Result<(), Fault> {
    match acl {
        Some(_) if granted => return Err(faults::INVALID_REQUEST.says("Specifying both Canned ACLs and Header Grants is not allowed")),
        Some(acl) if !api::targets::OBJECT_CANNED_ACL.values.contains(&acl) => return Err(faults::invalid_argument("", "x-amz-acl", acl)),
        _ => {}
    }
    match (acl, ownership) {
        (None, _) if !granted => Ok(()),
        // AWS: everything in such a bucket is its owner's, so that these two grant what is granted anyway. Clients that send
        // `private` by default (multer-s3) write to new buckets.
        (Some("bucket-owner-full-control" | "private"), _) => Ok(()),
        (_, Ownership::BucketOwnerEnforced) => Err(FaultKind::sender("AccessControlListNotSupported", 400).says("The bucket does not allow ACLs")),
        // New buckets block public ACLs.
        (Some("public-read" | "public-read-write" | "authenticated-read"), _) => Err(faults::access_denied()),
        (Some("bucket-owner-read"), _) => Ok(()),
        _ => Err(faults::not_built("grants on objects")),
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/serv-side-encryption.html>
fn check_encryption(algorithm: Option<&str>, kms_key: bool) -> Result<(), Fault> {
    const HEADER: &str = "x-amz-server-side-encryption";
    match algorithm {
        None | Some("AES256") if kms_key => Err(faults::invalid_argument(
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

/// AWS: since April 2026 new buckets refuse keys of customers.
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

/// What a policy may say of the headers of a write.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html#amazons3-policy-keys>
pub fn set_write_keys(keys: &mut Keys, headers: &[(&'static str, Option<&String>)]) {
    for (key, value) in headers {
        if let Some(value) = value {
            keys.set(*key, (*value).clone());
        }
    }
}
