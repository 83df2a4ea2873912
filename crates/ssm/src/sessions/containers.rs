//! Sessions that another service starts in containers of its own: ECS Exec.

use super::{
    plan::{Kind, Plan, words},
    preferences::Preferences,
    start::Starting,
    targets,
};
use crate::{Ssm, faults};
use cloudlet_aws::{Caller, Fault, Identity};
use cloudlet_engine::{
    Cx, Handle, Permission, Permissions,
    container_sessions::{StartContainerSession, StartContainerSessionInput, StartContainerSessionOutput},
};
use serde_json::Value;

impl Handle<StartContainerSession> for Ssm {
    fn permissions(&self, _: &Cx, _: &StartContainerSessionInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: StartContainerSessionInput) -> Result<StartContainerSessionOutput, Fault> {
        if !matches!(cx.caller.identity, Identity::Service { .. }) {
            return Err(Fault::internal("only services start sessions in containers"));
        }
        let connected =
            targets::container(&input.target).and_then(|(_, _, runtime)| self.sessions.workers.find_node(&targets::container_node(runtime)));
        let node = connected.ok_or_else(|| targets::not_connected(&input.target))?;
        let words = words(&input.command).filter(|words| !words.is_empty());
        let words = words.ok_or_else(|| faults::validation("Failed to parse commands input"))?;
        let inputs: Value = serde_json::from_str(&input.preferences).unwrap_or_default();
        let plan = Plan {
            target: input.target.as_str().into(),
            kind: Kind::Container { words },
            session_type: "InteractiveCommands",
            properties: Value::Null,
            preferences: Preferences::of(&inputs)?,
        };
        let starting = Starting {
            plan,
            node,
            role: Caller::root(cx.scope.account, cx.scope.partition(), None),
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
