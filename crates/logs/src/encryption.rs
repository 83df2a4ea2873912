//! Groups under KMS keys. The service itself uses the key, so the key's policy must allow `logs.REGION.amazonaws.com`, in the encryption context
//! of the group. Deliberately no encryption of the texts: the data folder is encrypted as a whole.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html>

use crate::{
    faults,
    names::group_arn,
    state::{Group, GroupKey, GroupKeyAssociation},
};
use cloudlet_api_kms::{Decrypt, DecryptRequest, GenerateDataKey, GenerateDataKeyRequest};
use cloudlet_aws::{Caller, Fault};
use cloudlet_engine::Cx;
use cloudlet_shape::Map;

const CONTEXT_KEY: &str = "aws:logs:arn";

fn caller(group: &GroupKey) -> Caller {
    Caller::service(&format!("logs.{}.amazonaws.com", group.0.region), Some(group_arn(group)))
}

fn context(group: &GroupKey) -> Option<Map<String>> {
    Some(Map::from([(CONTEXT_KEY.to_owned(), group_arn(group).to_string())]))
}

/// Puts a group under a key, if the service may use the key for it.
pub async fn associate(cx: &Cx, group: &GroupKey, key: String) -> Result<GroupKeyAssociation, Fault> {
    let input = GenerateDataKeyRequest {
        key_id: key.clone(),
        key_spec: Some("AES_256".to_owned()),
        encryption_context: context(group),
        ..GenerateDataKeyRequest::default()
    };
    match cx.call::<GenerateDataKey>(caller(group), group.0.clone(), input).await {
        Ok(made) => Ok(GroupKeyAssociation { key, data_key: made.ciphertext_blob.unwrap_or_default() }),
        Err(fault) if fault.status() == 501 => Err(fault),
        Err(_) => Err(faults::invalid(format!("The specified KMS key does not exist or is not allowed to be used with Arn '{}'", group_arn(group)))),
    }
}

/// Fails where a group's key cannot be used now.
pub async fn check(cx: &Cx, key: &GroupKey, group: &Group) -> Result<(), Fault> {
    let Some(encryption) = &group.encryption else { return Ok(()) };
    let input = DecryptRequest { ciphertext_blob: Some(encryption.data_key.clone()), encryption_context: context(key), ..DecryptRequest::default() };
    match cx.call::<Decrypt>(caller(key), key.0.clone(), input).await {
        Ok(_) => Ok(()),
        // AWS: unverified fault and message.
        Err(fault) => Err(faults::ACCESS_DENIED.says(format!("The KMS key of the log group cannot be used: {}", fault.message()))),
    }
}
