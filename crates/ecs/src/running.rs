//! The containers of tasks as nodes of this machine.

use crate::{
    Ecs,
    credentials::{self, TaskCredentials},
    state::{Stopped, Task, TaskKey},
};
use cloudlet_api_ecs::{ContainerDefinition, ContainerOverride};
use cloudlet_aws::Timestamp;
use cloudlet_engine::{
    Clock, Node, NodeInput, NodeOrder, NodeProgram, NodeRoot, NodeUser, Runtime, WorkerEnd, WorkerValue, container_sessions::node_name,
};
use cloudlet_shape::Map;
use std::sync::Arc;

/// Where SDKs look for the address of keys.
const CREDENTIALS: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const MEBIBYTE: u64 = 1 << 20;
/// Of a container whose definition does not say.
const MEMORY: u64 = 512;

/// A container that is to be.
pub struct Launch {
    pub runtime_id: String,
    pub definition: ContainerDefinition,
    pub overridden: Option<ContainerOverride>,
    pub has_role: bool,
}

/// The variables of a container, by its definition and by what RunTask changes of it.
pub fn variables(definition: &ContainerDefinition, overridden: Option<&ContainerOverride>) -> Map<String> {
    let given = definition.environment.iter().flatten().chain(overridden.iter().flat_map(|overridden| overridden.environment.iter().flatten()));
    given.filter_map(|pair| Some((pair.name.clone()?, pair.value.clone().unwrap_or_default()))).collect()
}

impl Launch {
    /// The program and its arguments. Without any, nothing runs: there is no image that would say what.
    fn command(&self) -> Vec<String> {
        let overridden = self.overridden.as_ref().and_then(|overridden| overridden.command.clone());
        let command = overridden.or_else(|| self.definition.command.clone()).unwrap_or_default();
        self.definition.entry_point.iter().flatten().cloned().chain(command).collect()
    }

    fn environment(&self, region: &str) -> Vec<(String, WorkerValue)> {
        let text = |text: &str| WorkerValue::Text(text.to_owned());
        let mut environment =
            vec![("PATH".to_owned(), text(PATH)), ("AWS_ENDPOINT_URL".to_owned(), WorkerValue::Server), ("AWS_REGION".to_owned(), text(region))];
        let own = variables(&self.definition, self.overridden.as_ref());
        environment.retain(|(name, _)| !own.contains_key(name));
        environment.extend(own.iter().map(|(name, value)| (name.clone(), text(value))));
        if self.has_role {
            environment.push((CREDENTIALS.to_owned(), WorkerValue::HttpPath(credentials::PATH.to_owned())));
        }
        environment
    }
}

fn container_node(key: &TaskKey, runtime: &str) -> String {
    let (scope, cluster, task) = key;
    node_name(scope, cluster, task, runtime)
}

impl Ecs {
    /// Whether a task is running: after a restart, no task of before is.
    pub fn runs(&self, task: &Task) -> bool {
        let containers = self.containers.lock();
        task.stopped.is_none() && task.containers.iter().any(|container| containers.contains(&container.runtime))
    }

    pub fn node(&self, key: &TaskKey, launch: &Launch, credentials: TaskCredentials, server: &str) -> Arc<dyn Node> {
        let megabytes = launch.definition.memory.or(launch.definition.memory_reservation).and_then(|memory| u64::try_from(memory).ok());
        let order = NodeOrder {
            root: NodeRoot::Machine,
            hostname: launch.definition.hostname.clone().unwrap_or_else(|| launch.runtime_id.chars().take(12).collect()),
            memory: megabytes.unwrap_or(MEMORY).max(64) * MEBIBYTE,
            file_size: 1 << 30,
            // As on Fargate.
            disk: 20 << 30,
            http: Arc::new(credentials),
            server: server.to_owned(),
        };
        self.containers.lock().insert(launch.runtime_id.clone());
        self.workers.node(&container_node(key, &launch.runtime_id), order)
    }

    /// Runs a container's command, and notes its end.
    pub async fn run_container(self, runtime: Arc<Runtime>, key: TaskKey, launch: Launch, node: Arc<dyn Node>) {
        let command = launch.command();
        let Some((program, arguments)) = command.split_first() else { return };
        let program = NodeProgram {
            program: program.clone(),
            arguments: arguments.to_vec(),
            environment: launch.environment(key.0.region.as_str()),
            directory: launch.definition.working_directory.clone(),
            user: NodeUser::Root,
            input: NodeInput::Nothing,
        };
        let (code, reason) = match node.start(program).await {
            Ok(process) => {
                while process.read().await.is_some() {}
                match process.ended().await {
                    WorkerEnd::Exited(code) => (Some(code), None),
                    WorkerEnd::Killed(signal) => (Some(128 + signal), None),
                    WorkerEnd::OutOfMemory => (Some(137), Some("OutOfMemoryError: Container killed due to memory usage".to_owned())),
                }
            }
            Err(why) => (None, Some(format!("CannotStartContainerError: {why}"))),
        };
        self.container_ended(&runtime.clock, &key, &launch.runtime_id, code, reason).await;
    }

    async fn container_ended(&self, clock: &Clock, key: &TaskKey, runtime: &str, code: Option<i32>, reason: Option<String>) {
        let stops = self.store.update(|state| {
            let Some(mut task) = state.tasks.get(key).cloned() else { return false };
            let mut stops = false;
            for container in task.containers.iter_mut().filter(|container| container.runtime == runtime && !container.over) {
                container.exit_code = code;
                container.reason.clone_from(&reason);
                container.over = true;
                stops |= container.essential;
            }
            task.version += 1;
            state.tasks.insert(key.clone(), task);
            stops
        });
        if stops {
            let reason = if code.is_some() { "Essential container in task exited" } else { "Task failed to start" };
            let stop_code = if code.is_some() { "EssentialContainerExited" } else { "TaskFailedToStart" };
            self.stop(key, clock.now(), stop_code, reason).await;
        } else {
            self.erase(key, runtime).await;
        }
    }

    pub async fn erase(&self, key: &TaskKey, runtime: &str) {
        self.containers.lock().remove(runtime);
        if let Some(node) = self.workers.find_node(&container_node(key, runtime)) {
            node.erase().await;
        }
    }

    /// Stops a task, if it is not stopped yet, and what runs in it.
    pub async fn stop(&self, key: &TaskKey, at: Timestamp, code: &str, reason: &str) {
        let containers: Vec<String> = self.store.update(|state| {
            let Some(mut task) = state.tasks.get(key).cloned() else { return vec![] };
            let runtimes = task.containers.iter().map(|container| container.runtime.clone()).collect();
            if task.stopped.is_none() {
                task.stopped = Some(Stopped { at, code: code.to_owned(), reason: reason.to_owned() });
                for container in task.containers.iter_mut().filter(|container| !container.over) {
                    // AWS: SIGTERM, and SIGKILL 30 seconds later. Here it is killed.
                    container.exit_code = Some(137);
                    container.over = true;
                }
                task.version += 1;
                state.tasks.insert(key.clone(), task);
            }
            runtimes
        });
        for runtime in containers {
            self.erase(key, &runtime).await;
        }
    }
}
