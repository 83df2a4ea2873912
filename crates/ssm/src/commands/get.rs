//! GetCommandInvocation.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetCommandInvocation.html>

use super::{
    cancel::no_such_command,
    rows::{Progress, RowKey, StepResult},
    shown,
};
use crate::{Ssm, faults, parameters::permissions::on_all};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, Permissions};

/// `2025-11-25T15:00:00.000Z`
fn text(time: Option<Timestamp>) -> String {
    time.map(Timestamp::with_millis).unwrap_or_default()
}

/// `PT2.5S`
fn elapsed(step: &StepResult) -> String {
    match (step.started, step.finished) {
        (Some(started), Some(finished)) => {
            let millis = (finished.0 - started.0).max(0);
            let (seconds, rest) = (millis / 1_000, millis % 1_000);
            if rest == 0 { format!("PT{seconds}S") } else { format!("PT{seconds}.{}S", format!("{rest:03}").trim_end_matches('0')) }
        }
        _ => String::new(),
    }
}

impl Handle<GetCommandInvocation> for Ssm {
    fn permissions(&self, cx: &Cx, _: &GetCommandInvocationRequest) -> Result<Permissions, Fault> {
        Ok(on_all::<GetCommandInvocation>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: GetCommandInvocationRequest) -> Result<GetCommandInvocationResult, Fault> {
        let place: RowKey = (cx.scope.clone(), input.command_id.as_str().into());
        let found = self.commands.store.read(|state| {
            let command = state.commands.get(&place).cloned()?;
            let invocation = state.invocations.get(&(place.0.clone(), place.1.clone(), input.instance_id.as_str().into())).cloned();
            Some((command, invocation))
        });
        // AWS: a command that there is not is the same to it.
        let no_invocation = || faults::INVOCATION_DOES_NOT_EXIST.says("");
        let (command, invocation) = found.ok_or_else(no_invocation)?;
        let invocation = invocation.ok_or_else(no_invocation)?;
        let step = match (&input.plugin_name, invocation.steps.as_slice()) {
            (Some(name), steps) => steps.iter().find(|step| *step.name == **name),
            (None, [step]) => Some(step),
            (None, _) => None,
        };
        let step = step.ok_or_else(|| {
            // AWS: unverified message.
            faults::INVALID_PLUGIN_NAME.says("The plugin name isn't valid.")
        })?;
        // A step that was not reached has the outcome of the whole.
        let progress =
            if step.progress == Progress::Pending || invocation.progress == Progress::Cancelling { invocation.progress } else { step.progress };
        Ok(GetCommandInvocationResult {
            command_id: Some(input.command_id.clone()),
            instance_id: Some(input.instance_id.clone()),
            comment: Some(command.comment.as_deref().unwrap_or_default().to_owned()),
            document_name: Some(command.document.to_string()),
            document_version: Some(command.version.to_string()),
            plugin_name: Some(step.name.to_string()),
            response_code: Some(step.code),
            execution_start_date_time: Some(text(step.started)),
            execution_elapsed_time: Some(elapsed(step)),
            execution_end_date_time: Some(text(step.finished)),
            status: Some(progress.status().to_owned()),
            status_details: Some(progress.details().to_owned()),
            standard_output_content: Some(step.output.to_string()),
            standard_output_url: Some(shown::url(&command, &input.command_id, &input.instance_id, step, "stdout")),
            standard_error_content: Some(step.error.to_string()),
            standard_error_url: Some(shown::url(&command, &input.command_id, &input.instance_id, step, "stderr")),
            cloud_watch_output_config: Some(shown::logs(&command)),
        })
    }
}

/// For other lists.
pub fn check_known(ssm: &Ssm, cx: &Cx, command: Option<&str>) -> Result<(), Fault> {
    let Some(command) = command else { return Ok(()) };
    let is_known = ssm.commands.store.read(|state| state.commands.contains(&(cx.scope.clone(), command.into())));
    if is_known { Ok(()) } else { Err(no_such_command()) }
}
