//! What all batches have in common: how many, how their entries are named, and how one fails alone.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-batch-api-actions.html>

use crate::{faults, limits};
use cloudlet_api_sqs::BatchResultErrorEntry;
use cloudlet_aws::{Blame, Fault};
use std::collections::BTreeSet;

/// Checks a batch as a whole. `entry` is what AWS calls one of it.
pub fn check<'a>(entry: &str, ids: impl ExactSizeIterator<Item = &'a str>) -> Result<(), Fault> {
    let count = ids.len();
    if count == 0 {
        return Err(faults::EMPTY_BATCH_REQUEST.says(format!("There should be at least one {entry} in the request.")));
    }
    if count > limits::BATCH {
        let sentence = format!("Maximum number of entries per request are {}. You have sent {count}.", limits::BATCH);
        return Err(faults::TOO_MANY_ENTRIES_IN_BATCH_REQUEST.says(sentence));
    }
    let mut known = BTreeSet::new();
    for id in ids {
        let letters = id.bytes().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_'));
        if !letters || !(1..=limits::BATCH_ID).contains(&id.len()) {
            return Err(faults::INVALID_BATCH_ENTRY_ID
                .says("A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long."));
        }
        if !known.insert(id) {
            return Err(faults::BATCH_ENTRY_IDS_NOT_DISTINCT.says(format!("Id {id} repeated.")));
        }
    }
    Ok(())
}

/// A list that says something.
pub fn said<T>(entries: Vec<T>) -> Option<Vec<T>> {
    (!entries.is_empty()).then_some(entries)
}

pub fn failed(id: String, fault: &Fault) -> BatchResultErrorEntry {
    BatchResultErrorEntry {
        id,
        sender_fault: fault.blame() == Blame::Sender,
        code: fault.code().to_owned(),
        message: Some(fault.message().to_owned()),
    }
}
