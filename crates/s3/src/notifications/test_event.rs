//! The test event that S3 sends to every destination of a new configuration, by which it learns whether they exist and let it in.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>

use super::{
    delivery::{Destination, invoke, send_to},
    rules::{Rule, rules},
};
use crate::{access::BucketHandle, api, faults, state::TargetKind};
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::Cx;
use serde_json::json;

/// The members of the fault, for each destination.
const ARGUMENTS: [(&str, &str); 8] = [
    ("ArgumentName1", "ArgumentValue1"),
    ("ArgumentName2", "ArgumentValue2"),
    ("ArgumentName3", "ArgumentValue3"),
    ("ArgumentName4", "ArgumentValue4"),
    ("ArgumentName5", "ArgumentValue5"),
    ("ArgumentName6", "ArgumentValue6"),
    ("ArgumentName7", "ArgumentValue7"),
    ("ArgumentName8", "ArgumentValue8"),
];

/// Sends it to all. The fault names every destination that did not take it.
pub async fn send(cx: &Cx, found: &BucketHandle, configuration: &api::NotificationConfiguration) -> Result<(), Fault> {
    let body = json!({
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": cx.now.with_millis(),
        "Bucket": &*found.name,
        "RequestId": &*cx.request_id,
        "HostId": cx.origin.host_id.as_deref().unwrap_or_default(),
    })
    .to_string();
    let mut refused: Vec<(&str, String)> = vec![];
    for rule in rules(configuration) {
        if let Some(why) = refusal(cx, found, &rule, &body).await? {
            refused.push((rule.target, why));
        }
    }
    if refused.is_empty() {
        return Ok(());
    }
    let mut fault = faults::INVALID_ARGUMENT.says("Unable to validate the following destination configurations");
    for ((name, value), (target, why)) in ARGUMENTS.into_iter().zip(refused) {
        fault = fault.with(name, target).with(value, why);
    }
    Err(fault)
}

/// Why a destination does not take events. A service that is not built cannot be asked: its own fault is the answer.
async fn refusal(cx: &Cx, found: &BucketHandle, rule: &Rule<'_>, body: &str) -> Result<Option<String>, Fault> {
    let Some(arn) = Arn::parse(rule.target) else { return Ok(Some("The ARN could not be parsed".to_owned())) };
    let destination = Destination { kind: rule.kind, arn };
    let sent = match rule.kind {
        TargetKind::Function => invoke(cx, found, &destination, "DryRun", body).await,
        _ => send_to(cx, found, &destination, body).await,
    };
    let Err(fault) = sent else { return Ok(None) };
    if fault.status() == 501 {
        return Err(fault);
    }
    let missing =
        fault.status() == 404 || fault.code().contains("NonExistent") || fault.code().contains("NotFound") || fault.name().contains("DoesNotExist");
    Ok(Some(match (rule.kind, missing) {
        (TargetKind::Queue, true) => "The destination queue does not exist".to_owned(),
        (TargetKind::Topic, true) => "The destination topic does not exist".to_owned(),
        (TargetKind::Function, true) => "The destination Lambda does not exist".to_owned(),
        (TargetKind::Queue, false) => "Permissions on the destination queue do not allow S3 to publish notifications from this bucket".to_owned(),
        (TargetKind::Topic, false) => "Permissions on the destination topic do not allow S3 to publish notifications from this bucket".to_owned(),
        (TargetKind::Function, false) => format!("Not authorized to invoke function [{}]", rule.target),
    }))
}
