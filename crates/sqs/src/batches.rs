//! What all batches have in common: the number of entries, their ids, and entries that fail.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-batch-api-actions.html>

use crate::{faults, limits};
use cloudlet_api_sqs::BatchResultErrorEntry;
use cloudlet_aws::{Blame, Fault};
use std::collections::BTreeSet;

/// Checks a batch as a whole. `entry` is the name of its entry type.
pub fn check<'a>(entry: &str, ids: impl ExactSizeIterator<Item = &'a str>) -> Result<(), Fault> {
    let count = ids.len();
    if count == 0 {
        return Err(faults::EMPTY_BATCH_REQUEST.says(format!("There should be at least one {entry} in the request.")));
    }
    if count > limits::BATCH {
        let message = format!("Maximum number of entries per request are {}. You have sent {count}.", limits::BATCH);
        return Err(faults::TOO_MANY_ENTRIES_IN_BATCH_REQUEST.says(message));
    }
    let mut seen = BTreeSet::new();
    for id in ids {
        let valid = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !valid || !(1..=limits::BATCH_ID).contains(&id.len()) {
            return Err(faults::INVALID_BATCH_ENTRY_ID
                .says("A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long."));
        }
        if !seen.insert(id) {
            return Err(faults::BATCH_ENTRY_IDS_NOT_DISTINCT.says(format!("Id {id} repeated.")));
        }
    }
    Ok(())
}

/// AWS leaves out an empty list.
pub fn non_empty<T>(entries: Vec<T>) -> Option<Vec<T>> {
    (!entries.is_empty()).then_some(entries)
}

pub fn failed_entry(id: String, fault: &Fault) -> BatchResultErrorEntry {
    BatchResultErrorEntry {
        id,
        sender_fault: fault.blame() == Blame::Sender,
        code: fault.code().to_owned(),
        message: Some(fault.message().to_owned()),
    }
}
