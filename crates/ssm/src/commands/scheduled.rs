//! What the scheduler does for commands: it has invocations run, and ends those that could not be delivered.

use super::{
    progress,
    rows::{Progress, RowKey},
    turns::{InvocationInput, RunInvocation, run},
};
use crate::Ssm;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_shape::Empty;

/// How long until a node that is not there, or whose agent says nothing, is asked again.
pub const ASKED_AGAIN: i64 = 20;

impl Handle<RunInvocation> for Ssm {
    fn permissions(&self, _: &Cx, _: &InvocationInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: InvocationInput) -> Result<Empty, Fault> {
        let place: RowKey = (cx.scope.clone(), input.command.as_str().into());
        let Some((command, invocation)) = self.commands.store.read(|state| {
            let command = state.commands.get(&place)?.clone();
            let invocation = state.invocations.get(&(place.0.clone(), place.1.clone(), input.node.as_str().into()))?.clone();
            Some((command, invocation))
        }) else {
            return Ok(Empty {});
        };
        if invocation.progress.is_over() {
            return Ok(Empty {});
        }
        let node = self.nodes.find(cx, &input.node).await?;
        if invocation.progress != Progress::Pending {
            return match node {
                Some(node) if node.is_elsewhere => self.agent_is_late(cx, &place, &node.id),
                _ => self.interrupted(cx, &place, &input.node),
            };
        }
        let end = |outcome: Progress| {
            self.commands.store.write(|state| progress::change(cx, state, &place, &input.node, |invocation| invocation.progress = outcome).map(drop))
        };
        match node {
            None => end(Progress::Undeliverable)?,
            Some(_) if cx.now >= command.expires => end(Progress::DeliveryTimedOut)?,
            Some(node) if node.is_elsewhere => self.send_to_agent(cx, &place, &command, &node)?,
            Some(node) if node.is_online => self.run(cx, &place, &command, &node).await?,
            Some(_) => run(cx, &place, &input.node, cx.now.plus_secs(ASKED_AGAIN).min(command.expires))?,
        }
        Ok(Empty {})
    }
}
