//! CancelCommand: what has not begun is cancelled, what runs is stopped.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CancelCommand.html>

use super::{
    progress,
    rows::{Command, Progress, RowKey},
};
use crate::{Ssm, faults, parameters::permissions::on_all};
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions};
use std::sync::Arc;

pub fn no_such_command() -> Fault {
    faults::INVALID_COMMAND_ID.says("")
}

impl Handle<CancelCommand> for Ssm {
    fn permissions(&self, cx: &Cx, _: &CancelCommandRequest) -> Result<Permissions, Fault> {
        Ok(on_all::<CancelCommand>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: CancelCommandRequest) -> Result<CancelCommandResult, Fault> {
        let place: RowKey = (cx.scope.clone(), input.command_id.as_str().into());
        let only = input.instance_ids.filter(|ids| !ids.is_empty());
        let stopped = self.commands.store.write(|state| {
            let command = state.commands.get(&place).cloned().ok_or_else(no_such_command)?;
            let nodes: Vec<(Arc<str>, Progress)> = state.of_command(&place).map(|(node, row)| (node.clone(), row.progress)).collect();
            if let Some(only) = &only {
                let mut ids = only.iter();
                if ids.any(|id| !nodes.iter().any(|(node, _)| **node == **id)) {
                    return Err(faults::INVALID_INSTANCE_ID.says("Instances not in a valid state for account"));
                }
            }
            if only.is_none() && !command.progress.is_over() {
                state.commands.insert(place.clone(), Arc::new(Command { progress: Progress::Cancelling, ..(*command).clone() }));
            }
            let mut stopped = Vec::new();
            for (node, was) in nodes {
                if was.is_over() || only.as_ref().is_some_and(|only| !only.iter().any(|id| **id == *node)) {
                    continue;
                }
                let next = if was == Progress::Pending { Progress::Cancelled } else { Progress::Cancelling };
                progress::change(cx, state, &place, &node, |invocation| invocation.progress = next)?;
                stopped.push(node);
            }
            Ok(stopped)
        })?;
        for node in stopped {
            if !self.commands.runs.stop(&place, &node) {
                self.cancel_on_agent(&place, &node);
            }
        }
        Ok(CancelCommandResult {})
    }
}
