//! What becomes of the rows of a Map Run when an execution ends: its own, or one of its children.

use crate::state::{Execution, MapItem, MapRun, RunStatus, State};
use cloudlet_aws::Timestamp;
use std::sync::Arc;

/// Ends a Map Run whose execution was stopped, or whose state timed out.
pub fn stop(state: &mut State, arn: &Arc<str>, now: Timestamp) {
    let Some(run) = state.map_runs.get(arn).cloned().filter(|run| run.status == RunStatus::Running) else { return };
    state.put_map_run(arn, MapRun { status: RunStatus::Aborted, stopped: Some(now), ..MapRun::clone(&run) });
}

pub fn running_children(state: &State, arn: &Arc<str>) -> Vec<Arc<str>> {
    let items = state.map_items.range((arn.clone(), 0)..=(arn.clone(), u64::MAX));
    items.filter(|(_, item)| item.status.is_none()).filter_map(|(_, item)| item.execution.clone()).collect()
}

/// A child of a Map Run is over.
pub fn child_ended(state: &mut State, execution: &Execution, arn: &Arc<str>) {
    let Some(run_arn) = &execution.map_run else { return };
    let key = (run_arn.clone(), execution.map_index);
    let (Some(run), Some(item)) = (state.map_runs.get(run_arn).cloned(), state.map_items.get(&key).cloned()) else { return };
    let mut run = MapRun::clone(&run);
    for (counts, number) in [(&mut run.children, 1), (&mut run.items, item.count)] {
        counts.running -= number;
        *counts.of(execution.status) += number;
    }
    state.put_map_run(run_arn, run);
    let item = MapItem {
        execution: Some(arn.clone()),
        status: Some(execution.status),
        output: execution.output.clone(),
        error: execution.error.clone(),
        cause: execution.cause.clone(),
        started: Some(execution.started),
        stopped: execution.stopped,
        ..MapItem::clone(&item)
    };
    state.put_map_item(key, item);
}
