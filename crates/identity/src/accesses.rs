//! What every principal called, and when last: what IAM's last-accessed reports are made from. Noted on every call, refused ones
//! included, so it costs two lookups, and a store once a millisecond. In memory: a restart begins anew.

use crate::LastUsed;
use cloudlet_aws::{Account, Timestamp};
use foldhash::HashMap;
use parking_lot::RwLock;
use std::sync::Arc;

/// Principals that are told apart; of more, nothing is noted.
const MOST_PRINCIPALS: usize = 20_000;

#[derive(Default)]
pub(crate) struct Accesses(RwLock<HashMap<Arc<str>, Arc<Principal>>>);

struct Principal {
    account: Account,
    /// By action: `s3:GetObject`. There are no more of them than the model has.
    used: RwLock<HashMap<&'static str, LastUsed>>,
}

/// The latest call of an action.
#[derive(Clone, Debug)]
pub struct Access {
    pub action: &'static str,
    pub at: Timestamp,
    pub region: Arc<str>,
}

impl Principal {
    fn accesses(&self) -> Vec<Access> {
        let used = self.used.read();
        used.iter().filter_map(|(action, used)| used.get().map(|(at, place)| Access { action, at, region: place.region })).collect()
    }
}

impl Accesses {
    pub fn note(&self, id: &str, account: Account, action: &'static str, region: &str, now: Timestamp) {
        let known = self.0.read().get(id).cloned();
        let principal = match known {
            Some(principal) => principal,
            None => {
                let mut all = self.0.write();
                if all.len() >= MOST_PRINCIPALS {
                    return;
                }
                all.entry(id.into()).or_insert_with(|| Arc::new(Principal { account, used: RwLock::default() })).clone()
            }
        };
        if let Some(used) = principal.used.read().get(action) {
            // Of one millisecond the first call speaks for all: threads that do the same do not wait for each other.
            if used.at() != now {
                used.note(now, "", region);
            }
            return;
        }
        principal.used.write().entry(action).or_default().note(now, "", region);
    }

    pub fn of(&self, id: &str) -> Vec<Access> {
        let principal = self.0.read().get(id).cloned();
        principal.map(|principal| principal.accesses()).unwrap_or_default()
    }

    pub fn in_account(&self, account: Account) -> Vec<Access> {
        let principals: Vec<Arc<Principal>> = self.0.read().values().filter(|principal| principal.account == account).cloned().collect();
        principals.iter().flat_map(|principal| principal.accesses()).collect()
    }

    pub fn forget(&self) {
        self.0.write().clear();
    }
}
