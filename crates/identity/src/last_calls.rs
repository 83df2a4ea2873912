//! The last call of every action by every principal: the data of IAM's last-accessed reports. Recorded on every call, denied ones
//! included, so it costs two lookups and one store per millisecond. In memory only: a restart begins anew.

use crate::LastUsed;
use cloudlet_aws::{Account, Timestamp};
use foldhash::HashMap;
use parking_lot::RwLock;
use std::sync::Arc;

/// How many principals are recorded.
const MOST_PRINCIPALS: usize = 20_000;

#[derive(Default)]
pub(crate) struct LastCalls(RwLock<HashMap<Arc<str>, Arc<Principal>>>);

struct Principal {
    account: Account,
    /// By action: `s3:GetObject`. The model bounds their number.
    actions: RwLock<HashMap<&'static str, LastUsed>>,
}

/// The last call of an action.
#[derive(Clone, Debug)]
pub struct CalledAction {
    pub action: &'static str,
    pub at: Timestamp,
    pub region: Arc<str>,
}

impl Principal {
    fn called_actions(&self) -> Vec<CalledAction> {
        let actions = self.actions.read();
        let called = |(action, used): (&&'static str, &LastUsed)| {
            let usage = used.get()?;
            Some(CalledAction { action, at: usage.at, region: usage.region })
        };
        actions.iter().filter_map(called).collect()
    }
}

impl LastCalls {
    pub fn record(&self, id: &str, account: Account, action: &'static str, region: &str, now: Timestamp) {
        let known = self.0.read().get(id).cloned();
        let principal = match known {
            Some(principal) => principal,
            None => {
                let mut all = self.0.write();
                if all.len() >= MOST_PRINCIPALS {
                    return;
                }
                all.entry(id.into()).or_insert_with(|| Arc::new(Principal { account, actions: RwLock::default() })).clone()
            }
        };
        if let Some(used) = principal.actions.read().get(action) {
            // The first call of a millisecond is enough: threads that make the same call do not wait for each other.
            if used.at() != now {
                used.record(now, "", region);
            }
            return;
        }
        principal.actions.write().entry(action).or_default().record(now, "", region);
    }

    pub fn of(&self, id: &str) -> Vec<CalledAction> {
        let principal = self.0.read().get(id).cloned();
        principal.map(|principal| principal.called_actions()).unwrap_or_default()
    }

    pub fn in_account(&self, account: Account) -> Vec<CalledAction> {
        let principals: Vec<Arc<Principal>> = self.0.read().values().filter(|principal| principal.account == account).cloned().collect();
        principals.iter().flat_map(|principal| principal.called_actions()).collect()
    }

    pub fn clear(&self) {
        self.0.write().clear();
    }
}
