//! What people are told, through topics. AWS: unverified texts.

use super::state::{Change, arn};
use crate::ops_center::publish;
use cloudlet_engine::Cx;

/// The commands that answer a request.
fn commands(cx: &Cx, id: &str) -> String {
    let command =
        |kind: &str| format!("aws ssm send-automation-signal --automation-execution-id {id} --signal-type {kind} --region {}", cx.scope.region);
    format!("To approve or to reject it:\n{}\n{}\n", command("Approve"), command("Reject"))
}

fn about(id: &str, change: &Change) -> String {
    let when = match change.scheduled {
        Some(at) => at.with_millis(),
        None => "as soon as it is approved".to_owned(),
    };
    format!(
        "Change request: {}\nTemplate: {}\nRunbook: {}\nRequested by: {}\nTime: {when}\nOpsItem: {}\nAutomation execution: {id}\n",
        change.name, change.template, change.runbook.document_name, change.requester.arn, change.ops_item
    )
}

/// To the approvers of the level that is open.
pub fn level(cx: &Cx, id: &str, change: &Change) {
    let Some(run) = change.open_level().and_then(|at| change.levels.get(at)) else { return };
    let Some(topic) = &run.level.topic else { return };
    let approvers: Vec<&str> = run.level.approvers.iter().map(|approver| approver.name.as_str()).collect();
    let message = format!(
        "{}\n\n{}Level: {}\nApprovers: {}\n\n{}\n{}",
        run.level.message.as_deref().unwrap_or("A change request waits for your approval."),
        about(id, change),
        run.level.name,
        approvers.join(", "),
        change.details,
        commands(cx, id)
    );
    publish(cx, topic, arn(&cx.scope, id), &format!("Change request for approval: {}", change.name), message);
}

/// To the topics of the levels: the change has another status.
pub fn status(cx: &Cx, id: &str, change: &Change) {
    let mut told: Vec<&str> = vec![];
    for topic in change.levels.iter().filter(|run| run.began.is_some()).filter_map(|run| run.level.topic.as_deref()) {
        if !told.contains(&topic) {
            let message = format!("{}Status: {}\n{}", about(id, change), change.status.as_str(), change.failure.as_deref().unwrap_or_default());
            publish(cx, topic, arn(&cx.scope, id), &format!("Change request {}: {}", change.status.as_str(), change.name), message);
            told.push(topic);
        }
    }
}

/// To those who may approve changes while the calendar is closed.
pub fn calendar(cx: &Cx, id: &str, change: &Change, topic: &str) {
    let message = format!("The change calendar is closed.\n\n{}\n{}", about(id, change), commands(cx, id));
    publish(cx, topic, arn(&cx.scope, id), &format!("Change request while the calendar is closed: {}", change.name), message);
}

/// To the reviewers of templates.
pub fn template(cx: &Cx, topic: &str, name: &str, version: &str, what: &str) {
    let source = cloudlet_aws::Arn::new("ssm", &cx.scope, &format!("document/{name}"));
    let message = format!(
        "The change template {name}, version {version}, {what}.\n\nTo approve or to reject it:\naws ssm update-document-metadata --name {name} --document-version {version} --document-reviews Action=Approve --region {region}\naws ssm update-document-metadata --name {name} --document-version {version} --document-reviews Action=Reject --region {region}\n",
        region = cx.scope.region
    );
    publish(cx, topic, source, &format!("Change template {name} {what}"), message);
}
