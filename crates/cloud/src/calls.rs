//! The call log: the latest calls, each with what was decided about it.

use cloudlet_aws::{Account, Timestamp};
use cloudlet_engine::AuthRecord;
use parking_lot::Mutex;
use smallvec::SmallVec;
use std::{collections::VecDeque, sync::Arc, time::Duration};

/// By which door a call came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryPoint {
    Gateway,
    Dispatch,
    Scheduler,
}

/// One call as the log remembers it.
#[derive(Clone, Debug)]
pub struct CallRecord {
    pub request_id: Arc<str>,
    pub at: Timestamp,
    pub entry_point: EntryPoint,
    pub service: &'static str,
    pub operation: &'static str,
    pub principal: Arc<str>,
    /// The account that acted in the principal's place, if one was delegated to.
    pub delegate: Option<Account>,
    /// Empty for the few operations that AWS asks nobody about.
    pub auth_records: SmallVec<[AuthRecord; 1]>,
    /// The code of the fault it ended in.
    pub fault: Option<Box<str>>,
    pub took: Duration,
}

pub(crate) struct Calls {
    latest: Mutex<VecDeque<CallRecord>>,
    room: usize,
}

impl Calls {
    pub fn remembering(room: usize) -> Calls {
        Calls { latest: Mutex::default(), room }
    }

    pub fn add(&self, call: CallRecord) {
        if self.room == 0 {
            return;
        }
        let mut latest = self.latest.lock();
        let oldest = if latest.len() >= self.room { latest.pop_front() } else { None };
        latest.push_back(call);
        drop(latest);
        // Freed outside of the lock.
        drop(oldest);
    }

    pub fn forget(&self) {
        self.latest.lock().clear();
    }

    pub fn newest_first(&self) -> Vec<CallRecord> {
        self.latest.lock().iter().rev().cloned().collect()
    }
}
