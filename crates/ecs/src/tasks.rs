//! Tasks. <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/standalone-tasks.html>

use crate::{
    Ecs,
    credentials::TaskCredentials,
    faults, limits, names,
    running::Launch,
    state::{self, Stopped, TaskKey},
};
use cloudlet_api_ecs::*;
use cloudlet_aws::{Arn, Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, Permission, Permissions, StoredShape, paging::Paging};
use cloudlet_shape::Operation;
use std::sync::atomic::Ordering;

/// What stops the tasks of a server that is started again.
const RESTARTED: &str = "The server was restarted.";

impl Ecs {
    fn on_task<O: Operation>(cx: &Cx, cluster: Option<&str>, task: &str) -> Permission {
        let cluster = names::cluster(cluster);
        Permission::of::<O>(names::task_arn(cx, cluster, names::task(task))).with_key("ecs:cluster", names::cluster_arn(cx, cluster).as_str())
    }

    /// The end of a task, also of one that a restart has ended.
    fn end_of(&self, task: &state::Task) -> Option<Stopped> {
        let restarted = || Stopped { at: task.created, code: "TerminationNotice".to_owned(), reason: RESTARTED.to_owned() };
        task.stopped.clone().or_else(|| (!self.runs(task)).then(restarted))
    }

    /// Notes the end of the tasks that ran when the server stopped: with the first call after its start.
    fn settle(&self, now: Timestamp) {
        if self.settled.swap(true, Ordering::Relaxed) {
            return;
        }
        self.store.update(|state| {
            let is_left = |task: &state::Task| task.stopped.is_none() && !self.runs(task);
            let left: Vec<TaskKey> = state.tasks.iter().filter(|(_, task)| is_left(task)).map(|(key, _)| key.clone()).collect();
            for key in left {
                let Some(mut task) = state.tasks.get(&key).cloned() else { continue };
                task.stopped = Some(Stopped { at: now, code: "TerminationNotice".to_owned(), reason: RESTARTED.to_owned() });
                task.containers.iter_mut().for_each(|container| container.over = true);
                task.version += 1;
                state.tasks.insert(key, task);
            }
        });
    }

    fn is_forgotten(&self, task: &state::Task, now: Timestamp) -> bool {
        self.end_of(task).is_some_and(|end| now.millis() - end.at.millis() > limits::STOPPED_MILLIS)
    }

    pub fn shown_task(&self, cx: &Cx, key: &TaskKey, row: &state::Task, with_tags: bool) -> Task {
        let (_, cluster, id) = key;
        let end = self.end_of(row);
        let status = |over: bool| Some(if over { "STOPPED" } else { "RUNNING" }.to_owned());
        let arn = names::task_arn(cx, cluster, id);
        let containers = row.containers.iter().map(|container| {
            let over = end.is_some() || container.over;
            let agent = ManagedAgent {
                last_started_at: Some(row.created),
                name: Some("ExecuteCommandAgent".to_owned()),
                reason: None,
                last_status: status(over),
            };
            Container {
                container_arn: Some(Arn::new("ecs", &cx.scope, &format!("container/{cluster}/{id}/{}", container.id)).to_string()),
                task_arn: Some(arn.to_string()),
                name: Some(container.name.clone()),
                image: Some(container.image.clone()),
                runtime_id: Some(container.runtime.clone()),
                last_status: status(over),
                exit_code: container.exit_code,
                reason: container.reason.clone(),
                network_bindings: Some(vec![]),
                network_interfaces: Some(vec![]),
                health_status: Some("UNKNOWN".to_owned()),
                managed_agents: row.executes.then(|| vec![agent]),
                cpu: Some("0".to_owned()),
                ..Container::default()
            }
        });
        Task {
            attachments: Some(vec![]),
            attributes: Some(vec![]),
            availability_zone: Some(format!("{}a", cx.scope.region.as_str())),
            cluster_arn: Some(names::cluster_arn(cx, cluster).to_string()),
            connectivity: Some("CONNECTED".to_owned()),
            connectivity_at: Some(row.created),
            containers: Some(containers.collect()),
            created_at: Some(row.created),
            desired_status: status(end.is_some()),
            enable_execute_command: Some(row.executes),
            execution_stopped_at: end.as_ref().map(|end| end.at),
            group: Some(row.group.clone()),
            health_status: Some("UNKNOWN".to_owned()),
            last_status: status(end.is_some()),
            launch_type: Some(row.launch_type.clone()),
            overrides: Some(row.overrides.shape()),
            started_at: Some(row.created),
            started_by: row.started_by.clone(),
            stop_code: end.as_ref().map(|end| end.code.clone()),
            stopped_at: end.as_ref().map(|end| end.at),
            stopping_at: end.as_ref().map(|end| end.at),
            stopped_reason: end.map(|end| end.reason),
            tags: Some(row.tags.iter().filter(|_| with_tags).map(StoredShape::shape).collect()),
            task_arn: Some(arn.to_string()),
            task_definition_arn: Some(row.definition.clone()),
            version: Some(row.version),
            ..Task::default()
        }
    }

    pub fn definition_of(&self, cx: &Cx, text: &str) -> Result<(state::DefinitionKey, state::Definition), Fault> {
        let (family, revision) = names::definition(text)?;
        self.store.read(|state| state.definition(&cx.scope, family, revision)).ok_or_else(|| faults::client("TaskDefinition not found."))
    }
}

/// The role of a task, if it has one.
pub fn role_of(cx: &Cx, definition: &TaskDefinition, overrides: &TaskOverride) -> Option<Arn> {
    let named = overrides.task_role_arn.as_deref().filter(|role| !role.is_empty()).or(definition.task_role_arn.as_deref());
    named.and_then(|role| names::role(cx, role))
}

impl Handle<RunTask> for Ecs {
    fn permissions(&self, cx: &Cx, input: &RunTaskRequest) -> Result<Permissions, Fault> {
        let (family, revision) = names::definition(&input.task_definition)?;
        let found = self.store.read(|state| state.definition(&cx.scope, family, revision));
        let revision = found.as_ref().map(|((_, _, revision), _)| *revision).or(revision).unwrap_or(1);
        let cluster = names::cluster(input.cluster.as_deref());
        let executes = if input.enable_execute_command == Some(true) { "true" } else { "false" };
        let tags = input.tags.iter().flatten().filter_map(|tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default())));
        let permission = Permission::of::<RunTask>(names::definition_arn(cx, family, revision))
            .with_key("ecs:cluster", names::cluster_arn(cx, cluster).as_str())
            .with_key("ecs:enable-execute-command", executes)
            .with_request_tags(tags);
        let has_tags = input.tags.as_ref().is_some_and(|tags| !tags.is_empty());
        let tagged = Permission { resource: names::task_arn(cx, cluster, "*"), ..permission.clone() };
        let mut permissions: Permissions = permission.into();
        permissions.extend(names::with_tagging(tagged, has_tags, "RunTask").into_iter().skip(1));
        let definition = found.map(|(_, row)| row.shape.shape()).unwrap_or_default();
        let overrides = input.overrides.as_ref();
        permissions.extend(names::passed(
            cx,
            [
                overrides.and_then(|overrides| overrides.task_role_arn.as_deref()).or(definition.task_role_arn.as_deref()),
                overrides.and_then(|overrides| overrides.execution_role_arn.as_deref()).or(definition.execution_role_arn.as_deref()),
            ],
        ));
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, input: RunTaskRequest) -> Result<RunTaskResponse, Fault> {
        self.settle(cx.now);
        let cluster = names::cluster(input.cluster.as_deref()).to_owned();
        self.cluster(&cx.scope, &cluster)?;
        let count = input.count.unwrap_or(1);
        if !(1..=limits::TASKS_AT_ONCE).contains(&count) {
            return Err(faults::invalid(format!("Count must be between 1 and {}.", limits::TASKS_AT_ONCE)));
        }
        let ((_, family, _), definition) = self.definition_of(cx, &input.task_definition)?;
        if !definition.active {
            return Err(faults::client("TaskDefinition is inactive"));
        }
        let shape = definition.shape.shape();
        let overrides = input.overrides.clone().unwrap_or_default();
        let containers = shape.container_definitions.clone().unwrap_or_default();
        let role = role_of(cx, &shape, &overrides);
        let overridden = |name: &str| overrides.container_overrides.iter().flatten().find(|given| given.name.as_deref() == Some(name)).cloned();
        if let Some(stray) = overrides.container_overrides.iter().flatten().find(|given| !containers.iter().any(|known| known.name == given.name)) {
            let name = stray.name.as_deref().unwrap_or_default();
            return Err(faults::invalid(format!("Override for container named {name} is not a container in the TaskDefinition.")));
        }
        let token = input.client_token.clone().filter(|token| !token.is_empty()).map(|token| (cx.scope.clone(), token));
        if let Some(known) = token.as_ref().and_then(|token| self.store.read(|state| state.tokens.get(token).cloned())) {
            let tasks =
                self.store.read(|state| known.iter().filter_map(|key| state.tasks.get(key).map(|row| self.shown_task(cx, key, row, true))).collect());
            return Ok(RunTaskResponse { tasks: Some(tasks), failures: Some(vec![]) });
        }
        let (mut keys, mut launches) = (vec![], vec![]);
        let mut rows = vec![];
        for _ in 0..count {
            let key = (cx.scope.clone(), cluster.clone(), cx.ids().hex(32));
            let mut own = vec![];
            for container in &containers {
                let name = container.name.clone().unwrap_or_default();
                let runtime_id = format!("{}-{}", key.2, cx.ids().number() % 10_000_000_000);
                own.push(state::Container {
                    id: cx.ids().uuid(),
                    image: container.image.clone().unwrap_or_default(),
                    runtime: runtime_id.clone(),
                    essential: container.essential != Some(false),
                    exit_code: None,
                    reason: None,
                    over: false,
                    name: name.clone(),
                });
                launches.push((
                    key.clone(),
                    Launch { runtime_id, definition: container.clone(), overridden: overridden(&name), has_role: role.is_some() },
                ));
            }
            let row = state::Task {
                definition: shape.task_definition_arn.clone().unwrap_or_default(),
                family: family.clone(),
                containers: own,
                executes: input.enable_execute_command == Some(true),
                started_by: input.started_by.clone(),
                group: input.group.clone().unwrap_or_else(|| format!("family:{family}")),
                launch_type: input.launch_type.clone().unwrap_or_else(|| "EC2".to_owned()),
                overrides: StoredShape::new(overrides.clone()),
                tags: input.tags.clone().unwrap_or_default().into_iter().map(StoredShape::new).collect(),
                created: cx.now,
                stopped: None,
                version: 1,
            };
            keys.push(key.clone());
            rows.push((key, row));
        }
        let server = cx.own_address().to_owned();
        let launches: Vec<_> = launches
            .into_iter()
            .map(|(key, launch)| {
                let credentials = TaskCredentials {
                    runtime: cx.runtime().clone(),
                    scope: cx.scope.clone(),
                    role: role.clone(),
                    task: names::task_arn(cx, &cluster, &key.2),
                };
                let node = self.node(&key, &launch, credentials, &server);
                (key, launch, node)
            })
            .collect();
        let tasks = self.store.write(|state| {
            if state.tasks_of(&cx.scope, &cluster).filter(|(_, task)| self.runs(task)).count() + rows.len() > limits::TASKS {
                return Err(faults::client("You've reached the limit on the number of tasks you can run concurrently"));
            }
            let old: Vec<TaskKey> = state
                .tasks_of(&cx.scope, &cluster)
                .filter(|(_, task)| self.is_forgotten(task, cx.now))
                .take(100)
                .map(|(key, _)| key.clone())
                .collect();
            for key in old {
                state.tasks.remove(&key);
            }
            for (key, row) in &rows {
                state.tasks.insert(key.clone(), row.clone());
            }
            if let Some(token) = &token {
                state.tokens.insert(token.clone(), keys.clone());
            }
            Ok(rows.iter().map(|(key, row)| self.shown_task(cx, key, row, true)).collect::<Vec<_>>())
        });
        let tasks = match tasks {
            Ok(tasks) => tasks,
            Err(fault) => {
                for (key, launch, _) in launches {
                    self.erase(&key, &launch.runtime_id).await;
                }
                return Err(fault);
            }
        };
        for (key, launch, node) in launches {
            tokio::spawn(self.clone().run_container(cx.runtime().clone(), key, launch, node));
        }
        Ok(RunTaskResponse { tasks: Some(tasks), failures: Some(vec![]) })
    }
}

impl Handle<DescribeTasks> for Ecs {
    fn permissions(&self, cx: &Cx, input: &DescribeTasksRequest) -> Result<Permissions, Fault> {
        let on = |task: &str| Ecs::on_task::<DescribeTasks>(cx, input.cluster.as_deref(), task);
        Ok(if input.tasks.is_empty() { on("*").into() } else { input.tasks.iter().map(|task| on(task)).collect() })
    }

    async fn handle(&self, cx: &Cx, input: DescribeTasksRequest) -> Result<DescribeTasksResponse, Fault> {
        self.settle(cx.now);
        let cluster = names::cluster(input.cluster.as_deref());
        self.cluster(&cx.scope, cluster)?;
        if input.tasks.is_empty() {
            return Err(faults::invalid("Tasks cannot be empty."));
        }
        if input.tasks.len() > limits::PAGE {
            return Err(faults::invalid("Tasks cannot have more than 100 elements."));
        }
        let with_tags = input.include.iter().flatten().any(|included| included == "TAGS");
        let (mut tasks, mut failures) = (vec![], vec![]);
        self.store.read(|state| {
            for text in &input.tasks {
                let key = (cx.scope.clone(), cluster.to_owned(), names::task(text).to_owned());
                match state.tasks.get(&key).filter(|row| !self.is_forgotten(row, cx.now)) {
                    Some(row) => tasks.push(self.shown_task(cx, &key, row, with_tags)),
                    None => failures.push(Failure {
                        arn: Some(names::task_arn(cx, cluster, &key.2).to_string()),
                        reason: Some("MISSING".to_owned()),
                        detail: None,
                    }),
                }
            }
        });
        Ok(DescribeTasksResponse { tasks: Some(tasks), failures: Some(failures) })
    }
}

impl Handle<ListTasks> for Ecs {
    fn permissions(&self, cx: &Cx, input: &ListTasksRequest) -> Result<Permissions, Fault> {
        let cluster = names::cluster(input.cluster.as_deref());
        let arn = Arn::new("ecs", &cx.scope, &format!("container-instance/{cluster}/*"));
        Ok(Permission::of::<ListTasks>(arn).with_key("ecs:cluster", names::cluster_arn(cx, cluster).as_str()).into())
    }

    async fn handle(&self, cx: &Cx, input: ListTasksRequest) -> Result<ListTasksResponse, Fault> {
        self.settle(cx.now);
        let cluster = names::cluster(input.cluster.as_deref());
        self.cluster(&cx.scope, cluster)?;
        let list = Paging::of::<ListTasks>(cx, &input);
        let stopped = input.desired_status.as_deref() == Some("STOPPED");
        // There are no services, container instances and daemons.
        let none = input.service_name.is_some() || input.container_instance.is_some() || input.daemon_name.is_some();
        let is_wanted = |row: &state::Task| {
            !none
                && self.end_of(row).is_some() == stopped
                && !self.is_forgotten(row, cx.now)
                && input.family.as_ref().is_none_or(|family| row.family == *family)
                && input.started_by.as_ref().is_none_or(|by| row.started_by.as_ref() == Some(by))
                && input.launch_type.as_ref().is_none_or(|kind| row.launch_type == *kind)
        };
        let page = self.store.read(|state| {
            let rows = state.tasks_of(&cx.scope, cluster).filter(|(_, row)| is_wanted(row));
            list.page_of(
                list.length(limits::PAGE, limits::PAGE),
                rows.map(|(key, _)| (key.2.clone(), names::task_arn(cx, cluster, &key.2).to_string())),
            )
        });
        let page = page.map_err(|_| faults::invalid_token())?;
        Ok(ListTasksResponse { task_arns: Some(page.items), next_token: page.next_token })
    }
}

impl Handle<StopTask> for Ecs {
    fn permissions(&self, cx: &Cx, input: &StopTaskRequest) -> Result<Permissions, Fault> {
        Ok(Ecs::on_task::<StopTask>(cx, input.cluster.as_deref(), &input.task).into())
    }

    async fn handle(&self, cx: &Cx, input: StopTaskRequest) -> Result<StopTaskResponse, Fault> {
        self.settle(cx.now);
        let cluster = names::cluster(input.cluster.as_deref());
        self.cluster(&cx.scope, cluster)?;
        let key = (cx.scope.clone(), cluster.to_owned(), names::task(&input.task).to_owned());
        if self.store.read(|state| !state.tasks.contains(&key)) {
            return Err(faults::no_such_task());
        }
        self.stop(&key, cx.now, "UserInitiated", input.reason.as_deref().unwrap_or("Task stopped by user")).await;
        let task = self.store.read(|state| state.tasks.get(&key).map(|row| self.shown_task(cx, &key, row, true)));
        Ok(StopTaskResponse { task })
    }
}
