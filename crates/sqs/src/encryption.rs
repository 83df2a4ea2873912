//! SSE-KMS as far as clients can notice it: senders and receivers need the queue's key, and get an error when it cannot be used.
//!
//! Each send gets a data key from KMS, which is stored with the message in its encrypted form; each receive has it decrypted. Both are
//! done as the caller through SQS. Bodies are not encrypted: they can be read through the API alone.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-server-side-encryption.html>

use crate::{QueueRef, Sqs, faults, receiving::ReceivedMessage, settings::Encryption, state::DataKey};
use cloudlet_aws::{Arn, Fault, Timestamp};
use cloudlet_engine::{
    Cx,
    kms::{KmsClient, KmsFaults},
};
use std::collections::BTreeSet;

const KMS: KmsClient = KmsClient {
    service: "sqs.amazonaws.com",
    context_key: "aws:sqs:arn",
    faults: KmsFaults {
        access_denied: Some(faults::KMS_ACCESS_DENIED),
        disabled: Some(faults::KMS_DISABLED),
        invalid_state: Some(faults::KMS_INVALID_STATE),
        not_found: Some(faults::KMS_NOT_FOUND),
        invalid_key_usage: Some(faults::KMS_INVALID_KEY_USAGE),
        key_unavailable: None,
        opt_in_required: Some(faults::KMS_OPT_IN_REQUIRED),
        throttling: Some(faults::KMS_THROTTLED),
    },
};

/// A data key for a message sent now, where the queue has a KMS key.
pub async fn data_key(cx: &Cx, queue: &Arn, encryption: &Encryption) -> Result<Option<DataKey>, Fault> {
    match encryption {
        Encryption::Kms { key_id, .. } => Ok(Box::pin(KMS.generate_data_key(cx, key_id, queue)).await?.map(DataKey)),
        _ => Ok(None),
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
            if let Err(fault) = KMS.decrypt(cx, blob.clone(), arn).await {
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
                return Err(fault);
            }
        }
        Ok(())
    }
}
