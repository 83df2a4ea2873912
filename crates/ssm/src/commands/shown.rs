//! Commands, invocations and steps, as answers have them.

use super::{
    outputs,
    progress::counts,
    rows::{Command, Invocation, Progress, StepResult},
};
use cloudlet_api_ssm::{self as api, CloudWatchOutputConfig, CommandInvocation, CommandPlugin};
use std::sync::Arc;

fn number(count: u32) -> Option<i32> {
    i32::try_from(count).ok()
}

pub fn logs(command: &Command) -> CloudWatchOutputConfig {
    CloudWatchOutputConfig {
        cloud_watch_log_group_name: Some(command.log_group.as_deref().unwrap_or_default().to_owned()),
        cloud_watch_output_enabled: Some(command.log_group.is_some()),
    }
}

pub fn command(id: &str, command: &Command, invocations: &[Arc<Invocation>]) -> api::Command {
    let counted = counts(invocations.iter());
    api::Command {
        command_id: Some(id.to_owned()),
        document_name: Some(command.document.to_string()),
        document_version: Some(command.version.to_string()),
        comment: Some(command.comment.as_deref().unwrap_or_default().to_owned()),
        expires_after: Some(command.expires),
        parameters: Some(command.parameters.clone()),
        instance_ids: Some(command.instance_ids.clone()),
        targets: Some(command.targets.iter().map(cloudlet_engine::StoredShape::shape).collect()),
        requested_date_time: Some(command.requested),
        status: Some(command.progress.status().to_owned()),
        status_details: Some(command.progress.details().to_owned()),
        output_s3_region: command.s3.as_ref().map(|s3| s3.region.to_string()),
        output_s3_bucket_name: Some(command.s3.as_ref().map(|s3| s3.bucket.to_string()).unwrap_or_default()),
        output_s3_key_prefix: Some(command.s3.as_ref().and_then(|s3| s3.prefix.as_deref()).unwrap_or_default().to_owned()),
        max_concurrency: Some(command.max_concurrency.to_string()),
        max_errors: Some(command.max_errors.to_string()),
        target_count: number(command.target_count),
        completed_count: number(counted.completed),
        error_count: number(counted.errors),
        delivery_timed_out_count: number(counted.delivery_timed_out),
        service_role: Some(command.service_role.as_deref().unwrap_or_default().to_owned()),
        notification_config: Some(notification(command)),
        cloud_watch_output_config: Some(logs(command)),
        timeout_seconds: Some(command.timeout_seconds),
        ..api::Command::default()
    }
}

fn notification(command: &Command) -> api::NotificationConfig {
    command.notification.as_ref().map(cloudlet_engine::StoredShape::shape).unwrap_or_else(|| api::NotificationConfig {
        notification_arn: Some(String::new()),
        notification_events: Some(vec![]),
        notification_type: Some(String::new()),
    })
}

/// Where a stream of a step is in S3. Empty if nowhere.
pub fn url(command: &Command, id: &str, node: &str, step: &StepResult, stream: &str) -> String {
    let Some(s3) = &command.s3 else { return String::new() };
    format!("https://s3.{}.amazonaws.com/{}/{}/{stream}", s3.region, s3.bucket, outputs::key(s3.prefix.as_deref(), id, node, step))
}

pub fn invocation(id: &str, node: &str, command: &Command, invocation: &Invocation, details: bool) -> CommandInvocation {
    let plugins: Vec<CommandPlugin> = if details { invocation.steps.iter().map(|step| plugin(id, node, command, step)).collect() } else { vec![] };
    let single = match invocation.steps.as_slice() {
        [step] => Some(step),
        _ => None,
    };
    CommandInvocation {
        command_id: Some(id.to_owned()),
        instance_id: Some(node.to_owned()),
        instance_name: Some(invocation.node_name.as_deref().unwrap_or_default().to_owned()),
        comment: Some(command.comment.as_deref().unwrap_or_default().to_owned()),
        document_name: Some(command.document.to_string()),
        document_version: Some(command.version.to_string()),
        requested_date_time: Some(command.requested),
        status: Some(invocation.progress.status().to_owned()),
        status_details: Some(invocation.progress.details().to_owned()),
        trace_output: Some(String::new()),
        standard_output_url: Some(single.map(|step| url(command, id, node, step, "stdout")).unwrap_or_default()),
        standard_error_url: Some(single.map(|step| url(command, id, node, step, "stderr")).unwrap_or_default()),
        command_plugins: Some(plugins),
        service_role: Some(command.service_role.as_deref().unwrap_or_default().to_owned()),
        notification_config: Some(notification(command)),
        cloud_watch_output_config: Some(logs(command)),
    }
}

/// The status of a step: it knows fewer words than an invocation.
pub fn step_status(progress: Progress) -> &'static str {
    match progress {
        Progress::Cancelling => "InProgress",
        other => other.status(),
    }
}

fn plugin(id: &str, node: &str, command: &Command, step: &StepResult) -> CommandPlugin {
    CommandPlugin {
        name: Some(step.name.to_string()),
        status: Some(step_status(step.progress).to_owned()),
        status_details: Some(step.progress.details().to_owned()),
        response_code: Some(step.code),
        response_start_date_time: step.started,
        response_finish_date_time: step.finished,
        output: Some(combined(&step.output, &step.error)),
        standard_output_url: Some(url(command, id, node, step, "stdout")),
        standard_error_url: Some(url(command, id, node, step, "stderr")),
        output_s3_region: command.s3.as_ref().map(|s3| s3.region.to_string()),
        output_s3_bucket_name: Some(command.s3.as_ref().map(|s3| s3.bucket.to_string()).unwrap_or_default()),
        output_s3_key_prefix: Some(command.s3.as_ref().map(|s3| outputs::key(s3.prefix.as_deref(), id, node, step)).unwrap_or_default()),
    }
}

/// What one field has of both streams.
const COMBINED: usize = 2_500;
const TITLE: &str = "\n----------ERROR-------\n";
const OUTPUT_CUT: &str = "\n---Output truncated---";
const ERROR_CUT: &str = "\n---Error truncated----";

/// Both outputs in one text, as the agent puts them together.
fn combined(output: &str, error: &str) -> String {
    let title = if error.is_empty() { "" } else { TITLE };
    let length = |text: &str| text.chars().count();
    let room = COMBINED - length(title);
    let (outputs, errors) = (length(output), length(error));
    if outputs + errors <= room {
        return format!("{output}{title}{error}");
    }
    let first = |text: &str, most: usize| -> String { text.chars().take(most).collect() };
    let cut = |text: &str, most: usize, mark: &str| format!("{}{mark}", first(text, most.saturating_sub(length(mark))));
    if errors < room / 2 {
        format!("{}{title}{error}", cut(output, room - errors, OUTPUT_CUT))
    } else if outputs < room / 2 {
        format!("{output}{title}{}", cut(error, room - outputs, ERROR_CUT))
    } else {
        format!("{}{title}{}", cut(output, room / 2, OUTPUT_CUT), cut(error, room / 2, ERROR_CUT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_outputs_share_a_field() {
        assert_eq!(combined("a", ""), "a");
        assert_eq!(combined("a", "b"), "a\n----------ERROR-------\nb");
        for (output, error) in [(5_000, 10), (10, 5_000), (5_000, 5_000), (3_000, 0)] {
            let both = combined(&"o".repeat(output), &"e".repeat(error));
            assert!(both.chars().count() <= COMBINED && both.contains("truncated"), "{output} {error}");
        }
    }
}
