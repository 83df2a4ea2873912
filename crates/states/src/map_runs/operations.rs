//! DescribeMapRun, ListMapRuns, UpdateMapRun.

use crate::{
    States, arns,
    executions::on_execution,
    faults,
    machines::page_length,
    state::{Counts, MapRun, RunStatus},
};
use cloudlet_api_states::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{
    Permission, handler,
    paging::{InvalidToken, Paging},
};
use std::sync::Arc;

impl States {
    fn map_run(&self, arn: &str) -> Result<Arc<MapRun>, Fault> {
        arns::map_run(arn)?;
        self.store.read(|state| state.map_runs.get(arn).cloned()).ok_or_else(|| faults::no_resource(arn))
    }
}

fn item_counts(counts: &Counts) -> MapRunItemCounts {
    MapRunItemCounts {
        pending: counts.pending - counts.pending_redrive,
        running: counts.running,
        succeeded: counts.succeeded,
        failed: counts.failed,
        timed_out: counts.timed_out,
        aborted: counts.aborted,
        total: counts.total,
        results_written: counts.written,
        failures_not_redrivable: Some(0),
        pending_redrive: Some(counts.pending_redrive),
    }
}

fn execution_counts(counts: &Counts) -> MapRunExecutionCounts {
    MapRunExecutionCounts {
        pending: counts.pending - counts.pending_redrive,
        running: counts.running,
        succeeded: counts.succeeded,
        failed: counts.failed,
        timed_out: counts.timed_out,
        aborted: counts.aborted,
        total: counts.total,
        results_written: counts.written,
        failures_not_redrivable: Some(0),
        pending_redrive: Some(counts.pending_redrive),
    }
}

handler!(
    States,
    DescribeMapRun,
    |states, cx, input| Ok(Permission::of::<DescribeMapRun>(arns::map_run(&input.map_run_arn)?).into()),
    |states, cx, input| {
        let run = states.map_run(&input.map_run_arn)?;
        Ok(DescribeMapRunOutput {
            map_run_arn: input.map_run_arn,
            execution_arn: run.execution.to_string(),
            status: run.status.name().to_owned(),
            start_date: run.started,
            stop_date: run.stopped,
            max_concurrency: i32::try_from(run.max_concurrency).unwrap_or(i32::MAX),
            tolerated_failure_percentage: run.tolerated_percentage.unwrap_or(0.0),
            tolerated_failure_count: run.tolerated_count.unwrap_or(0),
            item_counts: item_counts(&run.items),
            execution_counts: execution_counts(&run.children),
            redrive_count: Some(i32::try_from(run.redrive_count).unwrap_or(i32::MAX)),
            redrive_date: run.redriven,
        })
    }
);

handler!(States, ListMapRuns, |states, cx, input| Ok(on_execution::<ListMapRuns>(&input.execution_arn)?.into()), |states, cx, input| {
    states.shown_execution(&input.execution_arn)?;
    let execution: Arc<str> = input.execution_arn.as_str().into();
    let list = Paging::of::<ListMapRuns>(cx, &input);
    let page = states.store.read(|state| {
        let runs = state.runs_of.range((execution.clone(), Arc::from(""))..).take_while(|((of, _), ())| *of == execution);
        let rows = runs.filter_map(|((_, arn), ())| {
            let run = state.map_runs.get(arn)?;
            let item = MapRunListItem {
                execution_arn: run.execution.to_string(),
                map_run_arn: arn.to_string(),
                state_machine_arn: format!("{}/{}", run.machine.machine_arn(), run.label),
                start_date: run.started,
                stop_date: run.stopped,
            };
            Some((arn.to_string(), item))
        });
        list.page_of(page_length(input.max_results), rows)
    });
    let page = page.map_err(|InvalidToken| faults::invalid_page())?;
    Ok(ListMapRunsOutput { map_runs: page.items, next_token: page.next_token })
});

handler!(
    States,
    UpdateMapRun,
    |states, cx, input| Ok(Permission::of::<UpdateMapRun>(arns::map_run(&input.map_run_arn)?).into()),
    |states, cx, input| {
        let arn: Arc<str> = input.map_run_arn.as_str().into();
        arns::map_run(&arn)?;
        if input.max_concurrency.is_none() && input.tolerated_failure_count.is_none() && input.tolerated_failure_percentage.is_none() {
            let text = "Either the maxConcurrency, the toleratedFailureCount, or the toleratedFailurePercentage must be specified";
            return Err(faults::validation("MISSING_REQUIRED_PARAMETER", text));
        }
        states.store.write(|state| {
            let mut run = state.map_runs.get(&arn).map(|run| MapRun::clone(run)).ok_or_else(|| faults::no_resource(&arn))?;
            if run.status != RunStatus::Running {
                return Err(faults::validation("CANNOT_UPDATE_COMPLETED_MAP_RUN", "Map Run is completed and cannot be updated"));
            }
            if let Some(most) = input.max_concurrency {
                run.max_concurrency = i64::from(most);
            }
            run.tolerated_count = input.tolerated_failure_count.or(run.tolerated_count);
            run.tolerated_percentage = input.tolerated_failure_percentage.or(run.tolerated_percentage);
            state.put_map_run(&arn, run);
            Ok(())
        })?;
        states.schedule_map_run(cx, &arn)?;
        Ok(UpdateMapRunOutput {})
    }
);
