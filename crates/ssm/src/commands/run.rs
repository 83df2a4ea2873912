//! A command on a node: its document's steps, one after the other.

use super::{
    actions::execution::{Execution, environment_of},
    outputs, progress,
    rows::{Command, Progress, RowKey, StepResult},
};
use crate::{Ssm, nodes::ManagedNode};
use cloudlet_aws::Fault;
use cloudlet_engine::Cx;
use cloudlet_ssm_document::{OnFailure, Parameters, Steps, substitute};
use serde_json::Value;
use std::sync::Arc;

/// What AWS keeps of outputs.
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetCommandInvocation.html>
const OUTPUT: usize = 24_000;
const ERROR: usize = 8_000;
const TRUNCATED: &str = "--output truncated--";

/// The beginning of a text, which says that it is one.
fn beginning(text: &str, most: usize) -> Arc<str> {
    if text.chars().count() <= most {
        return text.into();
    }
    let first: String = text.chars().take(most - TRUNCATED.len()).collect();
    format!("{first}{TRUNCATED}").into()
}

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
        let execution = Execution::new(self, cx, node, place.1.to_string(), &run).await;
        let outcome = match Steps::of(&document) {
            Some(steps) => self.take_steps(&execution, place, command, &document, steps).await,
            None => Progress::Failed,
        };
        self.commands.store.write(|state| progress::change(cx, state, place, &node.id, |invocation| invocation.progress = outcome))?;
        Ok(())
    }

    async fn take_steps(&self, execution: &Execution<'_>, place: &RowKey, command: &Command, document: &Value, steps: Steps) -> Progress {
        let given = command.parameters.iter().map(|(name, values)| (name.clone(), values.clone())).collect();
        let prepared = match Parameters::of(document).values(&given) {
            Ok(values) => execution.with_parameter_store(document, values).await,
            Err(invalid) => Err(invalid.to_string()),
        };
        let mut values = match prepared {
            Ok(values) => values,
            Err(why) => {
                self.put_step(execution, place, 0, |step| {
                    step.progress = Progress::Failed;
                    step.code = 1;
                    step.error = why.into();
                });
                return Progress::Failed;
            }
        };
        let in_environment = environment_of(&Parameters::of(document), &mut values);
        let mut outcome = Progress::Success;
        let mut is_ended = false;
        for (index, step) in steps.steps.iter().enumerate() {
            if execution.run.is_stopped() {
                outcome = Progress::Cancelled;
            }
            if (is_ended || outcome == Progress::Cancelled) && !step.is_final {
                let skipped = if outcome == Progress::Cancelled { Progress::Cancelled } else { Progress::Success };
                self.put_step(execution, place, index, |step| step.progress = skipped);
                continue;
            }
            let started = execution.cx.clock().now();
            self.put_step(execution, place, index, |step| {
                step.progress = Progress::InProgress;
                step.started = Some(started);
            });
            let inputs = substitute(&step.inputs, &|name| values.get(name).cloned());
            let mut ended = execution.take(step, &inputs, &values, &in_environment).await;
            // What is stopped as it begins fails in one way or another.
            if ended.progress == Progress::Failed && execution.run.is_stopped() {
                ended.progress = Progress::Cancelled;
            }
            let finished = execution.cx.clock().now();
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let (output, error) = (text(&ended.output), text(&ended.error));
            let name = self.step_of(execution, place, index);
            self.put_step(execution, place, index, |step| {
                step.progress = ended.progress;
                step.code = ended.code;
                step.finished = Some(finished);
                step.output = beginning(&output, OUTPUT);
                step.error = beginning(&error, ERROR);
            });
            if let Some(name) = name {
                outputs::deliver(execution, command, &name, &output, &error).await;
            }
            is_ended |= ended.ends;
            match ended.progress {
                Progress::Success => is_ended |= step.exits_on_success,
                failed => {
                    match step.on_failure {
                        OnFailure::SuccessAndExit => is_ended = true,
                        OnFailure::Exit => {
                            is_ended = true;
                            outcome = outcome.worse(failed);
                        }
                        OnFailure::Continue => outcome = outcome.worse(failed),
                    };
                }
            }
        }
        outcome
    }

    fn step_of(&self, execution: &Execution<'_>, place: &RowKey, index: usize) -> Option<StepResult> {
        let key = (place.0.clone(), place.1.clone(), Arc::from(execution.node.id.as_str()));
        self.commands.store.read(|state| state.invocations.get(&key)?.steps.get(index).cloned())
    }

    fn put_step(&self, execution: &Execution<'_>, place: &RowKey, index: usize, change: impl FnOnce(&mut StepResult)) {
        let key = (place.0.clone(), place.1.clone(), Arc::from(execution.node.id.as_str()));
        self.commands.store.update(|state| {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_outputs_are_cut() {
        assert_eq!(&*beginning("short", OUTPUT), "short");
        let cut = beginning(&"é".repeat(30_000), OUTPUT);
        assert_eq!(cut.chars().count(), OUTPUT);
        assert!(cut.ends_with("é--output truncated--"));
    }
}
