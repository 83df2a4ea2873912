//! The tasks that are registered with windows.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_RegisterTaskWithMaintenanceWindow.html>

use super::{
    events,
    state::{Registered, State, Window, WindowKey},
    windows::{LONGEST_PAGE, USUAL_PAGE, checked_filters, limit, merged, repeated, request},
};
use crate::{PRINCIPAL, Ssm, faults, limits};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Handle, Permissions, StoredShape, paging::Paging, roles};

fn no_such_task(id: &str) -> Fault {
    // AWS: unverified message.
    faults::DOES_NOT_EXIST.says(format!("Maintenance window task {id} does not exist"))
}

/// Which of the parameters of an invocation belongs to a type.
fn fits(kind: &str, parameters: &MaintenanceWindowTaskInvocationParameters) -> bool {
    let given = [
        ("RUN_COMMAND", parameters.run_command.is_some()),
        ("AUTOMATION", parameters.automation.is_some()),
        ("STEP_FUNCTIONS", parameters.step_functions.is_some()),
        ("LAMBDA", parameters.lambda.is_some()),
    ];
    given.iter().all(|(of, given)| !given || *of == kind)
}

/// AWS: unverified messages.
fn check(state: &State, key: &WindowKey, window: &Window, task: &mut GetMaintenanceWindowTaskResult) -> Result<(), Fault> {
    let kind = task.task_type.clone().unwrap_or_default();
    if task.task_invocation_parameters.as_ref().is_some_and(|parameters| !fits(&kind, parameters)) {
        return Err(faults::validation(format!("TaskInvocationParameters has parameters of another type than {kind}.")));
    }
    let targets = task.targets.as_deref().unwrap_or_default();
    if targets.is_empty() && kind == "RUN_COMMAND" {
        return Err(faults::validation("A task of the type RUN_COMMAND needs at least one target."));
    }
    for target in targets {
        let name = target.key.as_deref().unwrap_or_default();
        if name.eq_ignore_ascii_case("WindowTargetIds") {
            let unknown = target.values.iter().flatten().find(|id| !state.targets.contains(&(key.clone(), (*id).clone())));
            if let Some(unknown) = unknown {
                return Err(faults::DOES_NOT_EXIST.says(format!("Maintenance window target {unknown} does not exist")));
            }
        } else if !window.allow_unassociated_targets {
            return Err(faults::validation("The maintenance window does not allow unassociated targets: Targets must have the key WindowTargetIds."));
        }
    }
    if targets.is_empty() {
        // AWS: a task without targets has these in place of what cannot be given.
        (task.max_concurrency, task.max_errors) = (Some("1".to_owned()), Some("1".to_owned()));
    } else if task.max_concurrency.is_none() || task.max_errors.is_none() {
        return Err(faults::validation("MaxConcurrency and MaxErrors are required for a task with targets."));
    }
    Ok(())
}

fn with_role(permissions: Permissions, role: Option<&str>) -> Result<Permissions, Fault> {
    let Some(role) = role else { return Ok(permissions) };
    let role = Arn::parse(role).ok_or_else(|| faults::validation("ServiceRoleArn is no ARN of a role."))?;
    Ok(permissions.into_iter().chain([roles::pass_role(role, PRINCIPAL, None)]).collect())
}

impl Handle<RegisterTaskWithMaintenanceWindow> for Ssm {
    fn permissions(&self, cx: &Cx, input: &RegisterTaskWithMaintenanceWindowRequest) -> Result<Permissions, Fault> {
        let own = self.window_permission::<RegisterTaskWithMaintenanceWindow>(cx, &input.window_id).into();
        with_role(own, input.service_role_arn.as_deref())
    }

    async fn handle(&self, cx: &Cx, mut input: RegisterTaskWithMaintenanceWindowRequest) -> Result<RegisterTaskWithMaintenanceWindowResult, Fault> {
        let request = request(input.client_token.take(), input.clone());
        let key = WindowKey::new(&cx.scope, &input.window_id);
        let new_id = cx.ids().uuid();
        let mut task = GetMaintenanceWindowTaskResult {
            window_id: Some(input.window_id),
            window_task_id: Some(new_id.clone()),
            targets: input.targets,
            task_arn: Some(input.task_arn),
            service_role_arn: input.service_role_arn,
            task_type: Some(input.task_type),
            task_parameters: input.task_parameters,
            task_invocation_parameters: input.task_invocation_parameters,
            priority: Some(input.priority.unwrap_or(1)),
            max_concurrency: input.max_concurrency,
            max_errors: input.max_errors,
            logging_info: input.logging_info,
            name: input.name,
            description: input.description,
            cutoff_behavior: input.cutoff_behavior,
            alarm_configuration: input.alarm_configuration,
        };
        let (id, is_new) = self.windows.write(|state| {
            let window = state.windows.get(&key).cloned().ok_or_else(|| faults::no_such_window(&key.id))?;
            if let Some(id) = repeated(&request, state.tasks_of(&key).map(|(id, task)| (id, &task.request)))? {
                return Ok((id, false));
            }
            check(state, &key, &window, &mut task)?;
            if state.tasks_of(&key).count() >= limits::WINDOW_TASKS {
                return Err(limit("tasks of a maintenance window", limits::WINDOW_TASKS));
            }
            state.tasks.insert((key.clone(), new_id.clone()), Registered { shape: StoredShape::new(task), caller: cx.caller.clone(), request });
            Ok((new_id, true))
        })?;
        if is_new {
            events::task(cx, &key, &id, "REGISTERED");
        }
        Ok(RegisterTaskWithMaintenanceWindowResult { window_task_id: Some(id) })
    }
}

impl Handle<GetMaintenanceWindowTask> for Ssm {
    fn permissions(&self, cx: &Cx, input: &GetMaintenanceWindowTaskRequest) -> Result<Permissions, Fault> {
        Ok(self.window_permission::<GetMaintenanceWindowTask>(cx, &input.window_id).into())
    }

    async fn handle(&self, cx: &Cx, input: GetMaintenanceWindowTaskRequest) -> Result<GetMaintenanceWindowTaskResult, Fault> {
        let key = WindowKey::new(&cx.scope, &input.window_id);
        self.windows.read(|state| {
            state.windows.get(&key).ok_or_else(|| faults::no_such_window(&key.id))?;
            let task = state.tasks.get(&(key, input.window_task_id.clone())).ok_or_else(|| no_such_task(&input.window_task_id))?;
            Ok(task.shape.shape())
        })
    }
}

impl Handle<UpdateMaintenanceWindowTask> for Ssm {
    fn permissions(&self, cx: &Cx, input: &UpdateMaintenanceWindowTaskRequest) -> Result<Permissions, Fault> {
        let own = self.window_permission::<UpdateMaintenanceWindowTask>(cx, &input.window_id).into();
        with_role(own, input.service_role_arn.as_deref())
    }

    async fn handle(&self, cx: &Cx, input: UpdateMaintenanceWindowTaskRequest) -> Result<UpdateMaintenanceWindowTaskResult, Fault> {
        let key = WindowKey::new(&cx.scope, &input.window_id);
        let replaces = input.replace == Some(true);
        let task = self.windows.write(|state| {
            let window = state.windows.get(&key).cloned().ok_or_else(|| faults::no_such_window(&key.id))?;
            let row = (key.clone(), input.window_task_id.clone());
            let before = state.tasks.get(&row).map(|task| task.shape.shape()).ok_or_else(|| no_such_task(&input.window_task_id))?;
            if replaces && input.task_arn.is_none() {
                return Err(faults::validation("With Replace, TaskArn is required."));
            }
            let mut task = GetMaintenanceWindowTaskResult {
                window_id: before.window_id,
                window_task_id: before.window_task_id,
                task_type: before.task_type,
                targets: merged(input.targets, before.targets, replaces),
                task_arn: input.task_arn.or(before.task_arn),
                service_role_arn: merged(input.service_role_arn, before.service_role_arn, replaces),
                task_parameters: merged(input.task_parameters, before.task_parameters, replaces),
                task_invocation_parameters: merged(input.task_invocation_parameters, before.task_invocation_parameters, replaces),
                priority: merged(input.priority, before.priority, replaces).or(Some(1)),
                max_concurrency: merged(input.max_concurrency, before.max_concurrency, replaces),
                max_errors: merged(input.max_errors, before.max_errors, replaces),
                logging_info: merged(input.logging_info, before.logging_info, replaces),
                name: merged(input.name, before.name, replaces),
                description: merged(input.description, before.description, replaces),
                cutoff_behavior: merged(input.cutoff_behavior, before.cutoff_behavior, replaces),
                alarm_configuration: merged(input.alarm_configuration, before.alarm_configuration, replaces),
            };
            check(state, &key, &window, &mut task)?;
            if let Some(known) = state.tasks.get_mut(&row) {
                known.shape = StoredShape::new(task.clone());
                known.caller = cx.caller.clone();
            }
            Ok(task)
        })?;
        events::task(cx, &key, &input.window_task_id, "UPDATED");
        Ok(UpdateMaintenanceWindowTaskResult {
            window_id: task.window_id,
            window_task_id: task.window_task_id,
            targets: task.targets,
            task_arn: task.task_arn,
            service_role_arn: task.service_role_arn,
            task_parameters: task.task_parameters,
            task_invocation_parameters: task.task_invocation_parameters,
            priority: task.priority,
            max_concurrency: task.max_concurrency,
            max_errors: task.max_errors,
            logging_info: task.logging_info,
            name: task.name,
            description: task.description,
            cutoff_behavior: task.cutoff_behavior,
            alarm_configuration: task.alarm_configuration,
        })
    }
}

impl Handle<DeregisterTaskFromMaintenanceWindow> for Ssm {
    fn permissions(&self, cx: &Cx, input: &DeregisterTaskFromMaintenanceWindowRequest) -> Result<Permissions, Fault> {
        Ok(self.window_permission::<DeregisterTaskFromMaintenanceWindow>(cx, &input.window_id).into())
    }

    async fn handle(&self, cx: &Cx, input: DeregisterTaskFromMaintenanceWindowRequest) -> Result<DeregisterTaskFromMaintenanceWindowResult, Fault> {
        let key = WindowKey::new(&cx.scope, &input.window_id);
        self.windows.write(|state| {
            state.windows.get(&key).ok_or_else(|| faults::no_such_window(&key.id))?;
            state.tasks.remove(&(key.clone(), input.window_task_id.clone())).ok_or_else(|| no_such_task(&input.window_task_id)).map(drop)
        })?;
        events::task(cx, &key, &input.window_task_id, "DEREGISTERED");
        Ok(DeregisterTaskFromMaintenanceWindowResult { window_id: Some(input.window_id), window_task_id: Some(input.window_task_id) })
    }
}

impl Handle<DescribeMaintenanceWindowTasks> for Ssm {
    fn permissions(&self, cx: &Cx, input: &DescribeMaintenanceWindowTasksRequest) -> Result<Permissions, Fault> {
        Ok(self.window_permission::<DescribeMaintenanceWindowTasks>(cx, &input.window_id).into())
    }

    async fn handle(&self, cx: &Cx, input: DescribeMaintenanceWindowTasksRequest) -> Result<DescribeMaintenanceWindowTasksResult, Fault> {
        let list = Paging::of::<DescribeMaintenanceWindowTasks>(cx, &input);
        let filters = checked_filters(input.filters, &["WindowTaskId", "TaskArn", "Priority", "TaskType"])?;
        let key = WindowKey::new(&cx.scope, &input.window_id);
        let page = self.windows.read(|state| {
            state.windows.get(&key).ok_or_else(|| faults::no_such_window(&key.id))?;
            let rows = state.tasks_of(&key).filter(|(_, task)| {
                filters.iter().all(|(key, values)| {
                    let value = match key.as_str() {
                        "WindowTaskId" => task.shape.window_task_id.clone(),
                        "TaskArn" => task.shape.task_arn.clone(),
                        "TaskType" => task.shape.task_type.clone(),
                        _ => task.shape.priority.map(|priority| priority.to_string()),
                    };
                    value.is_some_and(|value| values.contains(&value))
                })
            });
            let rows = rows.map(|(id, task)| (id.to_owned(), shown(task.shape.shape())));
            list.page_of(list.length(USUAL_PAGE, LONGEST_PAGE), rows).map_err(|_| faults::invalid_next_token())
        })?;
        Ok(DescribeMaintenanceWindowTasksResult { tasks: Some(page.items), next_token: page.next_token })
    }
}

fn shown(task: GetMaintenanceWindowTaskResult) -> MaintenanceWindowTask {
    MaintenanceWindowTask {
        window_id: task.window_id,
        window_task_id: task.window_task_id,
        task_arn: task.task_arn,
        r#type: task.task_type,
        targets: task.targets,
        task_parameters: task.task_parameters,
        priority: task.priority,
        logging_info: task.logging_info,
        service_role_arn: task.service_role_arn,
        max_concurrency: task.max_concurrency,
        max_errors: task.max_errors,
        name: task.name,
        description: task.description,
        cutoff_behavior: task.cutoff_behavior,
        alarm_configuration: task.alarm_configuration,
    }
}
