//! Delivery status: what became of deliveries, in a log group of the topic and another for failures, written under the roles that the topic names.
//! Deliberately quiet: what the role does not allow is not written.
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-topic-attributes.html>

use crate::{
    Sns,
    deliveries::Outcome,
    state::{Delivery, MessageType, Protocol},
};
use cloudlet_api_logs::{
    CreateLogGroup, CreateLogGroupRequest, CreateLogStream, CreateLogStreamRequest, InputLogEvent, PutLogEvents, PutLogEventsRequest,
};
use cloudlet_aws::{Arn, Caller, Fault, Scope, Timestamp};
use cloudlet_engine::{Cx, fingerprint::Fingerprint, uuid_text};
use cloudlet_shape::Map;
use serde_json::json;

/// The name of a protocol in the topic's attributes. `None`: its deliveries are not logged.
fn prefix(protocol: Protocol) -> Option<&'static str> {
    match protocol {
        Protocol::Http | Protocol::Https => Some("HTTP"),
        Protocol::Firehose => Some("Firehose"),
        Protocol::Lambda => Some("Lambda"),
        Protocol::Application => Some("Application"),
        Protocol::Sqs => Some("SQS"),
        Protocol::Email | Protocol::EmailJson | Protocol::Sms => None,
    }
}

/// The role under which an outcome is logged, if it is. `chance`: a number below 100.
fn role_of(feedback: &Map<String>, prefix: &str, delivered: bool, chance: u64) -> Option<Arn> {
    let attribute = |tail: &str| feedback.get(&format!("{prefix}{tail}")).filter(|value| !value.is_empty());
    if !delivered {
        return attribute("FailureFeedbackRoleArn").and_then(|role| Arn::parse(role));
    }
    // AWS: unverified: without a rate every success is logged.
    let rate = attribute("SuccessFeedbackSampleRate").and_then(|rate| rate.parse::<u64>().ok()).unwrap_or(100);
    attribute("SuccessFeedbackRoleArn").filter(|_| chance < rate).and_then(|role| Arn::parse(role))
}

/// `2020-02-23 15:52:51.904`
fn time_text(at: Timestamp) -> String {
    at.with_millis().replace('T', " ").trim_end_matches('Z').to_owned()
}

/// The digest of the message, without what a delivery puts around it.
fn digest(delivery: &Delivery) -> String {
    let around: Option<serde_json::Value> = if delivery.raw { None } else { serde_json::from_str(&delivery.body).ok() };
    let message = around.as_ref().and_then(|around| around.get("Message")).and_then(|message| message.as_str());
    cloudlet_digest::md5_hex(message.unwrap_or(&delivery.body).as_bytes())
}

/// The record of a delivery.
fn record(delivery: &Delivery, outcome: &Outcome, id: &str, now: Timestamp) -> String {
    let (status, code, response) = match outcome {
        Outcome::Delivered => ("SUCCESS", if delivery.protocol == Protocol::Lambda { 202 } else { 200 }, "OK"),
        Outcome::ClientError(why) => ("FAILURE", 400, why.as_str()),
        Outcome::ServerError(why) => ("FAILURE", 500, why.as_str()),
    };
    let published = delivery.published.unwrap_or(now);
    json!({
        "notification": {
            "messageMD5Sum": digest(delivery),
            "messageId": &*delivery.message_id,
            "topicArn": delivery.topic.as_str(),
            "timestamp": time_text(published),
        },
        "delivery": {
            "deliveryId": id,
            "destination": delivery.endpoint,
            "providerResponse": response,
            "dwellTimeMs": now.millis().saturating_sub(published.millis()).max(0),
            "attempts": delivery.failed_attempts + 1,
            "statusCode": code,
        },
        "status": status,
    })
    .to_string()
}

impl Sns {
    /// Writes down what became of a delivery, if the topic wants that.
    pub async fn log_status(&self, cx: &Cx, delivery: &Delivery, outcome: &Outcome) {
        if delivery.message_type != MessageType::Notification {
            return;
        }
        let Some(prefix) = prefix(delivery.protocol) else { return };
        let feedback = self.store.read(|state| state.topics.get(&delivery.topic).map(|topic| topic.feedback.clone()));
        let Some(feedback) = feedback.filter(|feedback| !feedback.is_empty()) else { return };
        let delivered = matches!(outcome, Outcome::Delivered);
        let Some(role) = role_of(&feedback, prefix, delivered, cx.ids().number() % 100) else { return };
        let Some(scope) = delivery.topic.scope() else { return };
        let now = cx.clock().now();
        let text = record(delivery, outcome, &cx.ids().uuid(), now);
        let mut group = format!("sns/{}/{}/{}", scope.region, scope.account, delivery.topic.resource());
        if !delivered {
            group.push_str("/Failure");
        }
        let written = match self.role_session(cx, &(role, delivery.topic.clone())).await {
            Ok(caller) => write(cx, caller, scope, &group, InputLogEvent { timestamp: now.millis(), message: text }).await,
            Err(fault) => Err(fault),
        };
        if let Err(fault) = written {
            tracing::debug!(%fault, group, "a delivery status is not written");
        }
    }
}

/// Writes an entry into a group, which is made when it is not there.
async fn write(cx: &Cx, caller: Caller, scope: Scope, group: &str, event: InputLogEvent) -> Result<(), Fault> {
    // AWS: streams are UUIDs. A group has one.
    let stream = uuid_text(*Fingerprint::of_texts(&["delivery status", group, scope.account.as_str(), scope.region.as_str()]).as_bytes());
    let input = PutLogEventsRequest {
        log_group_name: group.to_owned(),
        log_stream_name: stream.clone(),
        log_events: vec![event],
        ..PutLogEventsRequest::default()
    };
    let is = |fault: &Fault, name: &str| fault.name() == name;
    match cx.call::<PutLogEvents>(caller.clone(), scope.clone(), input.clone()).await {
        Err(fault) if is(&fault, "ResourceNotFoundException") => {}
        answer => return answer.map(drop),
    }
    let made = CreateLogGroupRequest { log_group_name: group.to_owned(), ..CreateLogGroupRequest::default() };
    match cx.call::<CreateLogGroup>(caller.clone(), scope.clone(), made).await {
        Err(fault) if !is(&fault, "ResourceAlreadyExistsException") => return Err(fault),
        _ => {}
    }
    let made = CreateLogStreamRequest { log_group_name: group.to_owned(), log_stream_name: stream };
    match cx.call::<CreateLogStream>(caller.clone(), scope.clone(), made).await {
        Err(fault) if !is(&fault, "ResourceAlreadyExistsException") => return Err(fault),
        _ => {}
    }
    cx.call::<PutLogEvents>(caller, scope, input).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_and_rates_decide_what_is_logged() {
        let role = "arn:aws:iam::000000000000:role/r";
        let feedback: Map<String> =
            [("SQSSuccessFeedbackRoleArn", role), ("SQSSuccessFeedbackSampleRate", "30"), ("SQSFailureFeedbackRoleArn", role)]
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
        for (prefix, delivered, chance, logged) in
            [("SQS", true, 29, true), ("SQS", true, 30, false), ("SQS", false, 99, true), ("HTTP", true, 0, false), ("HTTP", false, 0, false)]
        {
            assert_eq!(role_of(&feedback, prefix, delivered, chance).is_some(), logged, "{prefix} {delivered} {chance}");
        }
        let without_rate = Map::from([("HTTPSuccessFeedbackRoleArn".to_owned(), role.to_owned())]);
        assert!(role_of(&without_rate, "HTTP", true, 99).is_some());
        let none =
            Map::from([("HTTPSuccessFeedbackRoleArn".to_owned(), role.to_owned()), ("HTTPSuccessFeedbackSampleRate".to_owned(), "0".to_owned())]);
        assert!(role_of(&none, "HTTP", true, 0).is_none());
    }
}
