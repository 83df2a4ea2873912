//! Canonical user ids: the name S3 has for an account, stable and unguessable in form, made from the account's number.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/finding-canonical-user-id.html>

use crate::{api, state::Initiator};
use cloudlet_aws::{Account, Caller, Identity};
use cloudlet_digest::{Algorithm, digest};

pub use cloudlet_s3_access::canonical_id;

/// The customer id of an account, which S3's events have in place of the account: `A3NL1KOZZKEXAM`.
pub fn customer_id(account: Account) -> String {
    const LETTERS: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let digest = digest(Algorithm::Sha256, format!("cloudlet customer {account}").as_bytes());
    let letters = digest.bytes().iter().filter_map(|byte| LETTERS.get(usize::from(*byte) % LETTERS.len()));
    std::iter::once('A').chain(letters.take(13).map(|letter| char::from(*letter))).collect()
}

/// AWS: since November 2025 an owner has no display name.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Owner.html>
pub fn owner(account: Account) -> api::Owner {
    api::Owner { display_name: None, id: Some(canonical_id(account)) }
}

/// Who began a multipart upload: the account for its root, the ARN for everybody else.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Initiator.html>
pub fn initiator(caller: &Caller, owner: Account) -> Initiator {
    let display_name = match &caller.identity {
        Identity::Root | Identity::Anonymous => "root".to_owned(),
        Identity::User { name } | Identity::FederatedUser { name } => name.to_string(),
        Identity::AssumedRole { role, session } => format!("{}/{session}", role.resource().rsplit('/').next().unwrap_or_default()),
        Identity::Service { principal, .. } => principal.to_string(),
    };
    let id = match caller.identity {
        Identity::Root => canonical_id(caller.account.unwrap_or(owner)),
        Identity::Anonymous => canonical_id(owner),
        _ => caller.arn.to_string(),
    };
    Initiator { id, display_name }
}

impl From<&Initiator> for api::Initiator {
    fn from(initiator: &Initiator) -> api::Initiator {
        api::Initiator { id: Some(initiator.id.clone()), display_name: Some(initiator.display_name.clone()) }
    }
}
