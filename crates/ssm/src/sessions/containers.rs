//! Sessions that another service starts in containers of its own: ECS Exec.

use super::{
    live::NodePlace,
    plan::{Kind, Plan, words},
    preferences::Preferences,
    start::Starting,
    targets,
};
use crate::{Ssm, faults};
use cloudlet_aws::{Arn, Caller, Fault, Identity};
use cloudlet_engine::{
    Cx, Handle, Permission, Permissions,
    container_sessions::{StartContainerSession, StartContainerSessionInput, StartContainerSessionOutput},
    roles,
};
use serde_json::Value;

/// As long as a role's session may be without further settings.
const SESSION_SECONDS: i32 = 3_600;
/// The principal of tasks.
const TASKS: &str = "ecs-tasks.amazonaws.com";

/// Who writes the transcript of a container's session and decrypts: the role of its task. A task without one may do nothing.
async fn acting(cx: &Cx, role: &str, target: &str) -> Caller {
    let Identity::Service { source: Some(source), .. } = &cx.caller.identity else { return Caller::anonymous() };
    let Some(role) = Arn::parse(role) else { return Caller::anonymous() };
    let task = targets::container(target).map_or("task", |(_, task, _)| task);
    match roles::assume_role_with_keys(cx, &role, task, TASKS, source, SESSION_SECONDS).await {
        Ok((session, _)) => session.caller,
        // It is told when the role is needed.
        Err(_) => Caller::anonymous(),
    }
}

impl Handle<StartContainerSession> for Ssm {
    fn permissions(&self, _: &Cx, _: &StartContainerSessionInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: StartContainerSessionInput) -> Result<StartContainerSessionOutput, Fault> {
        if !matches!(cx.caller.identity, Identity::Service { .. }) {
            return Err(Fault::internal("only services start sessions in containers"));
        }
        let node = self.container_node(cx, &input.target).ok_or_else(|| targets::not_connected(&input.target))?;
        let words = words(&input.command).filter(|words| !words.is_empty());
        let words = words.ok_or_else(|| faults::validation("Failed to parse commands input"))?;
        let credentials_path = Some(input.credentials_path).filter(|path| !path.is_empty());
        let role = acting(cx, &input.role, &input.target).await;
        let inputs: Value = serde_json::from_str(&input.preferences).unwrap_or_default();
        let plan = Plan {
            target: input.target.as_str().into(),
            kind: Kind::Container { words, environment: input.environment, credentials_path },
            session_type: "InteractiveCommands",
            properties: Value::Null,
            preferences: Preferences::of(&inputs)?,
            document: Value::Null,
            values: Value::Null,
        };
        let starting = Starting {
            plan,
            place: NodePlace::Here(node),
            role,
            id_prefix: "ecs-execute-command".to_owned(),
            document: "AmazonECS-ExecuteInteractiveCommand".into(),
            owner: input.owner.as_str().into(),
            owner_id: input.owner_id.as_str().into(),
            reason: None,
            endpoint: input.endpoint,
            most: targets::OF_CONTAINER,
        };
        Ok(match self.begin_session(cx, starting) {
            Some(started) => {
                StartContainerSessionOutput { session_id: started.id.to_string(), token_value: started.token, stream_url: started.stream_url }
            }
            // It has as many as it may have.
            None => StartContainerSessionOutput::default(),
        })
    }
}
