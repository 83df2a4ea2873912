//! The columns of a report.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory.html#storage-inventory-contents>

use crate::{
    access::BucketHandle,
    api, lifecycle, owners,
    state::{KmsKind, Method, Object, Version},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The optional fields in the order of the columns.
const OPTIONAL: [&str; 19] = [
    "Size",
    "LastModifiedDate",
    "ETag",
    "StorageClass",
    "IsMultipartUploaded",
    "ReplicationStatus",
    "EncryptionStatus",
    "ObjectLockRetainUntilDate",
    "ObjectLockMode",
    "ObjectLockLegalHoldStatus",
    "IntelligentTieringAccessTier",
    "BucketKeyStatus",
    "ChecksumAlgorithm",
    "ObjectAccessControlList",
    "ObjectOwner",
    "LifecycleExpirationDate",
    "IntelligentTieringReferenceDate",
    "ObjectLockEventHoldStatus",
    "ObjectLockEventHoldDuration",
];

pub struct Columns {
    versions: Versions,
    optional: Vec<&'static str>,
}

#[derive(PartialEq, Eq)]
enum Versions {
    Current,
    All,
}

impl Columns {
    pub fn of(configuration: &api::InventoryConfiguration) -> Columns {
        let wanted = configuration.optional_fields.as_deref().unwrap_or_default();
        let optional = OPTIONAL.into_iter().filter(|field| wanted.iter().any(|wanted| wanted == field)).collect();
        let versions = if configuration.included_object_versions == "All" { Versions::All } else { Versions::Current };
        Columns { versions, optional }
    }

    pub fn all_versions(&self) -> bool {
        self.versions == Versions::All
    }

    /// `Bucket, Key, Size`
    pub fn schema(&self) -> String {
        let mut names = vec!["Bucket", "Key"];
        if self.all_versions() {
            names.extend(["VersionId", "IsLatest", "IsDeleteMarker"]);
        }
        names.extend(&self.optional);
        names.join(", ")
    }

    /// Adds the row of a version. The newest version of a key is not listed among the current ones where it is a marker.
    pub fn write(&self, rows: &mut String, found: &BucketHandle, key: &str, version: &Version, is_latest: bool) {
        if !self.all_versions() && version.object().is_none() {
            return;
        }
        // AWS: keys are escaped as in a URL.
        const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/');
        let mut fields = vec![found.name.to_string(), utf8_percent_encode(key, ESCAPED).to_string()];
        if self.all_versions() {
            let id = version.id().map(|id| id.to_string()).unwrap_or_default();
            fields.extend([id, is_latest.to_string(), version.object().is_none().to_string()]);
        }
        fields.extend(self.optional.iter().map(|field| value(field, found, key, version).unwrap_or_default()));
        for (index, field) in fields.iter().enumerate() {
            rows.push_str(if index == 0 { "\"" } else { ",\"" });
            rows.push_str(&field.replace('"', "\"\""));
            rows.push('"');
        }
        rows.push('\n');
    }
}

fn encryption(object: &Object) -> &'static str {
    match object.encryption.as_ref().map(|encryption| &encryption.method) {
        None => "SSE-S3",
        Some(Method::CustomerKey { .. }) => "SSE-C",
        Some(Method::Kms(kms)) if kms.kind == KmsKind::DualLayer => "DSSE-KMS",
        Some(Method::Kms(_)) => "SSE-KMS",
    }
}

/// A field. `None`: it is empty.
fn value(field: &str, found: &BucketHandle, key: &str, version: &Version) -> Option<String> {
    if field == "LastModifiedDate" {
        return Some(version.last_modified().with_millis());
    }
    let object = version.object()?;
    Some(match field {
        "Size" => object.size().to_string(),
        "ETag" => object.etag.to_string(),
        "StorageClass" => object.storage_class.name().to_owned(),
        "IsMultipartUploaded" => (!object.parts().is_empty()).to_string(),
        "ReplicationStatus" => object.replication_status()?.name().to_owned(),
        "EncryptionStatus" => encryption(object).to_owned(),
        "BucketKeyStatus" => match object.encryption.as_ref().map(|encryption| &encryption.method) {
            Some(Method::Kms(kms)) => if kms.bucket_key { "ENABLED" } else { "DISABLED" }.to_owned(),
            _ => "DISABLED".to_owned(),
        },
        "ChecksumAlgorithm" => object.checksum.as_ref()?.algorithm().name().to_owned(),
        "ObjectLockMode" => object.lock()?.retention.as_ref()?.mode.name().to_owned(),
        "ObjectLockRetainUntilDate" => object.lock()?.retention.as_ref()?.until?.with_millis(),
        "ObjectLockLegalHoldStatus" => object.lock()?.legal_hold?.name().to_owned(),
        "ObjectLockEventHoldStatus" => object.lock()?.retention.as_ref()?.event_hold.as_ref()?.hold.name().to_owned(),
        "ObjectOwner" => owners::canonical_id(found.bucket.owner),
        "LifecycleExpirationDate" => lifecycle::expiration(found.bucket.background.lifecycle.as_ref()?, key, object)?.0.with_millis(),
        _ => return None,
    })
}
