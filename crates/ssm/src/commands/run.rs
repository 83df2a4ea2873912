//! A command on a node of this server.

use super::{
    actions::execution::{Execution, System},
    outputs::Destinations,
    progress,
    rows::{Command, Progress, RowKey, StepResult},
    steps::{Record, take_steps},
};
use crate::{
    Ssm,
    nodes::{ManagedNode, role_session},
};
use cloudlet_aws::Fault;
use cloudlet_engine::Cx;
use serde_json::Value;
use std::sync::Arc;

impl Ssm {
    /// An invocation that ran when the server stopped. Its processes are gone: it is told failed, as the agent does.
    pub(super) fn interrupted(&self, cx: &Cx, place: &RowKey, node: &str) -> Result<cloudlet_shape::Empty, Fault> {
        if self.commands.runs.is_running(place, node) {
            return Ok(cloudlet_shape::Empty {});
        }
        self.commands.store.write(|state| {
            progress::change(cx, state, place, node, |invocation| {
                let mut steps = (*invocation.steps).clone();
                let outcome = if invocation.progress == Progress::Cancelling { Progress::Cancelled } else { Progress::Failed };
                if let Some(step) = steps.iter_mut().find(|step| !step.progress.is_over()) {
                    step.progress = outcome;
                    step.code = 1;
                    step.finished = Some(cx.now);
                    // AWS: unverified text.
                    step.error = "document process failed unexpectedly: the agent was restarted".into();
                }
                invocation.steps = Arc::new(steps);
                invocation.progress = outcome;
            })
        })?;
        Ok(cloudlet_shape::Empty {})
    }

    pub(super) async fn run(&self, cx: &Cx, place: &RowKey, command: &Command, node: &ManagedNode) -> Result<(), Fault> {
        let run = self.commands.runs.begin(place, &node.id);
        let begun = self.commands.store.write(|state| {
            progress::change(cx, state, place, &node.id, |invocation| {
                invocation.progress = Progress::InProgress;
                invocation.started = Some(cx.now);
            })
        })?;
        if !begun {
            return Ok(());
        }
        let document: Value = serde_json::from_str(&command.content).unwrap_or_default();
        let options = &self.nodes.options;
        let mut execution = Execution {
            cx,
            node: node.id.clone(),
            system: System { name: options.platform_name.clone(), version: options.platform_version.clone() },
            command: place.1.to_string(),
            run: &run,
            machine: self.nodes.machine(node, cx.own_address()),
            session: role_session(cx, node).await,
            logs: None,
        };
        let given = command.parameters.iter().map(|(name, values)| (name.clone(), values.clone())).collect();
        let record = Rows { ssm: self, place, node: &node.id };
        let outcome = take_steps(&mut execution, &record, &document, &given, &Destinations::of(command)).await;
        self.commands.store.write(|state| progress::change(cx, state, place, &node.id, |invocation| invocation.progress = outcome))?;
        Ok(())
    }
}

/// The steps of an invocation, as rows.
struct Rows<'r> {
    ssm: &'r Ssm,
    place: &'r RowKey,
    node: &'r str,
}

impl Record for Rows<'_> {
    fn step(&self, index: usize) -> Option<StepResult> {
        let key = (self.place.0.clone(), self.place.1.clone(), Arc::from(self.node));
        self.ssm.commands.store.read(|state| state.invocations.get(&key)?.steps.get(index).cloned())
    }

    fn change(&self, index: usize, change: &mut dyn FnMut(&mut StepResult)) {
        let key = (self.place.0.clone(), self.place.1.clone(), Arc::from(self.node));
        self.ssm.commands.store.update(|state| {
            let Some(invocation) = state.invocations.get(&key).cloned() else { return };
            let mut changed = (*invocation).clone();
            let mut steps = (*changed.steps).clone();
            if let Some(step) = steps.get_mut(index) {
                change(step);
            }
            changed.steps = Arc::new(steps);
            state.invocations.insert(key, Arc::new(changed));
        });
    }
}
