//! Topics encrypted with a KMS key: the publisher needs permissions for the key.
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html>

use crate::{access::PRINCIPAL, faults, state::Topic};
use cloudlet_api_kms::{GenerateDataKey, GenerateDataKeyRequest};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::Cx;

/// The faults of KMS, and those that SNS answers for them.
const KMS_FAULTS: [(&str, FaultKind); 6] = [
    ("AccessDeniedException", faults::KMS_ACCESS_DENIED),
    ("DisabledException", faults::KMS_DISABLED),
    ("KMSInvalidStateException", faults::KMS_INVALID_STATE),
    ("NotFoundException", faults::KMS_NOT_FOUND),
    ("KMSOptInRequired", faults::KMS_OPT_IN_REQUIRED),
    ("ThrottlingException", faults::KMS_THROTTLING),
];

/// The AWS managed key needs no permissions.
pub async fn check(cx: &Cx, topic: &Topic) -> Result<(), Fault> {
    let Some(key) = topic.kms_key.as_ref().filter(|key| !key.ends_with("alias/aws/sns")) else { return Ok(()) };
    let context = [("aws:sns:topicArn".to_owned(), topic.arn.to_string())].into();
    let input = GenerateDataKeyRequest {
        key_id: key.clone(),
        encryption_context: Some(context),
        key_spec: Some("AES_256".to_owned()),
        ..GenerateDataKeyRequest::default()
    };
    match cx.forward::<GenerateDataKey>(PRINCIPAL, cx.scope.clone(), input).await {
        Ok(_) => Ok(()),
        // Without a KMS, the key is only a name, and the message is published.
        Err(fault) if fault.status() == 501 => Ok(()),
        Err(fault) => Err(match KMS_FAULTS.iter().find(|(name, _)| fault.name() == *name) {
            Some((_, kind)) => kind.says(fault.message()),
            None => fault,
        }),
    }
}
