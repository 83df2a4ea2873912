//! SSE-KMS as far as it can be noticed: who sends and who receives needs the queue's key, and hears of it when that fails.
//!
//! Each send asks KMS for a data key, which the message keeps in its encrypted form; each receive has it decrypted, both as the
//! caller through SQS. Bodies stay as they are: nobody can look at them but through the door.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-server-side-encryption.html>

use crate::{Open, Sqs, faults, receiving::Flown, settings::Encryption, state::DataKey};
use cloudlet_api_kms::{Decrypt, DecryptRequest, GenerateDataKey, GenerateDataKeyRequest};
use cloudlet_aws::{Arn, Fault, Timestamp};
use cloudlet_engine::Cx;
use cloudlet_shape::Map;
use std::collections::BTreeSet;

const VIA: &str = "sqs.amazonaws.com";
/// The key that AWS keeps for SQS in each account. It is there for everybody who may use the queue.
const OF_AWS: &str = "alias/aws/sqs";

fn context(queue: &Arn) -> Option<Map<String>> {
    Some(Map::from([("aws:sqs:arn".to_owned(), queue.to_string())]))
}

/// A fault of KMS in the words of SQS.
fn in_words_of_sqs(fault: Fault) -> Fault {
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

/// A data key for what is sent now, where the queue has a key of its owner's.
pub async fn seal(cx: &Cx, queue: &Arn, encryption: &Encryption) -> Result<Option<DataKey>, Fault> {
    match encryption {
        Encryption::Kms { key, .. } if key != OF_AWS => Box::pin(generate(cx, queue, key)).await,
        _ => Ok(None),
    }
}

async fn generate(cx: &Cx, queue: &Arn, key: &str) -> Result<Option<DataKey>, Fault> {
    let input = GenerateDataKeyRequest {
        key_id: key.to_owned(),
        key_spec: Some("AES_256".to_owned()),
        encryption_context: context(queue),
        ..GenerateDataKeyRequest::default()
    };
    match cx.forward::<GenerateDataKey>(VIA, cx.scope.clone(), input).await {
        Ok(made) => Ok(made.ciphertext_blob.map(DataKey)),
        // No KMS in this house yet.
        Err(fault) if fault.status() == 501 => Ok(None),
        Err(fault) => Err(in_words_of_sqs(fault)),
    }
}

impl Sqs {
    /// Has the keys of received messages decrypted. If that fails, they are put back as if they had not been received.
    pub(crate) async fn unseal(&self, cx: &Cx, open: &Open, queue: &Arn, flown: &[Flown], now: Timestamp) -> Result<(), Fault> {
        let keys: BTreeSet<&DataKey> = flown.iter().filter_map(|flown| flown.message.data_key.as_ref()).collect();
        for DataKey(blob) in keys {
            let input = DecryptRequest { ciphertext_blob: Some(blob.clone()), encryption_context: context(queue), ..DecryptRequest::default() };
            if let Err(fault) = cx.forward::<Decrypt>(VIA, cx.scope.clone(), input).await {
                open.change(|queue| {
                    for Flown { place, flight, .. } in flown {
                        if queue.flights.get(place) == Some(flight) {
                            let mut before = *flight;
                            before.receives = before.receives.saturating_sub(1);
                            queue.divert(*place, before, now, now);
                        }
                    }
                    Ok(())
                })?;
                return Err(in_words_of_sqs(fault));
            }
        }
        Ok(())
    }
}
