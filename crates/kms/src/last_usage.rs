//! GetKeyLastUsage: the last operation that used a key successfully. It is held in memory: a restart forgets it.

use crate::{key_ids::Aliases, on_key, permissions::Reach, state::Key};
use cloudlet_api_kms::*;
use cloudlet_aws::{Arn, Timestamp};
use cloudlet_engine::Cx;
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc};

#[derive(Clone)]
struct Usage {
    operation: &'static str,
    at: Timestamp,
    request_id: Arc<str>,
}

#[derive(Default)]
pub struct LastUsages(Mutex<BTreeMap<Arn, Usage>>);

impl LastUsages {
    pub fn record(&self, cx: &Cx, key: &Key, operation: &'static str) {
        let usage = Usage { operation, at: cx.now, request_id: cx.request_id.clone() };
        self.0.lock().insert(key.arn.clone(), usage);
    }

    pub fn forget(&self, key: &Arn) {
        self.0.lock().remove(key);
    }

    fn of(&self, key: &Arn) -> Option<Usage> {
        self.0.lock().get(key).cloned()
    }
}

on_key!(GetKeyLastUsage, Aliases::Refused, Reach::OwnAccount, |kms, cx, input, named| {
    let key = &named.key;
    Ok(GetKeyLastUsageResponse {
        key_id: Some(key.arn.to_string()),
        key_last_usage: kms.last_usage.of(&key.arn).map(|usage| KeyLastUsageData {
            operation: Some(usage.operation.to_owned()),
            timestamp: Some(usage.at),
            cloud_trail_event_id: None,
            kms_request_id: Some(usage.request_id.to_string()),
        }),
        tracking_start_date: Some(key.created),
        key_creation_date: Some(key.created),
    })
});
