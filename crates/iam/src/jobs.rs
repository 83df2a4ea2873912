//! Jobs: what AWS does in the background is done at once here; its result is fetched by an id.

use cloudlet_aws::{Account, Timestamp};
use cloudlet_identity::{
    State,
    state::{EntityKey, Job, JobKind, entries_of_account},
};

/// Jobs of an account. The oldest is removed for a new one.
const MOST_JOBS: usize = 200;

pub(crate) fn add_job(state: &mut State, account: Account, id: &str, now: Timestamp, kind: JobKind) {
    if entries_of_account(&state.jobs, account).count() >= MOST_JOBS {
        let oldest = entries_of_account(&state.jobs, account).min_by_key(|(_, job)| job.created).map(|(key, _)| key.clone());
        if let Some(oldest) = oldest {
            state.jobs.remove(&oldest);
        }
    }
    state.jobs.insert(EntityKey::new(account, id), Job { created: now, kind });
}
