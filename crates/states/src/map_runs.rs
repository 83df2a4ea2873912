//! Map Runs: a distributed Map's items are read, its children run as executions, its results are written.
//! <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-examine-map-run.html>

mod items;
mod operations;
mod results;

use crate::{
    States,
    drive::Turn,
    executions::NewExecution,
    limits,
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
    /// There are results for a file.
    Write,
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

/// Somebody works on a Map Run. However that ends, the next call may work on it.
struct Working<'a> {
    states: &'a States,
    run: &'a Arc<str>,
    over: bool,
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.states.map_work.lock().remove(self.run);
        }
    }
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
            exports: request.writer.as_ref().is_some_and(|writer| writer.resource.is_some()),
            output_bytes: 0,
            too_large: false,
            files: Vec::new(),
            shown: 0,
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
        // Looked up and taken in one: of two calls, one works and the other asks it to look once more.
        if self.is_worked_on_or_taken(arn) {
            return Ok(());
        }
        let mut working = Working { states: self, run: arn, over: false };
        loop {
            let done = self.work_on_map(cx, arn).await;
            let mut work = self.map_work.lock();
            if done.is_ok() && work.get(arn) == Some(&true) {
                work.insert(arn.clone(), false);
                continue;
            }
            work.remove(arn);
            working.over = true;
            return done;
        }
    }

    fn is_worked_on_or_taken(&self, run: &Arc<str>) -> bool {
        let mut work = self.map_work.lock();
        if let Some(again) = work.get_mut(run) {
            *again = true;
            return true;
        }
        work.insert(run.clone(), false);
        false
    }

    async fn work_on_map(&self, cx: &Cx, arn: &Arc<str>) -> Result<(), Fault> {
        let Some(run) = self.store.read(|state| state.map_runs.get(arn).cloned()) else { return Ok(()) };
        if run.status != RunStatus::Running {
            return Ok(());
        }
        let request: MapRunRequest = run.request.read().map_err(Fault::internal)?;
        if !run.read
            && let Err(failure) = self.read_items(cx, arn, &run, &request).await
        {
            return self.end_map(cx, arn, RunStatus::Failed, Err(failure)).await;
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
                Next::Write => {
                    let Some(run) = self.store.read(|state| state.map_runs.get(arn).cloned()) else { return Ok(()) };
                    if let Err(failure) = self.write_succeeded(cx, arn, &run, &request).await {
                        return self.end_map(cx, arn, RunStatus::Failed, Err(failure)).await;
                    }
                }
                Next::Start(index, item, run) => {
                    match item.execution.clone().filter(|_| item.redrives) {
                        Some(child) => self.redrive_child(cx, arn, index, &child).await?,
                        None => self.start_child(cx, arn, &run, index, &item).await?,
                    }
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// AWS: a STANDARD child that failed is redriven, as the execution that it is.
    async fn redrive_child(&self, cx: &Cx, run_arn: &Arc<str>, index: u64, child: &Arc<str>) -> Result<(), Fault> {
        self.store.update(|state| {
            let key = (run_arn.clone(), index);
            if let Some(item) = state.map_items.get(&key).cloned() {
                state.put_map_item(key, MapItem { redrives: false, status: None, ..MapItem::clone(&item) });
            }
        });
        self.redrive(cx, child, |_| ()).await
    }

    async fn start_child(&self, cx: &Cx, run_arn: &Arc<str>, run: &MapRun, index: u64, item: &MapItem) -> Result<(), Fault> {
        let (revision, mocks) = self.store.read(|state| {
            let mocks = state.progress.get(&run.execution).and_then(|progress| progress.mocks.clone());
            (state.revisions.get(&run.revision).cloned(), mocks)
        });
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
                state.put_map_item(key, MapItem { execution: Some(arn.clone()), status: None, redrives: false, ..MapItem::clone(&item) });
            }
        });
        self.begin(cx, NewExecution { arn, execution, revision, mocks }, |_| Ok(None::<()>)).await.map(drop)
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

/// Children that did not succeed are started again, or redriven where they can be.
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
        let child = item.execution.clone().filter(|child| !run.express && state.progress.contains(child));
        if let Some(child) = &child
            && let Some(execution) = state.executions.get(child).cloned()
        {
            state.put_execution(child, Execution { pending_redrive: true, ..Execution::clone(&execution) });
        }
        let redrives = child.is_some();
        if redrives {
            run.children.pending_redrive += 1;
            run.items.pending_redrive += item.count;
        }
        state.put_map_item((arn.clone(), index), MapItem { execution: child, redrives, ..MapItem::new(item.input.clone(), item.count) });
    }
    run
}

/// The next row of inputs becomes children that are still to be started.
fn take_inputs(state: &mut State, arn: &Arc<str>) {
    let first = state.map_inputs.range((arn.clone(), 0)..=(arn.clone(), u64::MAX)).next().map(|(key, row)| (key.clone(), row.clone()));
    let Some((key, row)) = first else { return };
    let inputs: Vec<(String, i64)> = row.read().unwrap_or_default();
    for (index, (input, count)) in (key.1..).zip(inputs) {
        state.put_map_item((arn.clone(), index), MapItem::new(input.into(), count));
    }
    state.map_inputs.remove(&key);
}

fn first_pending(state: &State, arn: &Arc<str>) -> Option<u64> {
    state.pending.range((arn.clone(), 0)..=(arn.clone(), u64::MAX)).next().map(|((_, index), ())| *index)
}

fn next(state: &mut State, arn: &Arc<str>) -> Next {
    let Some(run) = state.map_runs.get(arn).cloned().filter(|run| run.status == RunStatus::Running) else { return Next::Over };
    if exceeds(&run) {
        return Next::Exceeded;
    }
    if run.exports && run.output_bytes > limits::RESULT_FILE {
        return Next::Write;
    }
    let mut first = first_pending(state, arn);
    if first.is_none() {
        take_inputs(state, arn);
        first = first_pending(state, arn);
    }
    let limit = if run.max_concurrency > 0 { run.max_concurrency.min(MOST_CONCURRENT) } else { MOST_CONCURRENT };
    match first {
        None if run.children.running == 0 => Next::Done,
        Some(index) if run.children.running < limit => {
            let Some(item) = state.map_items.get(&(arn.clone(), index)).cloned() else { return Next::Wait };
            let mut changed = MapRun::clone(&run);
            for (counts, number) in [(&mut changed.children, 1), (&mut changed.items, item.count)] {
                counts.pending -= number;
                counts.running += number;
                counts.pending_redrive -= if item.redrives { number } else { 0 };
            }
            state.pending.remove(&(arn.clone(), index));
            state.put_map_run(arn, changed.clone());
            Next::Start(index, item, Box::new(changed))
        }
        _ => Next::Wait,
    }
}
