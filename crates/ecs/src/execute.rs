//! ECS Exec: ExecuteCommand starts a session of Session Manager in a container.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html>

use crate::{Ecs, PRINCIPAL, credentials, faults, names, running::variables, state, tasks::role_of};
use cloudlet_api_ecs::*;
use cloudlet_aws::{Arn, Caller, Fault};
use cloudlet_engine::{
    Cx, Handle, Permission, Permissions,
    container_sessions::{StartContainerSession, StartContainerSessionInput},
};
use serde_json::json;

const NOT_ENABLED: &str = "The execute command failed because execute command was not enabled when the task was run or the execute command agent \
     isn\u{2019}t running. Wait and try again or run a new task with execute command enabled and try again.";
const TOO_MANY: &str = "Unable to start new execute sessions because the maximum session limit of 2 has been reached.";
const INTERNAL: &str = "The execute command failed due to an internal error. Try again later.";

/// The cluster's configuration as preferences of a session.
fn preferences(cluster: &state::Cluster) -> String {
    let configuration =
        cluster.configuration.as_ref().and_then(|configuration| configuration.execute_command_configuration.clone()).unwrap_or_default();
    let log = configuration.log_configuration.clone().filter(|_| configuration.logging.as_deref() == Some("OVERRIDE")).unwrap_or_default();
    json!({
        "kmsKeyId": configuration.kms_key_id.unwrap_or_default(),
        "cloudWatchLogGroupName": log.cloud_watch_log_group_name.unwrap_or_default(),
        "cloudWatchEncryptionEnabled": log.cloud_watch_encryption_enabled.unwrap_or(false),
        "s3BucketName": log.s3_bucket_name.unwrap_or_default(),
        "s3EncryptionEnabled": log.s3_encryption_enabled.unwrap_or(false),
        "s3KeyPrefix": log.s3_key_prefix.unwrap_or_default(),
    })
    .to_string()
}

impl Handle<ExecuteCommand> for Ecs {
    fn permissions(&self, cx: &Cx, input: &ExecuteCommandRequest) -> Result<Permissions, Fault> {
        let cluster = names::cluster(input.cluster.as_deref());
        let (cluster_arn, task_arn) = (names::cluster_arn(cx, cluster), names::task_arn(cx, cluster, names::task(&input.task)));
        let on = |arn: Arn| {
            let permission =
                Permission::of::<ExecuteCommand>(arn).with_key("ecs:cluster", cluster_arn.as_str()).with_key("ecs:task", task_arn.as_str());
            match &input.container {
                Some(container) => permission.with_key("ecs:container-name", container.as_str()),
                None => permission,
            }
        };
        Ok([on(cluster_arn.clone()), on(task_arn.clone())].into_iter().collect())
    }

    async fn handle(&self, cx: &Cx, input: ExecuteCommandRequest) -> Result<ExecuteCommandResponse, Fault> {
        let name = names::cluster(input.cluster.as_deref());
        let cluster = self.cluster(&cx.scope, name)?;
        if !input.interactive {
            return Err(faults::invalid("Interactive is the only mode supported currently."));
        }
        let key = (cx.scope.clone(), name.to_owned(), names::task(&input.task).to_owned());
        let task = self.store.read(|state| state.tasks.get(&key).cloned()).ok_or_else(faults::no_such_task)?;
        let container = match &input.container {
            Some(wanted) => task.containers.iter().find(|container| container.name == *wanted),
            None => task.containers.first().filter(|_| task.containers.len() == 1),
        };
        let Some(container) = container else {
            // AWS: unverified messages.
            let message = if input.container.is_some() {
                "The container was not found in the task."
            } else {
                "The task has more than one container: name one."
            };
            return Err(faults::invalid(message));
        };
        if !task.executes || !self.runs(&task) || container.over {
            return Err(faults::invalid(NOT_ENABLED));
        }
        let definition = self.definition_of(cx, &task.definition).map(|(_, row)| row.shape.shape()).unwrap_or_default();
        let overrides = task.overrides.shape();
        let of_container = definition.container_definitions.iter().flatten().find(|known| known.name.as_deref() == Some(&container.name));
        let overridden = overrides.container_overrides.iter().flatten().find(|given| given.name.as_deref() == Some(&container.name));
        let role = role_of(cx, &definition, &overrides);
        let start = StartContainerSessionInput {
            environment: of_container.map(|of| variables(of, overridden)).unwrap_or_default(),
            credentials_path: role.as_ref().map(|_| credentials::PATH.to_owned()).unwrap_or_default(),
            role: role.map(|role| role.to_string()).unwrap_or_default(),
            target: format!("ecs:{name}_{}_{}", key.2, container.runtime),
            command: input.command,
            preferences: preferences(&cluster),
            owner: cx.caller.arn.to_string(),
            owner_id: cx.caller.unique_id.to_string(),
            endpoint: cx.endpoint().to_owned(),
        };
        let task_arn = names::task_arn(cx, name, &key.2);
        let service = Caller::service(PRINCIPAL, Some(task_arn.clone()));
        let started = cx.call::<StartContainerSession>(service, cx.scope.clone(), start).await.map_err(|fault| match fault.name() {
            "ValidationException" => faults::invalid(fault.message()),
            _ => faults::TARGET_NOT_CONNECTED.says(INTERNAL),
        })?;
        if started.session_id.is_empty() {
            return Err(faults::client(TOO_MANY));
        }
        Ok(ExecuteCommandResponse {
            cluster_arn: Some(names::cluster_arn(cx, name).to_string()),
            container_arn: Some(Arn::new("ecs", &cx.scope, &format!("container/{name}/{}/{}", key.2, container.id)).to_string()),
            container_name: Some(container.name.clone()),
            interactive: Some(true),
            session: Some(Session {
                session_id: Some(started.session_id),
                stream_url: Some(started.stream_url),
                token_value: Some(started.token_value),
            }),
            task_arn: Some(task_arn.to_string()),
        })
    }
}
