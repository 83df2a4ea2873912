//! The headers that PutObject, CopyObject and CreateMultipartUpload have in common, and what of them a bucket accepts.

use crate::{
    access::BucketHandle,
    acl::{Acl, AclHeaders, AclOf},
    encryption::{self, BucketKeyDefault, CustomerKeyHeaders, EncryptionHeaders, RequestedEncryption},
    metadata::{self, SystemMetadata},
    names,
    object_lock::LockHeaders,
    state::{ObjectProperties, SseC},
    storage::StorageClass,
    tags,
};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::{Cx, Keys};
use cloudlet_shape::Map;

/// The headers that the three inputs have in common.
pub struct WriteRequest {
    pub acl: AclHeaders,
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
            acl: $crate::acl::acl_headers!($input),
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
    pub fn check(self, cx: &Cx, found: &BucketHandle, key: &str, bucket_key: BucketKeyDefault) -> Result<CheckedWrite, Fault> {
        let bucket = &*found.bucket;
        let acl = self.acl.parse(AclOf::Object)?;
        found.check_acl(cx, &acl, "s3:PutObject", names::object_arn(cx, &found.name, key).as_str())?;
        let encryption = match self.customer_key.parse(self.encryption.algorithm.as_deref())? {
            Some(_) if bucket.encryption.sse_c == SseC::Blocked => return Err(encryption::blocked(cx, &found.name, key)),
            Some(customer) => RequestedEncryption::CustomerKey(customer),
            None => self.encryption.requested(&bucket.encryption, bucket_key)?,
        };
        let lock = self.lock.lock(bucket, cx.now)?;
        let storage_class = StorageClass::of(self.storage_class.as_deref())?;
        let owner = bucket.owner_of_new_object(&cx.caller, &acl);
        let owned_by = owner.unwrap_or(bucket.owner);
        let acl = bucket.has_acls().then(|| acl.acl(owned_by, bucket.owner)).filter(|acl| *acl != Acl::private(owned_by));
        let properties = ObjectProperties {
            owner,
            acl,
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
