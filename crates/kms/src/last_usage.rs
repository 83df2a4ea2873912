//! GetKeyLastUsage: the last operation that used a key successfully. Every use is remembered, and not every one is a write: a restart knows the
//! uses up to fifteen minutes before it.

use crate::{
    key_ids::Aliases,
    on_key,
    permissions::Reach,
    state::{Key, State, Usage},
};
use cloudlet_api_kms::*;
use cloudlet_aws::{Arn, Timestamp};
use cloudlet_engine::Cx;
use cloudlet_store::Store;
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc};

/// The row is written again for a use this long after the last one that was written.
const WRITTEN_EVERY_SECS: i64 = 15 * 60;

/// The last use, and when a row was written last.
struct Latest {
    usage: Usage,
    written: Timestamp,
}

pub struct LastUsages {
    store: Arc<Store<State>>,
    latest: Mutex<BTreeMap<Arn, Latest>>,
}

impl LastUsages {
    pub fn new(store: Arc<Store<State>>) -> LastUsages {
        LastUsages { store, latest: Mutex::default() }
    }

    pub fn record(&self, cx: &Cx, key: &Key, operation: &'static str) {
        let usage = Usage { operation: operation.into(), at: cx.now, request_id: cx.request_id.clone() };
        let is_due = {
            let mut latest = self.latest.lock();
            let written = latest.get(&key.arn).map(|latest| latest.written);
            let written = written.or_else(|| self.store.read(|state| state.last_usages.get(&key.arn).map(|usage| usage.at)));
            let before = written.filter(|written| written.plus_secs(WRITTEN_EVERY_SECS) > cx.now);
            latest.insert(key.arn.clone(), Latest { usage: usage.clone(), written: before.unwrap_or(cx.now) });
            before.is_none()
        };
        if is_due {
            self.store.update(|state| {
                // It may have been deleted meanwhile.
                if state.keys.contains(&key.arn) {
                    state.last_usages.insert(key.arn.clone(), usage);
                }
            });
        }
    }

    pub fn forget(&self, key: &Arn) {
        self.latest.lock().remove(key);
    }

    fn of(&self, key: &Arn) -> Option<Usage> {
        let latest = self.latest.lock().get(key).map(|latest| latest.usage.clone());
        latest.or_else(|| self.store.read(|state| state.last_usages.get(key).cloned()))
    }
}

on_key!(GetKeyLastUsage, Aliases::Refused, Reach::OwnAccount, |kms, cx, input, named| {
    let key = &named.key;
    Ok(GetKeyLastUsageResponse {
        key_id: Some(key.arn.to_string()),
        key_last_usage: kms.last_usage.of(&key.arn).map(|usage| KeyLastUsageData {
            operation: Some(usage.operation.into_owned()),
            timestamp: Some(usage.at),
            cloud_trail_event_id: None,
            kms_request_id: Some(usage.request_id.to_string()),
        }),
        tracking_start_date: Some(key.created),
        key_creation_date: Some(key.created),
    })
});
