//! ScheduleKeyDeletion and CancelKeyDeletion. A key whose date is past is gone, whether or not the scheduler has removed it yet.
//! <https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html>

use crate::{
    Kms, faults,
    key_ids::Aliases,
    limits, on_key,
    permissions::Reach,
    scheduled::DeleteKey,
    state::{Deletion, KeyState, State, Switch},
};
use cloudlet_api_kms::*;
use cloudlet_aws::{Arn, Fault, Timestamp};
use cloudlet_engine::Cx;
use std::sync::Arc;

const USUAL_WINDOW: i32 = 30;
const DAY: i64 = 24 * 60 * 60;

fn after_days(now: Timestamp, days: i32) -> Timestamp {
    now.plus_secs(i64::from(days) * DAY)
}

on_key!(
    ScheduleKeyDeletion,
    Aliases::Refused,
    Reach::OwnAccount,
    |input, permission| {
        permission.keys.set("kms:ScheduleKeyDeletionPendingWindowInDays", input.pending_window_in_days.unwrap_or(USUAL_WINDOW));
    },
    |kms, cx, input, named| {
        let window = input.pending_window_in_days.unwrap_or(USUAL_WINDOW);
        if !limits::DELETION_WINDOW_DAYS.contains(&window) {
            // AWS: unverified message.
            return Err(faults::validation("PendingWindowInDays must be between 7 and 30."));
        }
        let (key, arn) = (&named.key, &named.key.arn);
        key.check_not_deleted(cx.now)?;
        let waits = key.is_primary() && key.multi_region.as_ref().is_some_and(|regions| !regions.replicas.is_empty());
        let date = (!waits).then(|| after_days(cx.now, window));
        // First what may be refused. A call that is due for a key that is not gone does nothing.
        if let Some(date) = date {
            kms.schedule::<DeleteKey>(cx, arn, date)?;
        }
        let key = kms.change(cx, arn, |key| {
            key.check_not_deleted(cx.now)?;
            key.deletion = Some(Deletion { window_in_days: window, date });
            Ok(key.clone())
        })?;
        Ok(ScheduleKeyDeletionResponse {
            key_id: Some(arn.to_string()),
            deletion_date: date,
            key_state: Some(key.state(cx.now).as_str().to_owned()),
            pending_window_in_days: Some(window),
        })
    }
);

on_key!(CancelKeyDeletion, Aliases::Refused, Reach::OwnAccount, |kms, cx, input, named| {
    let arn = &named.key.arn;
    kms.change(cx, arn, |key| {
        if !matches!(key.state(cx.now), KeyState::PendingDeletion | KeyState::PendingReplicaDeletion) {
            return Err(faults::KMS_INVALID_STATE.says(format!("{arn} is not pending deletion.")));
        }
        key.deletion = None;
        key.switch = Switch::Disabled;
        Ok(())
    })?;
    kms.cancel::<DeleteKey>(cx, arn);
    Ok(CancelKeyDeletionResponse { key_id: Some(arn.to_string()) })
});

impl Kms {
    /// Removes a key whose date is past. A primary key that waits for its last replica is scheduled then.
    pub fn delete_now(&self, cx: &Cx, arn: &Arn) -> Result<(), Fault> {
        let primary = self.store.update(|state| {
            let key = state.keys.get(arn).filter(|key| key.is_gone(cx.now)).cloned()?;
            state.remove_key(arn);
            let regions = key.multi_region.as_ref().filter(|_| key.is_replica())?;
            forget_replica(state, &key.arn_in(&regions.primary), arn, cx.now)
        });
        self.last_usage.forget(arn);
        match primary {
            Some((primary, date)) => self.schedule::<DeleteKey>(cx, &primary, date),
            None => Ok(()),
        }
    }
}

/// The primary key and its related replicas forget a deleted replica. Some: the primary waited for it, and is deleted at that date.
fn forget_replica(state: &mut State, primary: &Arn, replica: &Arn, now: Timestamp) -> Option<(Arn, Timestamp)> {
    let key = state.keys.get(primary)?.clone();
    let mut related = vec![primary.clone()];
    related.extend(key.multi_region.iter().flat_map(|regions| regions.replicas.iter().map(|region| key.arn_in(region))));
    for arn in related {
        if let Some(regions) = state.keys.get_mut(&arn).map(Arc::make_mut).and_then(|key| key.multi_region.as_mut()) {
            regions.replicas.retain(|region| region.as_str() != replica.region());
        }
    }
    let key = Arc::make_mut(state.keys.get_mut(primary)?);
    let waits = key.multi_region.as_ref().is_some_and(|regions| regions.replicas.is_empty());
    let deletion = key.deletion.as_mut().filter(|deletion| waits && deletion.date.is_none())?;
    let date = after_days(now, deletion.window_in_days);
    deletion.date = Some(date);
    Some((primary.clone(), date))
}
