//! Jobs: what AWS does in the background and this house at once, with an id by which the answer can be fetched.

use cloudlet_aws::{Account, Timestamp};
use cloudlet_identity::{
    State,
    state::{Job, JobKind, Of, rows_of},
};

/// Of an account; older ones make room.
const MOST: usize = 200;

pub(crate) fn add_job(state: &mut State, account: Account, id: &str, now: Timestamp, kind: JobKind) {
    if rows_of(&state.jobs, account).count() >= MOST {
        let oldest = rows_of(&state.jobs, account).min_by_key(|(_, job)| job.created).map(|(key, _)| key.clone());
        if let Some(oldest) = oldest {
            state.jobs.remove(&oldest);
        }
    }
    state.jobs.insert(Of::new(account, id), Job { created: now, kind });
}
