//! Where outputs go beside the answers: objects in S3, which the node writes under its role when a step is over. (Logs are in `log_streams`.)
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-rc-setting-up-cwlogs.html>

use super::{
    actions::execution::Execution,
    rows::{Command, S3Output, StepResult},
};
use cloudlet_api_s3::{PutObject, PutObjectRequest};
use cloudlet_aws::{Region, Scope};
use cloudlet_shape::Body;
use std::sync::Arc;

/// `prefix/command/node/awsrunShellScript/0.awsrunShellScript`
pub fn key(prefix: Option<&str>, command: &str, node: &str, step: &StepResult) -> String {
    let prefix = prefix.map(|prefix| format!("{}/", prefix.trim_end_matches('/'))).unwrap_or_default();
    format!("{prefix}{command}/{node}/{}/{}", step.action.replace(':', ""), step.id)
}

/// Where the outputs of a command go.
#[derive(Clone, Debug, Default)]
pub struct Destinations {
    pub s3: Option<S3Output>,
    pub log_group: Option<Arc<str>>,
}

impl Destinations {
    pub fn of(command: &Command) -> Destinations {
        Destinations { s3: command.s3.clone(), log_group: command.log_group.clone() }
    }
}

/// Output that cannot be delivered is lost: the agent says so in a log of its own, and the command goes on.
pub async fn deliver(execution: &Execution<'_>, s3: Option<&S3Output>, step: &StepResult, output: &str, error: &str) {
    let Ok(caller) = execution.caller() else { return };
    let Some(s3) = s3 else { return };
    for (stream, text) in [("stdout", output), ("stderr", error)].into_iter().filter(|(_, text)| !text.is_empty()) {
        let scope = Scope::new(execution.cx.scope.account, Region::new(&*s3.region));
        let input = PutObjectRequest {
            bucket: s3.bucket.to_string(),
            key: format!("{}/{stream}", key(s3.prefix.as_deref(), &execution.command, &execution.node, step)),
            content_length: i64::try_from(text.len()).ok(),
            body: Some(Body::whole(text.to_owned())),
            ..PutObjectRequest::default()
        };
        let _ = Box::pin(execution.cx.call::<PutObject>(caller.clone(), scope, input)).await;
    }
}
