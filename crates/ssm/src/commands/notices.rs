//! What is told of commands: events, and messages to a topic under the role that the command names.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/monitoring-sns-notifications.html>

use super::rows::{Command, Progress, RowKey};
use crate::{PRINCIPAL, Ssm};
use cloudlet_api_sns::{Publish, PublishInput};
use cloudlet_aws::{Arn, Fault, Timestamp, TimestampFormat};
use cloudlet_engine::{Cx, Handle, Permission, Permissions, ServiceEvent, roles};
use cloudlet_shape::{Empty, Shape};
use serde_json::{Value, json};

pub use own::NotifyOfCommand;

#[derive(Shape, Clone, Default)]
pub struct NoticeInput {
    pub role: String,
    pub topic: String,
    pub subject: String,
    pub message: String,
}

mod own {
    use super::NoticeInput;
    use cloudlet_shape::{Empty, operations};

    operations! { cloudlet_api_ssm::SERVICE;
        NotifyOfCommand(NoticeInput) -> Empty {}
    }
}

fn time(timestamp: Timestamp) -> String {
    timestamp.whole_secs().text(TimestampFormat::DateTime)
}

fn emit(cx: &Cx, detail_type: &'static str, resources: Vec<Arn>, detail: impl FnOnce() -> Value) {
    cx.emit(|| ServiceEvent { source: "aws.ssm", detail_type, resources, detail: detail(), scope: cx.scope.clone(), time: cx.now });
}

pub fn of_command(cx: &Cx, place: &RowKey, command: &Command) -> Result<(), Fault> {
    emit(cx, "EC2 Command Status-change Notification", vec![], || {
        json!({
            "command-id": &*place.1,
            "document-name": &*command.document,
            "expire-after": time(command.expires),
            "parameters": Value::Object(command.parameters.iter().map(|(name, values)| (name.clone(), json!(values))).collect()).to_string(),
            "requested-date-time": time(command.requested),
            "status": command.progress.status(),
        })
    });
    notify(cx, place, command, "Command", command.progress, json!({ "instanceIds": command.instance_ids }))
}

pub fn of_invocation(cx: &Cx, place: &RowKey, command: &Command, node: &str, progress: Progress) -> Result<(), Fault> {
    emit(cx, "EC2 Command Invocation Status-change Notification", vec![], || {
        json!({
            "command-id": &*place.1,
            "document-name": &*command.document,
            "instance-id": node,
            "requested-date-time": time(command.requested),
            "status": progress.status(),
        })
    });
    notify(cx, place, command, "Invocation", progress, json!({ "instanceId": node, "detailedStatus": progress.details() }))
}

fn notify(cx: &Cx, place: &RowKey, command: &Command, kind: &str, progress: Progress, more: Value) -> Result<(), Fault> {
    let Some(notification) = &command.notification else { return Ok(()) };
    let (Some(topic), Some(role)) = (&notification.notification_arn, &command.service_role) else { return Ok(()) };
    let wanted_kind = notification.notification_type.as_deref().unwrap_or("Command");
    let status = progress.status();
    let wants = notification
        .notification_events
        .as_ref()
        .is_none_or(|events| events.is_empty() || events.iter().any(|event| event == "All" || event == status));
    if wanted_kind != kind || !wants || progress == Progress::Pending {
        return Ok(());
    }
    // AWS: unverified form of the message.
    let mut message = json!({
        "commandId": &*place.1,
        "documentName": &*command.document,
        "requestedDateTime": time(command.requested),
        "expiresAfter": time(command.expires),
        "status": status,
        "eventTime": time(cx.now),
    });
    if let (Some(fields), Value::Object(more)) = (message.as_object_mut(), more) {
        fields.extend(more);
        if let Some(s3) = &command.s3 {
            fields.insert("outputS3BucketName".to_owned(), json!(&*s3.bucket));
            fields.insert("outputS3KeyPrefix".to_owned(), json!(s3.prefix.as_deref().unwrap_or_default()));
        }
    }
    let input = NoticeInput {
        role: role.to_string(),
        topic: topic.clone(),
        subject: format!("EC2 Run Command Notification {}", place.0.region.as_str()),
        message: message.to_string(),
    };
    let source = Arn::new("ssm", &place.0, &format!("command/{}", place.1));
    cx.schedule::<NotifyOfCommand>(cx.now, PRINCIPAL, source, place.0.clone(), input)
}

impl Handle<NotifyOfCommand> for Ssm {
    fn permissions(&self, _: &Cx, _: &NoticeInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: NoticeInput) -> Result<Empty, Fault> {
        let Some(role) = Arn::parse(&input.role) else { return Ok(Empty {}) };
        let source = Arn::new("ssm", &cx.scope, "command/*");
        let session = roles::assume_role(cx, &role, "run-command", PRINCIPAL, &source).await?;
        let topic = Arn::parse(&input.topic);
        let scope = topic.as_ref().and_then(Arn::scope).unwrap_or_else(|| cx.scope.clone());
        let publish = PublishInput { topic_arn: Some(input.topic), subject: Some(input.subject), message: input.message, ..PublishInput::default() };
        Box::pin(cx.call::<Publish>(session.caller, scope, publish)).await?;
        Ok(Empty {})
    }
}
