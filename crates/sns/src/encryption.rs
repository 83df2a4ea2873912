//! Topics encrypted with a KMS key: the publisher needs permissions for the key.
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html>

use crate::{access::PRINCIPAL, faults, state::Topic};
use cloudlet_aws::Fault;
use cloudlet_engine::{
    Cx,
    kms::{KmsClient, KmsFaults},
};

const KMS: KmsClient = KmsClient {
    service: PRINCIPAL,
    context_key: "aws:sns:topicArn",
    faults: KmsFaults {
        access_denied: Some(faults::KMS_ACCESS_DENIED),
        disabled: Some(faults::KMS_DISABLED),
        invalid_state: Some(faults::KMS_INVALID_STATE),
        not_found: Some(faults::KMS_NOT_FOUND),
        invalid_key_usage: None,
        key_unavailable: None,
        opt_in_required: Some(faults::KMS_OPT_IN_REQUIRED),
        throttling: Some(faults::KMS_THROTTLING),
    },
};

/// Whether the caller may use the topic's key, if it has one.
pub async fn check(cx: &Cx, topic: &Topic) -> Result<(), Fault> {
    match &topic.kms_key {
        Some(key) => Box::pin(KMS.generate_data_key(cx, key, &topic.arn)).await.map(drop),
        None => Ok(()),
    }
}
