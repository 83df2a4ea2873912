//! Where outputs go beside the answers: objects in S3, which the node writes under its role when a step is over. (Logs are in `log_streams`.)
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-rc-setting-up-cwlogs.html>

use super::{
    actions::execution::Execution,
    rows::{Command, StepResult},
};
use cloudlet_api_s3::{PutObject, PutObjectRequest};
use cloudlet_aws::{Region, Scope};
use cloudlet_shape::Body;

/// `prefix/command/node/awsrunShellScript/0.awsrunShellScript`
pub fn key(prefix: Option<&str>, command: &str, node: &str, step: &StepResult) -> String {
    let prefix = prefix.map(|prefix| format!("{}/", prefix.trim_end_matches('/'))).unwrap_or_default();
    format!("{prefix}{command}/{node}/{}/{}", step.action.replace(':', ""), step.id)
}

/// Output that cannot be delivered is lost: the agent says so in a log of its own, and the command goes on.
pub async fn deliver(execution: &Execution<'_>, command: &Command, step: &StepResult, output: &str, error: &str) {
    let Ok(caller) = execution.caller() else { return };
    let Some(s3) = &command.s3 else { return };
    for (stream, text) in [("stdout", output), ("stderr", error)].into_iter().filter(|(_, text)| !text.is_empty()) {
        let scope = Scope::new(execution.cx.scope.account, Region::new(&*s3.region));
        let input = PutObjectRequest {
            bucket: s3.bucket.to_string(),
            key: format!("{}/{stream}", key(s3.prefix.as_deref(), &execution.command, &execution.node.id, step)),
            content_length: i64::try_from(text.len()).ok(),
            body: Some(Body::whole(text.to_owned())),
            ..PutObjectRequest::default()
        };
        let _ = Box::pin(execution.cx.call::<PutObject>(caller.clone(), scope, input)).await;
    }
}
