//! Canonical user ids: the name S3 has for an account, stable and unguessable in form, made from the account's number.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/finding-canonical-user-id.html>

use cloudlet_aws::Account;
use cloudlet_digest::{Algorithm, digest};

/// 64 hexadecimal digits, the same for an account wherever Cloudlet runs.
pub fn canonical_id(account: Account) -> String {
    digest(Algorithm::Sha256, format!("cloudlet canonical user {account}").as_bytes()).hex()
}
