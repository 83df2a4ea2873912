//! Map Runs: a distributed Map's items are read, its children run as executions, its results are written.
//! <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-examine-map-run.html>

mod csv;
mod items;
mod operations;
mod results;

use crate::{
    States,
    drive::Turn,
    executions::NewExecution,
    map_run_rows::running_children,
    scheduled::{ExecutionInput, StopChild},
    state::{Counts, Execution, MapItem, MapRun, Revision, RunStatus, State, Status, Type},
};
use cloudlet_asl::{
    machine::{self, Event, Failure, MapRunRequest},
    text::to_text,
};
use cloudlet_aws::{Arn, Fault, Timestamp};
use cloudlet_engine::Cx;
use cloudlet_store::Json;
use serde_json::Value;
use std::sync::Arc;

/// AWS: children that run at the same time.
const MOST_CONCURRENT: i64 = 10_000;

/// What is next in a Map Run.
enum Next {
    Start(u64, Arc<MapItem>, Box<MapRun>),
    Wait,
    Exceeded,
    Done,
    Over,
}

fn of_run(state: &State, run: &Arc<str>) -> Vec<(u64, Arc<MapItem>)> {
    state.map_items.range((run.clone(), 0)..=(run.clone(), u64::MAX)).map(|((_, index), item)| (*index, item.clone())).collect()
}

fn exceeds(run: &MapRun) -> bool {
    let failed = run.items.failed + run.items.timed_out + run.items.aborted;
    machine::exceeds(run.tolerated_count, run.tolerated_percentage, failed, run.items.total)
}

impl States {
    /// The row of a new Map Run, or that of one which is redriven.
    pub fn new_map_run(&self, cx: &Cx, turn: &Turn, request: &MapRunRequest, now: Timestamp) -> Result<(Arc<str>, MapRun), Fault> {
        let execution = &turn.execution;
        // AWS: a Map without a label has a UUID in its place, the same for all its runs.
        let revision: Arc<str> = format!("{}/{}", execution.revision, request.label.as_ref().unwrap_or(&request.state)).into();
        let known = self.store.read(|state| state.revisions.get(&revision).and_then(|revision| revision.label.clone()));
        let label = known.or_else(|| request.label.clone()).unwrap_or_else(|| cx.ids().uuid());
        if execution.redrive_count > 0
            && let Some((arn, run)) = self.failed_run(&turn.arn, &label)
        {
            let run = self.store.update(|state| reset(state, &arn, MapRun { run: request.run, redriven: Some(now), ..MapRun::clone(&run) }));
            return Ok((arn, run));
        }
        let resource = format!("mapRun:{}/{label}:{}", execution.machine.name, cx.ids().uuid());
        let arn: Arc<str> = Arn::new("states", &execution.machine.scope(), &resource).as_str().into();
        let of = if request.express_children { Type::Express } else { Type::Standard };
        self.store.update(|state| {
            if state.revisions.contains(&revision) {
                return;
            }
            let Some(outer) = state.revisions.get(&execution.revision).cloned() else { return };
            let processor = request.child_definition(turn.definition.language);
            let child = Revision { r#type: of, definition: to_text(&processor).into(), label: Some(label.clone()), ..Revision::clone(&outer) };
            state.revisions.insert(revision.clone(), Arc::new(child));
        });
        let run = MapRun {
            execution: turn.arn.clone(),
            run: request.run,
            machine: execution.machine.clone(),
            label,
            revision,
            status: RunStatus::Running,
            started: now,
            stopped: None,
            max_concurrency: request.max_concurrency,
            tolerated_count: request.tolerated_count,
            tolerated_percentage: request.tolerated_percentage,
            read: false,
            express: request.express_children,
            items: Counts::default(),
            children: Counts::default(),
            redrive_count: 0,
            redriven: None,
            request: Json::of(request).map_err(Fault::internal)?,
        };
        Ok((arn, run))
    }

    fn failed_run(&self, execution: &Arc<str>, label: &str) -> Option<(Arc<str>, Arc<MapRun>)> {
        self.store.read(|state| {
            let runs = state.runs_of.range((execution.clone(), Arc::from(""))..).take_while(|((of, _), ())| of == execution);
            let mut failed = runs.filter_map(|((_, arn), ())| Some((arn.clone(), state.map_runs.get(arn)?.clone())));
            failed.find(|(_, run)| run.label == label && !matches!(run.status, RunStatus::Running | RunStatus::Succeeded))
        })
    }

    /// Works on a Map Run: reads its items, starts children, ends it.
    pub async fn run_map(&self, cx: &Cx, arn: &Arc<str>) -> Result<(), Fault> {
        let _turn = self.map_turn(arn).lock().await;
        let Some(run) = self.store.read(|state| state.map_runs.get(arn).cloned()) else { return Ok(()) };
        if run.status != RunStatus::Running {
            return Ok(());
        }
        let request: MapRunRequest = run.request.read().map_err(Fault::internal)?;
        if !run.read {
            match self.read_items(cx, &run, &request).await {
                Ok(items) => self.store.update(|state| put_items(state, arn, items)),
                Err(failure) => return self.end_map(cx, arn, RunStatus::Failed, Err(failure)).await,
            }
        }
        loop {
            match self.store.update(|state| next(state, arn)) {
                Next::Over | Next::Wait => return Ok(()),
                Next::Exceeded => {
                    let failure = Failure::new("States.ExceedToleratedFailureThreshold", "The specified tolerated failure threshold was exceeded");
                    return self.end_map(cx, arn, RunStatus::Failed, Err(failure)).await;
                }
                Next::Done => {
                    let Some(run) = self.store.read(|state| state.map_runs.get(arn).cloned()) else { return Ok(()) };
                    let result = self.results(cx, arn, &run, &request).await;
                    let status = if result.is_ok() { RunStatus::Succeeded } else { RunStatus::Failed };
                    return self.end_map(cx, arn, status, result).await;
                }
                Next::Start(index, item, run) => {
                    self.start_child(cx, arn, &run, index, &item).await?;
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    async fn start_child(&self, cx: &Cx, run_arn: &Arc<str>, run: &MapRun, index: u64, item: &MapItem) -> Result<(), Fault> {
        let revision = self.store.read(|state| state.revisions.get(&run.revision).cloned());
        let revision = revision.ok_or_else(|| Fault::internal("a Map Run has no definition"))?;
        let name = cx.ids().uuid();
        let (kind, end, of) =
            if run.express { ("express", format!(":{}", cx.ids().uuid()), Type::Express) } else { ("execution", String::new(), Type::Standard) };
        let resource = format!("{kind}:{}/{}:{name}{end}", run.machine.name, run.label);
        let arn: Arc<str> = Arn::new("states", &run.machine.scope(), &resource).as_str().into();
        let new = Execution::new(run.machine.clone(), name, run.revision.clone(), of, item.input.clone(), cx.clock().now());
        let execution = Execution {
            map_run: Some(run_arn.clone()),
            map_index: index,
            item_count: i32::try_from(item.count).ok(),
            redrive_count: run.redrive_count,
            ..new
        };
        self.store.update(|state| {
            let key = (run_arn.clone(), index);
            if let Some(item) = state.map_items.get(&key).cloned() {
                state.put_map_item(key, MapItem { execution: Some(arn.clone()), status: None, ..MapItem::clone(&item) });
            }
        });
        self.begin(cx, NewExecution { arn, execution, revision, mocks: None }, |_| Ok(None::<()>)).await.map(drop)
    }

    async fn end_map(&self, cx: &Cx, arn: &Arc<str>, status: RunStatus, result: Result<Value, Failure>) -> Result<(), Fault> {
        let now = cx.clock().now();
        let (run, children) = self.store.update(|state| {
            let run = state.map_runs.get(arn).cloned();
            if let Some(run) = &run {
                state.put_map_run(arn, MapRun { status, stopped: Some(now), ..MapRun::clone(run) });
            }
            let children = if status == RunStatus::Succeeded { Vec::new() } else { running_children(state, arn) };
            (run, children)
        });
        let Some(run) = run else { return Ok(()) };
        for child in children {
            self.schedule::<StopChild>(cx, format!("stop/{child}"), now, &child, ExecutionInput { execution_arn: child.to_string() })?;
        }
        self.advance(cx, &run.execution, Event::MapRunEnded { run: run.run, result }).await.map(drop)
    }
}

fn put_items(state: &mut State, arn: &Arc<str>, items: Vec<(Value, i64)>) {
    let Some(run) = state.map_runs.get(arn).cloned() else { return };
    let mut run = MapRun::clone(&run);
    run.read = true;
    let children = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let count: i64 = items.iter().map(|(_, count)| *count).sum();
    (run.children.total, run.children.pending) = (children, children);
    (run.items.total, run.items.pending) = (count, count);
    for (index, (input, count)) in (0u64..).zip(items) {
        let item = MapItem {
            input: to_text(&input).into(),
            count,
            execution: None,
            status: None,
            output: None,
            error: None,
            cause: None,
            started: None,
            stopped: None,
        };
        state.put_map_item((arn.clone(), index), item);
    }
    state.put_map_run(arn, run);
}

/// Children that did not succeed are started again.
fn reset(state: &mut State, arn: &Arc<str>, run: MapRun) -> MapRun {
    let mut run = run;
    run.status = RunStatus::Running;
    run.stopped = None;
    run.redrive_count += 1;
    for (index, item) in of_run(state, arn) {
        let Some(status) = item.status.filter(|status| *status != Status::Succeeded) else { continue };
        for (counts, number) in [(&mut run.children, 1), (&mut run.items, item.count)] {
            *counts.of(status) -= number;
            counts.pending += number;
        }
        state.put_map_item(
            (arn.clone(), index),
            MapItem { execution: None, status: None, output: None, error: None, cause: None, ..MapItem::clone(&item) },
        );
    }
    run
}

fn next(state: &mut State, arn: &Arc<str>) -> Next {
    let Some(run) = state.map_runs.get(arn).cloned().filter(|run| run.status == RunStatus::Running) else { return Next::Over };
    if exceeds(&run) {
        return Next::Exceeded;
    }
    let first = state.pending.range((arn.clone(), 0)..=(arn.clone(), u64::MAX)).next().map(|((_, index), ())| *index);
    let limit = if run.max_concurrency > 0 { run.max_concurrency.min(MOST_CONCURRENT) } else { MOST_CONCURRENT };
    match first {
        None if run.children.running == 0 => Next::Done,
        Some(index) if run.children.running < limit => {
            let Some(item) = state.map_items.get(&(arn.clone(), index)).cloned() else { return Next::Wait };
            let mut changed = MapRun::clone(&run);
            for (counts, number) in [(&mut changed.children, 1), (&mut changed.items, item.count)] {
                counts.pending -= number;
                counts.running += number;
            }
            state.pending.remove(&(arn.clone(), index));
            state.put_map_run(arn, changed.clone());
            Next::Start(index, item, Box::new(changed))
        }
        _ => Next::Wait,
    }
}
