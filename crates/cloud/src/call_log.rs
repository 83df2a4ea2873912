//! The call log: the latest calls, each with its decisions.

use cloudlet_aws::{Account, Timestamp};
use cloudlet_engine::AuthRecord;
use parking_lot::Mutex;
use smallvec::SmallVec;
use std::{collections::VecDeque, sync::Arc, time::Duration};

/// How a call came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryPoint {
    /// HTTP.
    Gateway,
    /// Another service.
    Dispatch,
    Scheduler,
}

/// One call of the log.
#[derive(Clone, Debug)]
pub struct CallRecord {
    pub request_id: Arc<str>,
    pub at: Timestamp,
    pub entry_point: EntryPoint,
    pub service: &'static str,
    pub operation: &'static str,
    pub principal: Arc<str>,
    /// The account that acted for the principal under a delegation.
    pub delegate: Option<Account>,
    /// Empty for the few operations that need no permission.
    pub auth_records: SmallVec<[AuthRecord; 1]>,
    /// The code of the fault it ended in.
    pub fault: Option<Box<str>>,
    pub took: Duration,
}

pub(crate) struct CallLog {
    latest: Mutex<VecDeque<CallRecord>>,
    capacity: usize,
}

impl CallLog {
    pub fn with_capacity(capacity: usize) -> CallLog {
        CallLog { latest: Mutex::default(), capacity }
    }

    pub fn add(&self, call: CallRecord) {
        if self.capacity == 0 {
            return;
        }
        let mut latest = self.latest.lock();
        let oldest = if latest.len() >= self.capacity { latest.pop_front() } else { None };
        latest.push_back(call);
        drop(latest);
        // Freed without the lock held.
        drop(oldest);
    }

    pub fn clear(&self) {
        self.latest.lock().clear();
    }

    pub fn newest_first(&self) -> Vec<CallRecord> {
        self.latest.lock().iter().rev().cloned().collect()
    }
}
