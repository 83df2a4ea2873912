//! What becomes of the rows of a Map Run when an execution ends: its own, or one of its children.

use crate::{
    limits,
    state::{Execution, MapItem, MapRun, RunStatus, State, Status, Type},
};
use cloudlet_aws::Timestamp;
use std::sync::Arc;

/// Ends a Map Run whose execution was stopped, or whose state timed out.
pub fn stop(state: &mut State, arn: &Arc<str>, now: Timestamp) {
    let Some(run) = state.map_runs.get(arn).cloned().filter(|run| run.status == RunStatus::Running) else { return };
    state.put_map_run(arn, MapRun { status: RunStatus::Aborted, stopped: Some(now), ..MapRun::clone(&run) });
}

pub fn running_children(state: &State, arn: &Arc<str>) -> Vec<Arc<str>> {
    let items = state.map_items.range((arn.clone(), 0)..=(arn.clone(), u64::MAX));
    items.filter(|(_, item)| item.status.is_none() && !item.redrives).filter_map(|(_, item)| item.execution.clone()).collect()
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
    if execution.status == Status::Succeeded {
        succeeded(state, &mut run, run_arn, execution);
    }
    if execution.status == Status::Succeeded && run.too_large && !run.exports {
        state.remove_map_item(&key);
    } else {
        let item = MapItem {
            execution: Some(arn.clone()),
            status: Some(execution.status),
            output: execution.output.clone(),
            error: execution.error.clone(),
            cause: execution.cause.clone(),
            started: Some(execution.started),
            stopped: execution.stopped,
            redrives: false,
            ..MapItem::clone(&item)
        };
        state.put_map_item(key, item);
    }
    state.put_map_run(run_arn, run);
}

/// A Map Run of a million children does not keep a million outputs and executions.
fn succeeded(state: &mut State, run: &mut MapRun, run_arn: &Arc<str>, execution: &Execution) {
    let bytes = execution.output.as_ref().map_or(0, |output| output.len());
    // A row that waits for its file is larger than its output.
    run.output_bytes += u64::try_from(bytes).unwrap_or(0) + if run.exports { limits::MAP_ITEM } else { 1 };
    if !run.exports && !run.too_large && run.output_bytes > limits::LARGEST_RESULT {
        run.too_large = true;
        let items = state.map_items.range((run_arn.clone(), 0)..=(run_arn.clone(), u64::MAX));
        let done: Vec<_> = items.filter(|(_, item)| item.status == Some(Status::Succeeded)).map(|(key, _)| key.clone()).collect();
        done.iter().for_each(|key| state.remove_map_item(key));
    }
    run.shown += 1;
    let most = if execution.r#type == Type::Express { limits::EXPRESS_CHILDREN_SHOWN } else { limits::CHILDREN_SHOWN };
    if run.shown > most {
        let first = state.succeeded.range((run_arn.clone(), 0)..=(run_arn.clone(), u64::MAX)).next().map(|(_, child)| child.clone());
        if let Some(child) = first {
            state.remove_execution(&child);
            run.shown -= 1;
        }
    }
}
