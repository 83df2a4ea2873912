//! The headers that PutObject, CopyObject and CreateMultipartUpload have in common, and what of them a bucket accepts.

use crate::{
    api,
    encryption::{self, BucketKeyDefault, CustomerKeyHeaders, EncryptionHeaders, RequestedEncryption, SseC},
    faults,
    metadata::{self, SystemMetadata},
    object_lock::LockHeaders,
    state::{Bucket, ObjectOwnership, ObjectProperties},
    storage::StorageClass,
    tags,
};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::{Cx, Keys};
use cloudlet_shape::Map;

/// The headers that the three inputs have in common.
pub struct WriteRequest {
    pub acl: Option<String>,
    pub grants: [(&'static str, Option<String>); 4],
    pub encryption: EncryptionHeaders,
    pub customer_key: CustomerKeyHeaders,
    pub lock: LockHeaders,
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
            grants: [
                ("x-amz-grant-full-control", $input.grant_full_control.take()),
                ("x-amz-grant-read", $input.grant_read.take()),
                ("x-amz-grant-read-acp", $input.grant_read_acp.take()),
                ("x-amz-grant-write-acp", $input.grant_write_acp.take()),
            ],
            encryption: $crate::encryption::encryption_headers!($input),
            customer_key: $crate::encryption::customer_key!($input),
            lock: $crate::object_lock::lock_headers!($input),
            storage_class: $input.storage_class.take(),
            system_metadata: $crate::metadata::system_metadata!($input),
            user_metadata: $input.metadata.take(),
            tagging: $input.tagging.take(),
            website_redirect_location: $input.website_redirect_location.take(),
        }
    };
}
pub(crate) use write_request;

/// What is stored of a request.
pub struct CheckedWrite {
    pub storage_class: StorageClass,
    pub properties: ObjectProperties,
    pub encryption: RequestedEncryption,
}

impl WriteRequest {
    /// Refuses what the bucket does not accept, and returns what is stored.
    pub fn check(self, cx: &Cx, name: &str, key: &str, bucket: &Bucket, bucket_key: BucketKeyDefault) -> Result<CheckedWrite, Fault> {
        check_acl(self.acl.as_deref(), &self.grants, bucket.object_ownership)?;
        let encryption = match self.customer_key.parse(self.encryption.algorithm.as_deref())? {
            Some(_) if bucket.encryption.sse_c == SseC::Blocked => return Err(encryption::blocked(cx, name, key)),
            Some(customer) => RequestedEncryption::CustomerKey(customer),
            None => self.encryption.requested(&bucket.encryption, bucket_key)?,
        };
        let lock = self.lock.lock(bucket, cx.now)?;
        let storage_class = StorageClass::of(self.storage_class.as_deref())?;
        let properties = ObjectProperties {
            tags: tags::of_header(self.tagging.as_deref())?,
            user_metadata: metadata::to_stored(self.user_metadata)?,
            website_redirect_location: check_redirect(self.website_redirect_location)?,
            system_metadata: self.system_metadata,
            lock,
            ..ObjectProperties::default()
        };
        Ok(CheckedWrite { storage_class, properties, encryption })
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html>
fn check_acl(acl: Option<&str>, grants: &[(&str, Option<String>)], ownership: ObjectOwnership) -> Result<(), Fault> {
    let has_grants = check_grants(grants)?;
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

/// Whether there are grants. They are lists of `id="…"`, `uri="…"` and `emailAddress="…"`.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html>
pub fn check_grants(grants: &[(&str, Option<String>)]) -> Result<bool, Fault> {
    let is_grantee = |text: &str| {
        let kind = text.split_once('=').map(|(kind, _)| kind.trim());
        kind.is_some_and(|kind| ["id", "uri", "emailAddress"].iter().any(|known| known.eq_ignore_ascii_case(kind)))
    };
    for (header, value) in grants {
        if let Some(value) = value
            && !value.split(',').all(is_grantee)
        {
            return Err(faults::invalid_argument("Argument format not recognized", header, value));
        }
    }
    Ok(grants.iter().any(|(_, value)| value.is_some()))
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

/// Sets the condition keys for the headers that PutObject, CopyObject and CreateMultipartUpload have in common.
macro_rules! write_keys {
    ($permission:expr, $input:expr) => {
        $crate::objects::set_write_keys(
            &mut $permission.keys,
            &[
                ("s3:x-amz-acl", $input.acl.as_ref()),
                ("s3:x-amz-storage-class", $input.storage_class.as_ref()),
                ("s3:x-amz-server-side-encryption", $input.server_side_encryption.as_ref()),
                ("s3:x-amz-server-side-encryption-aws-kms-key-id", $input.sse_kms_key_id.as_ref()),
                ("s3:x-amz-server-side-encryption-customer-algorithm", $input.sse_customer_algorithm.as_ref()),
                ("s3:x-amz-website-redirect-location", $input.website_redirect_location.as_ref()),
                ("s3:x-amz-grant-full-control", $input.grant_full_control.as_ref()),
                ("s3:x-amz-grant-read", $input.grant_read.as_ref()),
                ("s3:x-amz-grant-read-acp", $input.grant_read_acp.as_ref()),
                ("s3:x-amz-grant-write-acp", $input.grant_write_acp.as_ref()),
            ],
        )
    };
}
pub(crate) use write_keys;
