//! The executions of windows, their tasks and the invocations of those.

use super::{
    invoke::is_within,
    run::advance_at,
    state::{Execution, Invocation, Status, TaskRun, WindowKey},
    windows::{LONGEST_PAGE, USUAL_PAGE, checked_filters},
};
use crate::{Ssm, faults, parameters::permissions::on_all};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, Permissions, paging::Paging};
use cloudlet_shape::Operation;
use std::sync::Arc;

fn no_such_execution(id: &str) -> Fault {
    // AWS: unverified messages.
    faults::DOES_NOT_EXIST.says(format!("Maintenance window execution {id} does not exist"))
}

fn no_such_task(id: &str) -> Fault {
    faults::DOES_NOT_EXIST.says(format!("Maintenance window task execution {id} does not exist"))
}

impl Ssm {
    fn window_execution(&self, cx: &Cx, id: &str) -> Result<Arc<Execution>, Fault> {
        self.windows.read(|state| state.execution(&cx.scope, id).cloned()).ok_or_else(|| no_such_execution(id))
    }

    /// On the window of an execution; on all where there is none.
    fn window_execution_permission<O: Operation>(&self, cx: &Cx, id: &str) -> Permissions {
        match self.window_execution(cx, id) {
            Ok(execution) => self.window_permission::<O>(cx, &execution.window).into(),
            Err(_) => on_all::<O>(cx).into(),
        }
    }
}

fn task_of<'e>(execution: &'e Execution, id: &str) -> Result<&'e TaskRun, Fault> {
    execution.tasks.iter().find(|run| run.id == id).ok_or_else(|| no_such_task(id))
}

/// The filter by status. AWS names its key in capitals.
fn statuses(filters: Option<Vec<MaintenanceWindowFilter>>) -> Result<Vec<String>, Fault> {
    Ok(checked_filters(filters, &["STATUS"])?.into_iter().flat_map(|(_, values)| values).collect())
}

impl Handle<DescribeMaintenanceWindowExecutions> for Ssm {
    fn permissions(&self, cx: &Cx, input: &DescribeMaintenanceWindowExecutionsRequest) -> Result<Permissions, Fault> {
        Ok(self.window_permission::<DescribeMaintenanceWindowExecutions>(cx, &input.window_id).into())
    }

    /// AWS: the newest first; a window that is not there has none.
    async fn handle(&self, cx: &Cx, input: DescribeMaintenanceWindowExecutionsRequest) -> Result<DescribeMaintenanceWindowExecutionsResult, Fault> {
        let list = Paging::of::<DescribeMaintenanceWindowExecutions>(cx, &input);
        let (mut after, mut before) = (None, None);
        for (key, values) in checked_filters(input.filters, &["ExecutedBefore", "ExecutedAfter"])? {
            let time = values.first().and_then(|value| Timestamp::parse_any(value));
            let time = time.ok_or_else(|| faults::validation("The value of the filter is not an ISO-8601 date and time."))?;
            if key == "ExecutedBefore" { before = Some(time) } else { after = Some(time) }
        }
        let key = WindowKey::new(&cx.scope, &input.window_id);
        let page = self.windows.read(|state| {
            let rows = state.executions_of(&key).filter(|(_, execution)| is_within(execution.progress.start, after, before));
            let rows = rows.map(|(id, execution)| {
                let progress = &execution.progress;
                let shown = MaintenanceWindowExecution {
                    window_id: Some(execution.window.clone()),
                    window_execution_id: Some(id.to_owned()),
                    status: Some(progress.status.as_str().to_owned()),
                    status_details: progress.details.clone(),
                    start_time: progress.start,
                    end_time: progress.end,
                };
                (id.to_owned(), shown)
            });
            let rows: Vec<_> = rows.collect();
            list.page(list.length(USUAL_PAGE, LONGEST_PAGE), |after: Option<String>| {
                let skipped = after.and_then(|after| rows.iter().position(|(id, _)| *id == after)).map_or(0, |at| at + 1);
                rows.into_iter().skip(skipped)
            })
            .map_err(|_| faults::invalid_next_token())
        })?;
        Ok(DescribeMaintenanceWindowExecutionsResult { window_executions: Some(page.items), next_token: page.next_token })
    }
}

impl Handle<GetMaintenanceWindowExecution> for Ssm {
    fn permissions(&self, cx: &Cx, input: &GetMaintenanceWindowExecutionRequest) -> Result<Permissions, Fault> {
        Ok(self.window_execution_permission::<GetMaintenanceWindowExecution>(cx, &input.window_execution_id))
    }

    async fn handle(&self, cx: &Cx, input: GetMaintenanceWindowExecutionRequest) -> Result<GetMaintenanceWindowExecutionResult, Fault> {
        let execution = self.window_execution(cx, &input.window_execution_id)?;
        Ok(GetMaintenanceWindowExecutionResult {
            window_execution_id: Some(input.window_execution_id),
            task_ids: Some(execution.tasks.iter().map(|run| run.id.clone()).collect()),
            status: Some(execution.progress.status.as_str().to_owned()),
            status_details: execution.progress.details.clone(),
            start_time: execution.progress.start,
            end_time: execution.progress.end,
        })
    }
}

impl Handle<CancelMaintenanceWindowExecution> for Ssm {
    fn permissions(&self, cx: &Cx, input: &CancelMaintenanceWindowExecutionRequest) -> Result<Permissions, Fault> {
        Ok(self.window_execution_permission::<CancelMaintenanceWindowExecution>(cx, &input.window_execution_id))
    }

    /// What has not begun does not begin. What runs ends by itself.
    async fn handle(&self, cx: &Cx, input: CancelMaintenanceWindowExecutionRequest) -> Result<CancelMaintenanceWindowExecutionResult, Fault> {
        let id = input.window_execution_id;
        self.windows.write(|state| {
            let mut execution = (**state.execution(&cx.scope, &id).ok_or_else(|| no_such_execution(&id))?).clone();
            if execution.progress.status == Status::InProgress {
                execution.progress.status = Status::Cancelling;
                advance_at(cx, &WindowKey::new(&cx.scope, &execution.window), &id, cx.now)?;
                state.executions.insert((cx.scope.clone(), id.clone()), Arc::new(execution));
            }
            Ok::<_, Fault>(())
        })?;
        Ok(CancelMaintenanceWindowExecutionResult { window_execution_id: Some(id) })
    }
}

impl Handle<DescribeMaintenanceWindowExecutionTasks> for Ssm {
    fn permissions(&self, cx: &Cx, input: &DescribeMaintenanceWindowExecutionTasksRequest) -> Result<Permissions, Fault> {
        Ok(self.window_execution_permission::<DescribeMaintenanceWindowExecutionTasks>(cx, &input.window_execution_id))
    }

    async fn handle(
        &self,
        cx: &Cx,
        input: DescribeMaintenanceWindowExecutionTasksRequest,
    ) -> Result<DescribeMaintenanceWindowExecutionTasksResult, Fault> {
        let list = Paging::of::<DescribeMaintenanceWindowExecutionTasks>(cx, &input);
        let wanted = statuses(input.filters)?;
        let execution = self.window_execution(cx, &input.window_execution_id)?;
        let rows = execution
            .tasks
            .iter()
            .enumerate()
            .filter(|(_, run)| wanted.is_empty() || wanted.iter().any(|status| status == run.progress.status.as_str()));
        let rows = rows.map(|(place, run)| {
            let shown = MaintenanceWindowExecutionTaskIdentity {
                window_execution_id: Some(input.window_execution_id.clone()),
                task_execution_id: Some(run.id.clone()),
                status: Some(run.progress.status.as_str().to_owned()),
                status_details: run.progress.details.clone(),
                start_time: run.progress.start,
                end_time: run.progress.end,
                task_arn: run.task.task_arn.clone(),
                task_type: run.task.task_type.clone(),
                alarm_configuration: run.task.alarm_configuration.clone(),
                triggered_alarms: None,
            };
            (place, shown)
        });
        let page = list.page_of(list.length(USUAL_PAGE, LONGEST_PAGE), rows).map_err(|_| faults::invalid_next_token())?;
        Ok(DescribeMaintenanceWindowExecutionTasksResult { window_execution_task_identities: Some(page.items), next_token: page.next_token })
    }
}

impl Handle<GetMaintenanceWindowExecutionTask> for Ssm {
    fn permissions(&self, cx: &Cx, input: &GetMaintenanceWindowExecutionTaskRequest) -> Result<Permissions, Fault> {
        Ok(self.window_execution_permission::<GetMaintenanceWindowExecutionTask>(cx, &input.window_execution_id))
    }

    async fn handle(&self, cx: &Cx, input: GetMaintenanceWindowExecutionTaskRequest) -> Result<GetMaintenanceWindowExecutionTaskResult, Fault> {
        let execution = self.window_execution(cx, &input.window_execution_id)?;
        let run = task_of(&execution, &input.task_id)?;
        let task = run.task.shape();
        Ok(GetMaintenanceWindowExecutionTaskResult {
            window_execution_id: Some(input.window_execution_id),
            task_execution_id: Some(run.id.clone()),
            task_arn: task.task_arn,
            service_role: task.service_role_arn,
            r#type: task.task_type,
            task_parameters: task.task_parameters.map(|parameters| vec![parameters]),
            priority: task.priority,
            max_concurrency: task.max_concurrency,
            max_errors: task.max_errors,
            status: Some(run.progress.status.as_str().to_owned()),
            status_details: run.progress.details.clone(),
            start_time: run.progress.start,
            end_time: run.progress.end,
            alarm_configuration: task.alarm_configuration,
            triggered_alarms: None,
        })
    }
}

fn shown(execution: &str, run: &TaskRun, invocation: &Invocation) -> MaintenanceWindowExecutionTaskInvocationIdentity {
    MaintenanceWindowExecutionTaskInvocationIdentity {
        window_execution_id: Some(execution.to_owned()),
        task_execution_id: Some(run.id.clone()),
        invocation_id: Some(invocation.id.clone()),
        execution_id: invocation.execution.clone(),
        task_type: run.task.task_type.clone(),
        parameters: invocation.parameters.clone(),
        status: Some(invocation.progress.status.as_str().to_owned()),
        status_details: invocation.progress.details.clone(),
        start_time: invocation.progress.start,
        end_time: invocation.progress.end,
        owner_information: invocation.owner.clone(),
        window_target_id: invocation.window_target.clone(),
    }
}

impl Handle<DescribeMaintenanceWindowExecutionTaskInvocations> for Ssm {
    fn permissions(&self, cx: &Cx, input: &DescribeMaintenanceWindowExecutionTaskInvocationsRequest) -> Result<Permissions, Fault> {
        Ok(self.window_execution_permission::<DescribeMaintenanceWindowExecutionTaskInvocations>(cx, &input.window_execution_id))
    }

    async fn handle(
        &self,
        cx: &Cx,
        input: DescribeMaintenanceWindowExecutionTaskInvocationsRequest,
    ) -> Result<DescribeMaintenanceWindowExecutionTaskInvocationsResult, Fault> {
        let list = Paging::of::<DescribeMaintenanceWindowExecutionTaskInvocations>(cx, &input);
        let wanted = statuses(input.filters)?;
        let execution = self.window_execution(cx, &input.window_execution_id)?;
        let run = task_of(&execution, &input.task_id)?;
        let rows = run.invocations.iter().enumerate();
        let rows = rows.filter(|(_, invocation)| wanted.is_empty() || wanted.iter().any(|status| status == invocation.progress.status.as_str()));
        let rows = rows.map(|(place, invocation)| (place, shown(&input.window_execution_id, run, invocation)));
        let page = list.page_of(list.length(USUAL_PAGE, LONGEST_PAGE), rows).map_err(|_| faults::invalid_next_token())?;
        Ok(DescribeMaintenanceWindowExecutionTaskInvocationsResult {
            window_execution_task_invocation_identities: Some(page.items),
            next_token: page.next_token,
        })
    }
}

impl Handle<GetMaintenanceWindowExecutionTaskInvocation> for Ssm {
    fn permissions(&self, cx: &Cx, input: &GetMaintenanceWindowExecutionTaskInvocationRequest) -> Result<Permissions, Fault> {
        Ok(self.window_execution_permission::<GetMaintenanceWindowExecutionTaskInvocation>(cx, &input.window_execution_id))
    }

    async fn handle(
        &self,
        cx: &Cx,
        input: GetMaintenanceWindowExecutionTaskInvocationRequest,
    ) -> Result<GetMaintenanceWindowExecutionTaskInvocationResult, Fault> {
        let execution = self.window_execution(cx, &input.window_execution_id)?;
        let run = task_of(&execution, &input.task_id)?;
        let found = run.invocations.iter().find(|invocation| invocation.id == input.invocation_id);
        // AWS: unverified message.
        let found =
            found.ok_or_else(|| faults::DOES_NOT_EXIST.says(format!("Maintenance window invocation {} does not exist", input.invocation_id)))?;
        let shown = shown(&input.window_execution_id, run, found);
        Ok(GetMaintenanceWindowExecutionTaskInvocationResult {
            window_execution_id: shown.window_execution_id,
            task_execution_id: shown.task_execution_id,
            invocation_id: shown.invocation_id,
            execution_id: shown.execution_id,
            task_type: shown.task_type,
            parameters: shown.parameters,
            status: shown.status,
            status_details: shown.status_details,
            start_time: shown.start_time,
            end_time: shown.end_time,
            owner_information: shown.owner_information,
            window_target_id: shown.window_target_id,
        })
    }
}
