//! A document's steps on a node, one after the other.

use super::{
    actions::execution::{Execution, environment_of},
    log_streams::LogStreams,
    outputs::{self, Destinations},
    rows::{Progress, StepResult},
};
use cloudlet_ssm_document::{Given, OnFailure, Parameters, Steps, substitute};
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

/// What is kept of the output of a step.
pub fn kept_output(text: &str) -> Arc<str> {
    beginning(text, OUTPUT)
}

pub fn kept_error(text: &str) -> Arc<str> {
    beginning(text, ERROR)
}

/// Where it is written down how far the steps are.
pub trait Record: Sync {
    fn step(&self, index: usize) -> Option<StepResult>;
    fn change(&self, index: usize, change: &mut dyn FnMut(&mut StepResult));
}

pub async fn take_steps(
    execution: &mut Execution<'_>,
    record: &dyn Record,
    document: &Value,
    given: &Given,
    destinations: &Destinations,
) -> Progress {
    let Some(steps) = Steps::of(document) else { return Progress::Failed };
    let prepared = match Parameters::of(document).values(given) {
        Ok(values) => execution.with_parameter_store(document, values).await,
        Err(invalid) => Err(invalid.to_string()),
    };
    let mut values = match prepared {
        Ok(values) => values,
        Err(why) => {
            record.change(0, &mut |step| {
                step.progress = Progress::Failed;
                step.code = 1;
                step.error = why.as_str().into();
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
            record.change(index, &mut |step| step.progress = skipped);
            continue;
        }
        let started = execution.cx.clock().now();
        record.change(index, &mut |step| {
            step.progress = Progress::InProgress;
            step.started = Some(started);
        });
        let inputs = substitute(&step.inputs, &|name| values.get(name).cloned());
        execution.logs = destinations.log_group.as_ref().and_then(|group| {
            let of_step = record.step(index)?;
            Some(LogStreams::new(group, &execution.command, &execution.node, &of_step.name))
        });
        let mut ended = execution.take(step, &inputs, &values, &in_environment).await;
        // What is stopped as it begins fails in one way or another.
        if ended.progress == Progress::Failed && execution.run.is_stopped() {
            ended.progress = Progress::Cancelled;
        }
        execution.write_logs(true).await;
        let finished = execution.cx.clock().now();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (output, error) = (text(&ended.output), text(&ended.error));
        let of_step = record.step(index);
        record.change(index, &mut |step| {
            step.progress = ended.progress;
            step.code = ended.code;
            step.finished = Some(finished);
            step.output = kept_output(&output);
            step.error = kept_error(&error);
        });
        if let Some(step) = of_step {
            outputs::deliver(execution, destinations.s3.as_ref(), &step, &output, &error).await;
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
