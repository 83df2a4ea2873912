//! SSE-KMS as far as clients can notice it: senders and receivers need the queue's key, and get an error when it cannot be used.
//!
//! Each send gets a data key from KMS, which is stored with the message in its encrypted form; each receive has it decrypted. Both are
//! done as the caller through SQS. Bodies are not encrypted: they can be read through the API alone.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-server-side-encryption.html>

use crate::{QueueRef, Sqs, faults, receiving::ReceivedMessage, settings::Encryption, state::DataKey};
use cloudlet_api_kms::{Decrypt, DecryptRequest, GenerateDataKey, GenerateDataKeyRequest};
use cloudlet_aws::{Arn, Fault, Timestamp};
use cloudlet_engine::Cx;
use cloudlet_shape::Map;
use std::collections::BTreeSet;

const VIA: &str = "sqs.amazonaws.com";
/// The AWS managed key for SQS of each account. Every user of the queue may use it.
const AWS_MANAGED_KEY: &str = "alias/aws/sqs";

fn context(queue: &Arn) -> Option<Map<String>> {
    Some(Map::from([("aws:sqs:arn".to_owned(), queue.to_string())]))
}

/// The SQS fault for a fault of KMS.
fn translate(fault: Fault) -> Fault {
    let kind = match fault.name() {
        "AccessDeniedException" => faults::KMS_ACCESS_DENIED,
        "DisabledException" => faults::KMS_DISABLED,
        "KMSInvalidStateException" => faults::KMS_INVALID_STATE,
        "NotFoundException" => faults::KMS_NOT_FOUND,
        "InvalidKeyUsageException" => faults::KMS_INVALID_KEY_USAGE,
        "ThrottlingException" => faults::KMS_THROTTLED,
        _ => return fault,
    };
    kind.says(fault.message())
}

/// A data key for a message sent now, where the queue has a customer managed key.
pub async fn data_key(cx: &Cx, queue: &Arn, encryption: &Encryption) -> Result<Option<DataKey>, Fault> {
    match encryption {
        Encryption::Kms { key_id, .. } if key_id != AWS_MANAGED_KEY => Box::pin(generate(cx, queue, key_id)).await,
        _ => Ok(None),
    }
}

async fn generate(cx: &Cx, queue: &Arn, key_id: &str) -> Result<Option<DataKey>, Fault> {
    let input = GenerateDataKeyRequest {
        key_id: key_id.to_owned(),
        key_spec: Some("AES_256".to_owned()),
        encryption_context: context(queue),
        ..GenerateDataKeyRequest::default()
    };
    match cx.forward::<GenerateDataKey>(VIA, cx.scope.clone(), input).await {
        Ok(generated) => Ok(generated.ciphertext_blob.map(DataKey)),
        // This server has no KMS.
        Err(fault) if fault.status() == 501 => Ok(None),
        Err(fault) => Err(translate(fault)),
    }
}

impl Sqs {
    /// Has the data keys of received messages decrypted. If that fails, the messages are put back as if they had not been received.
    pub(crate) async fn decrypt_data_keys(
        &self,
        cx: &Cx,
        queue: &QueueRef,
        arn: &Arn,
        received: &[ReceivedMessage],
        now: Timestamp,
    ) -> Result<(), Fault> {
        let keys: BTreeSet<&DataKey> = received.iter().filter_map(|received| received.message.data_key.as_ref()).collect();
        for DataKey(blob) in keys {
            let input = DecryptRequest { ciphertext_blob: Some(blob.clone()), encryption_context: context(arn), ..DecryptRequest::default() };
            if let Err(fault) = cx.forward::<Decrypt>(VIA, cx.scope.clone(), input).await {
                queue.write(|queue| {
                    for ReceivedMessage { number, flight, .. } in received {
                        if queue.flights.get(number) == Some(flight) {
                            let mut before = *flight;
                            before.receive_count = before.receive_count.saturating_sub(1);
                            queue.set_invisible_until(*number, before, now, now);
                        }
                    }
                    Ok(())
                })?;
                return Err(translate(fault));
            }
        }
        Ok(())
    }
}
