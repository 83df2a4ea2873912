//! How a command goes on when something has happened to one of its invocations: whose turn it is next, and what becomes of the whole.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/send-commands-multiple.html#send-commands-maxerrors>

use super::{
    notices,
    rows::{Command, Invocation, Progress, RowKey},
    state::CommandState,
    turns,
};
use cloudlet_aws::Fault;
use cloudlet_engine::Cx;
use std::sync::Arc;

/// `50` or `10%` of a number, at least one where it is for running.
fn limit(text: &str, of: u32) -> u32 {
    match text.strip_suffix('%') {
        Some(percent) => {
            let percent: u64 = percent.parse().unwrap_or(100);
            u32::try_from(u64::from(of) * percent / 100).unwrap_or(of)
        }
        None => text.parse().unwrap_or(u32::MAX),
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub completed: u32,
    pub errors: u32,
    pub delivery_timed_out: u32,
    succeeded: u32,
    running: u32,
    cancelled: u32,
}

pub fn counts<'i>(invocations: impl Iterator<Item = &'i Arc<Invocation>>) -> Counts {
    let mut counts = Counts::default();
    for invocation in invocations {
        let progress = invocation.progress;
        counts.completed += u32::from(progress.is_over());
        counts.errors += u32::from(progress.is_error());
        counts.delivery_timed_out += u32::from(progress == Progress::DeliveryTimedOut);
        counts.succeeded += u32::from(progress == Progress::Success);
        counts.cancelled += u32::from(progress == Progress::Cancelled);
        counts.running += u32::from(invocation.is_sent && !progress.is_over());
    }
    counts
}

/// What has become of a command all of whose invocations are over.
fn outcome(command: &Command, counts: Counts) -> Progress {
    let total = command.target_count;
    if total == 0 {
        return Progress::NoInstancesInTag;
    }
    if counts.cancelled > 0 || command.progress == Progress::Cancelling {
        return Progress::Cancelled;
    }
    if counts.succeeded == total {
        return Progress::Success;
    }
    if counts.errors > limit(&command.max_errors, total) {
        return if counts.delivery_timed_out == counts.errors { Progress::DeliveryTimedOut } else { Progress::Failed };
    }
    if counts.succeeded == 0 && counts.errors == 0 {
        // Nothing could be delivered or was allowed.
        return Progress::Failed;
    }
    Progress::Incomplete
}

/// Sends the next invocations, as many as may run, and says what has become of the command.
pub fn go_on(cx: &Cx, state: &mut CommandState, place: &RowKey) -> Result<(), Fault> {
    let Some(command) = state.commands.get(place).cloned() else { return Ok(()) };
    let mut counted = counts(state.of_command(place).map(|(_, invocation)| invocation));
    let has_failed = counted.errors > limit(&command.max_errors, command.target_count);
    let most = limit(&command.max_concurrency, command.target_count).max(1);
    // This is asked for with every change: of a thousand that wait only those are taken whose turn it is.
    let room = if has_failed { usize::MAX } else { usize::try_from(most.saturating_sub(counted.running)).unwrap_or(usize::MAX) };
    let waiting: Vec<(Arc<str>, Arc<Invocation>)> = state
        .of_command(place)
        .filter(|(_, invocation)| !invocation.is_sent && invocation.progress == Progress::Pending)
        .take(room)
        .map(|(node, invocation)| (node.clone(), invocation.clone()))
        .collect();
    for (node, invocation) in waiting {
        let mut next = (*invocation).clone();
        if has_failed {
            next.progress = Progress::Terminated;
            next.finished = Some(cx.now);
            counted.completed += 1;
        } else {
            next.is_sent = true;
            counted.running += 1;
            turns::run(cx, place, &node, cx.now)?;
        }
        state.invocations.insert((place.0.clone(), place.1.clone(), node), Arc::new(next));
    }
    let next = if counted.completed >= command.target_count {
        outcome(&command, counted)
    } else if command.progress == Progress::Pending && (counted.completed > 0 || has_started(state, place)) {
        Progress::InProgress
    } else {
        command.progress
    };
    if next != command.progress || command.target_count == 0 {
        let changed = Command { progress: next, ..(*command).clone() };
        state.commands.insert(place.clone(), Arc::new(changed.clone()));
        notices::of_command(cx, place, &changed)?;
    }
    Ok(())
}

fn has_started(state: &CommandState, place: &RowKey) -> bool {
    state.of_command(place).any(|(_, invocation)| invocation.started.is_some())
}

/// Changes an invocation, and goes on with its command. False: it was over already, or is gone.
pub fn change(cx: &Cx, state: &mut CommandState, place: &RowKey, node: &str, change: impl FnOnce(&mut Invocation)) -> Result<bool, Fault> {
    let key = (place.0.clone(), place.1.clone(), Arc::from(node));
    let Some(before) = state.invocations.get(&key).filter(|invocation| !invocation.progress.is_over()).cloned() else { return Ok(false) };
    let mut after = (*before).clone();
    change(&mut after);
    if after.progress.is_over() {
        after.finished = Some(cx.now);
    }
    let (was, is) = (before.progress, after.progress);
    state.invocations.insert(key, Arc::new(after));
    if was != is {
        if let Some(command) = state.commands.get(place).cloned() {
            notices::of_invocation(cx, place, &command, node, is)?;
        }
        go_on(cx, state, place)?;
    }
    Ok(true)
}
