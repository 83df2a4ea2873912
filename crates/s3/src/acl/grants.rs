//! The permission of an ACL that an action of S3 needs.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#acl-access-policy-permission-mapping>

use super::AclPermission::{self, Read, ReadAcp, Write, WriteAcp};

/// Whose ACL can allow an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed {
    OfBucket(AclPermission),
    OfObject(AclPermission),
    /// Only policies allow it.
    Nothing,
}

pub fn needed(action: &str) -> Needed {
    match action {
        "s3:ListBucket" | "s3:ListBucketVersions" | "s3:ListBucketMultipartUploads" => Needed::OfBucket(Read),
        "s3:PutObject" | "s3:DeleteObject" | "s3:AbortMultipartUpload" | "s3:ListMultipartUploadParts" => Needed::OfBucket(Write),
        "s3:GetBucketAcl" => Needed::OfBucket(ReadAcp),
        "s3:PutBucketAcl" => Needed::OfBucket(WriteAcp),
        "s3:GetObject" | "s3:GetObjectVersion" | "s3:GetObjectTorrent" => Needed::OfObject(Read),
        "s3:GetObjectAcl" | "s3:GetObjectVersionAcl" => Needed::OfObject(ReadAcp),
        "s3:PutObjectAcl" | "s3:PutObjectVersionAcl" => Needed::OfObject(WriteAcp),
        _ => Needed::Nothing,
    }
}
